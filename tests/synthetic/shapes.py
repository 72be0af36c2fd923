"""Model files whose pictures can be calculated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

SIDES = {  # outward normal of the glTF cube -> sRGB colour of that side
    (1, 0, 0): (255, 0, 0),
    (-1, 0, 0): (0, 255, 255),
    (0, 1, 0): (0, 255, 0),
    (0, -1, 0): (255, 0, 255),
    (0, 0, 1): (0, 0, 255),
    (0, 0, -1): (255, 255, 0),
}


def coloured_cube(path: Path, side: float = 1.0) -> Path:
    """An axis-aligned cube with one colour per side of the FILE's axes, as vertex colours (.ply) or .glb."""
    box = trimesh.creation.box((side,) * 3)
    parts = []
    for normal, colour in SIDES.items():
        faces = np.flatnonzero(box.face_normals @ np.array(normal) > 0.5)
        part = box.submesh([faces], append=True)
        if path.suffix == ".ply":
            part.visual = trimesh.visual.ColorVisuals(part, vertex_colors=np.tile([*colour, 255], (4, 1)))
        else:
            picture = Image.new("RGB", (4, 4), colour)
            material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture)
            part.visual = trimesh.visual.TextureVisuals(uv=np.full((4, 2), 0.5), material=material)
        parts.append(part)
    if path.suffix == ".ply":
        trimesh.util.concatenate(parts).export(path)
    else:
        trimesh.Scene(parts).export(path)
    return path


def textured_sphere(path: Path, rings: int = 96) -> Path:
    """A glTF sphere of radius 1 whose longitude is its texture's hue: red grows with it, green with height."""
    v, u = np.mgrid[0 : rings + 1, 0 : 2 * rings + 1]
    longitude, latitude = u / (2 * rings) * 2 * np.pi, v / rings * np.pi - np.pi / 2
    # glTF axes: Y up; longitude 0 on +Z (the front, azimuth 0), growing towards +X (azimuth 90)
    points = np.stack(
        [np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)], -1
    )
    index = v * (2 * rings + 1) + u
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uv = np.stack([u / (2 * rings), v / rings], -1).reshape(-1, 2)
    y, x = np.mgrid[0:256, 0:512]
    texture = np.stack([x / 511 * 255, (255 - y) / 255 * 255, np.full(x.shape, 40)], -1).astype(np.uint8)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(texture))
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    trimesh.Trimesh(points.reshape(-1, 3), faces, visual=visual, process=False).export(path)
    return path
