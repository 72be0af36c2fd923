"""One closed solid for a printer: thick enough walls, no inner shells, no crumbs, no triangles through each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.finish.closest_point import ClosestPoint, texture_at
from img2mesh.finish.self_intersections import self_intersections
from img2mesh.finish.solid import arrays_of, solid_of
from img2mesh.finish.solid_grid import solid_grid
from img2mesh.finish.thicken import cavity_of, drain_place, thickened, thin_middles
from img2mesh.mesh.corner_colours import corner_colours
from img2mesh.mesh.extract import marching_cubes
from img2mesh.mesh.textured_mesh import TexturedMesh, face_components, is_closed, weld

CELLS, MOST_CELLS = 160, 320  # along the longest side
PER_WALL = 2.2  # cells through the thinnest wall
TOLERANCES = (0.1, 0.02, 0.0)  # of a cell: how far simplification may move the surface; tried in turn
STEP = (
    2e-6  # of the size: positions are rounded to a power of two about as large, which single precision holds
)


@dataclass(frozen=True)
class PrintAsk:
    """What a printable solid should have, lengths in the mesh's units; 0 means no wish.

    Attributes:
        wall: least thickness. hollow: wall to be left around a cavity. drain: diameter of the hole into it.
        flat: whether all below z = 0 is cut off. height: what is above is cut off, 0: nothing.
    """

    wall: float = 0.0
    hollow: float = 0.0
    drain: float = 0.0
    flat: bool = False
    height: float = 0.0


def make_printable(mesh: TexturedMesh, ask: PrintAsk) -> tuple[TexturedMesh, dict[str, Any]]:
    """A solid with the colours of a textured mesh.

    Args:
        mesh: closed, wound outwards, z up; it may intersect itself.

    Returns:
        The solid: coloured at its vertices, the faces that the photo shows first. Facts: `loose_parts` and
        `loose_volume` (share) that were left out, `thickened_area` (share of the surface), `hollow` and `drain`
        (whether there is one), `cell` (of the grid), `guessed_from` (number of the first face that the photo does not
        show; None where nobody knows).
    """
    vertices, faces = mesh.welded()
    size = float(np.ptp(vertices, axis=0).max())
    spacing = size / CELLS
    if ask.wall > 0:
        spacing = max(min(spacing, ask.wall / PER_WALL), size / MOST_CELLS)
    closest = ClosestPoint(vertices, faces, 0.7 * spacing)
    facts: dict[str, Any] = {"cell": spacing, "thickened_area": 0.0, "hollow": False, "drain": False}
    middles = np.zeros((0, 3))
    if ask.wall > 0:
        middles = thin_middles(vertices, faces, ask.wall, closest)
        facts["thickened_area"] = round(len(middles) / max(len(closest.owner), 1), 4)
    if not len(middles) and not ask.hollow and _is_one_solid(vertices, faces):
        return _photo_first(mesh, facts | {"loose_parts": 0, "loose_volume": 0.0, "parts": 1})
    grid = solid_grid(vertices, faces, spacing, closest)
    if len(middles):
        grid = thickened(padded(grid, ask.wall / 2), middles, ask.wall)
    grid, facts["loose_parts"], facts["loose_volume"] = largest_part(grid)
    for tolerance in (TOLERANCES[0] * grid.spacing, 0.0):  # marching cubes' own triangles never cross
        solid = _surface(grid, tolerance)
        if ask.hollow > 0:
            solid = _hollowed(solid, grid, tolerance, ask, facts)
        if ask.flat:
            solid = solid.trim_by_plane((0.0, 0.0, 1.0), 0.0)
        if ask.height > 0:
            solid = solid.trim_by_plane((0.0, 0.0, -1.0), -ask.height)
        new_vertices, new_faces, clean = _simplified(solid, spacing, size)
        if clean:
            break
    return _coloured(mesh, vertices, faces, closest, new_vertices, new_faces, facts)


def _is_one_solid(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """Closed, in one part, without crossings: nothing has to be done, and the texture can stay."""
    one = face_components(faces, len(vertices)).max(initial=0) == 0
    rounded, left = weld(vertices.astype(np.float32).astype(np.float64), faces)
    if not one or len(left) != len(faces) or not is_closed(left):
        return False
    return not len(self_intersections(rounded, left, most=1))


def _photo_first(mesh: TexturedMesh, facts: dict[str, Any]) -> tuple[TexturedMesh, dict[str, Any]]:
    """The same mesh, the faces that the photo shows first."""
    facts["guessed_from"] = None
    if mesh.sources is None:
        return mesh, facts
    seen = _is_photo(mesh.sources, mesh.uv[mesh.faces].mean(axis=1))
    facts["guessed_from"] = int(seen.sum())
    return replace(mesh, faces=np.concatenate([mesh.faces[seen], mesh.faces[~seen]])), facts


def _is_photo(sources: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(N,) bool: which texture coordinates have their colour from the photo."""
    from img2mesh.mesh.texture import PALETTE, PHOTO

    return (_nearest(sources, uv) == np.array(PALETTE[PHOTO])).all(axis=1)


def padded(grid: SdfGrid, margin: float) -> SdfGrid:
    """The grid with room for a solid that grows by `margin` on every side."""
    cells = int(np.ceil(margin / grid.spacing)) + 1
    values = np.pad(grid.sdf, cells, mode="edge")
    return SdfGrid(values, grid.bounds + np.array([[-1.0], [1.0]]) * cells * grid.spacing)


def largest_part(grid: SdfGrid) -> tuple[SdfGrid, int, float]:
    """The largest connected part of a solid, the number of others, and their share of the volume."""
    from scipy.ndimage import label

    number, count = label(grid.sdf < 0)
    if count <= 1:
        return grid, 0, 0.0
    sizes = np.bincount(number.ravel())[1:]
    kept = int(np.argmax(sizes)) + 1
    values = np.where((number != kept) & (number > 0), -grid.sdf, grid.sdf)
    return SdfGrid(values, grid.bounds), count - 1, round(float(1 - sizes[kept - 1] / sizes.sum()), 5)


def _surface(grid: SdfGrid, tolerance: float) -> Any:
    from manifold3d import Manifold, Mesh64

    vertices, faces = marching_cubes(grid.sdf)
    vertices = vertices * grid.spacing + grid.bounds[0]
    solid = Manifold(Mesh64(np.ascontiguousarray(vertices), faces.astype(np.uint64)))
    # Before cuts: simplified after them, the triangles of two surfaces may cross.
    return solid.simplify(tolerance) if tolerance else solid


def _hollowed(solid: Any, grid: SdfGrid, tolerance: float, ask: PrintAsk, facts: dict[str, Any]) -> Any:
    """Without the inside, and with a way out for what is in there."""
    from manifold3d import Manifold

    floor = 0.0 if ask.flat else solid.bounding_box()[2]
    cavity = cavity_of(grid, ask.hollow, floor)
    if not (cavity.sdf < 0).any():
        return solid
    cavity, _, _ = largest_part(cavity)
    facts["hollow"] = True
    if ask.drain > 0:
        top = drain_place(cavity, grid, ask.drain, floor)
        if top is not None:
            below = solid.bounding_box()[2] - ask.drain
            length = float(top[2] - below + grid.spacing * 2)
            hole = Manifold.cylinder(length, ask.drain / 2, circular_segments=48)
            solid = solid - hole.translate((float(top[0]), float(top[1]), float(below)))
            facts["drain"] = True
    return solid - _surface(cavity, tolerance)


def _simplified(solid: Any, spacing: float, size: float) -> tuple[np.ndarray, np.ndarray, bool]:
    """Arrays of a solid with fewer faces, positions rounded, and whether no triangles cross each other."""
    clean = False
    step = 2.0 ** np.round(np.log2(STEP * size))
    for tolerance in TOLERANCES:
        fewer = solid.simplify(tolerance * spacing) if tolerance else solid
        vertices, faces = arrays_of(fewer)
        rounded = np.round(vertices / step) * step
        again = solid_of(rounded, faces)
        if again is None:
            continue
        vertices, faces = arrays_of(again)
        vertices = np.round(vertices / step) * step
        clean = is_closed(faces) and not len(self_intersections(vertices, faces, most=1))
        if clean:
            break
    return vertices, faces, clean


def _coloured(
    mesh: TexturedMesh,
    vertices: np.ndarray,
    faces: np.ndarray,
    closest: ClosestPoint,
    new_vertices: np.ndarray,
    new_faces: np.ndarray,
    facts: dict[str, Any],
) -> tuple[TexturedMesh, dict[str, Any]]:
    """The new surface with the old one's colours, the photo's faces first."""
    found = closest(new_vertices)
    uv = np.einsum("nk,nkc->nc", found.bary, mesh.uv[mesh.faces[found.face]])
    colours = np.clip(texture_at(mesh.texture, uv) + 0.5, 0, 255).astype(np.uint8)
    facts["guessed_from"] = None
    if mesh.sources is not None:
        photo = _is_photo(mesh.sources, uv)[new_faces].sum(axis=1) >= 2
        new_faces = np.concatenate([new_faces[photo], new_faces[~photo]])
        facts["guessed_from"] = int(photo.sum())
    made = corner_colours(new_vertices, new_faces, colours[new_faces])
    facts["parts"] = int(face_components(new_faces, len(new_vertices)).max(initial=-1) + 1)
    return made, facts


def _nearest(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    height, width = texture.shape[:2]
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return texture[row, column]
