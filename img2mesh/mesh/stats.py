"""Facts about a mesh, for the run's report and for people who print it."""

from __future__ import annotations

from typing import Any

import numpy as np

from img2mesh.mesh.axes import place
from img2mesh.mesh.textured_mesh import TexturedMesh, face_components, is_closed, surface, weld
from img2mesh.settings import Settings


def mesh_report(mesh: TexturedMesh, settings: Settings | None = None) -> dict[str, Any]:
    """Plain values about a mesh as `write_mesh` would write it with the same settings.

    Returns:
        `watertight` (every edge in exactly two faces), `winding` ("outward", "inward" or "inconsistent"),
        `volume_m3`, `area_m2`, `components`, `size_m` (width, height, depth as seen from the front), `faces`,
        `vertices` (with the copies at seams), `vertices_welded`, `texture_size` [width, height], and what the
        making left in `mesh.facts`: `texture_coverage` (share of the atlas that charts cover) and
        `photo_share` (share of the charts coloured by the photo).
    """
    positions, faces = weld(place(mesh.vertices, settings), mesh.faces)
    closed = is_closed(faces)
    solid = surface(positions, faces)
    inside = float(solid.volume)
    size = np.ptp(positions, axis=0) if len(positions) else np.zeros(3)
    return {
        "watertight": closed,
        "winding": ("outward" if inside > 0 else "inward") if closed else "inconsistent",
        "volume_m3": float(f"{inside:.6g}") if closed else None,
        "area_m2": float(f"{solid.area:.6g}"),
        "components": int(face_components(faces, len(positions)).max(initial=-1) + 1) if len(faces) else 0,
        "size_m": [float(f"{s:.6g}") for s in (size[1], size[2], size[0])],
        "faces": len(faces),
        "vertices": len(mesh.vertices),
        "vertices_welded": len(positions),
        "texture_size": [mesh.texture.shape[1], mesh.texture.shape[0]],
        **mesh.facts,
    }
