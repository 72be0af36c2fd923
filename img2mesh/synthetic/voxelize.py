"""Which points of space lie inside a closed mesh, by counting the surfaces that rays cross."""

from __future__ import annotations

from typing import Any

import numpy as np

from img2mesh.core.ray_casting import cast, ray_scene
from img2mesh.synthetic.model import Model

SOLID_FILE = "solid.npz"  # of a dataset's object: `inside`, what `true_solid` gives
SOLID = 40  # cells per side of an object's solid, over the unit cube
FINER = 4  # points per side of a cell whose share inside of the object it holds
MOST_PARTS = 40  # a model of more is a scene, or made of loose leaves


def occupancy(
    vertices: np.ndarray, faces: np.ndarray, resolution: int = 160, half: float = 0.6
) -> np.ndarray:
    """(n, n, n) bool: which cell centres of the cube [-half, half]^3 lie inside a closed mesh.

    Crossings are counted along z rays through all (x, y) centres and along x rays; a cell counts as inside if
    both agree or, where they do not (rays that graze an edge), if a y ray says so.
    """
    scene = ray_scene(vertices, faces)
    z, x = _fill(scene, 2, resolution, half), _fill(scene, 0, resolution, half)
    if (z == x).all():
        return z
    return np.where(z == x, z, _fill(scene, 1, resolution, half))


def _fill(scene: Any, axis: int, n: int, half: float) -> np.ndarray:
    """Parity fill along one axis; (n, n, n) bool in x, y, z order."""
    centres = (np.arange(n) + 0.5) / n * 2 * half - half
    first, second = (k for k in range(3) if k != axis)
    a, b = np.meshgrid(centres, centres, indexing="ij")
    origins = np.zeros((n * n, 3))
    origins[:, first], origins[:, second] = a.ravel() + 1.3e-5, b.ravel() + 1.7e-5
    origins[:, axis] = -half - 1
    direction = np.zeros((1, 3))
    direction[0, axis] = 1
    flips = np.zeros((n * n, n + 1), dtype=np.int32)
    alive = np.arange(n * n)
    for _ in range(256):
        face, _, distance = cast(scene, origins[alive], np.repeat(direction, len(alive), 0))
        alive, distance = alive[face >= 0], distance[face >= 0]
        if not len(alive):
            break
        at = origins[alive, axis] + distance
        cell = np.clip(np.ceil((at + half) / (2 * half) * n - 0.5), 0, n).astype(np.int64)
        np.add.at(flips, (alive, cell), 1)
        origins[alive, axis] = at + 2e-6
    inside = (np.cumsum(flips, axis=1)[:, :n] % 2 == 1).reshape(n, n, n)
    return np.moveaxis(inside, -1, axis)


def true_solid(model: Model) -> np.ndarray | None:
    """(SOLID, SOLID, SOLID) uint8, axes x, y, z over [-0.5, 0.5]^3: the share of each cell inside of a model, of 255.

    Closed parts may overlap: their union counts. Parts that are turned inside out are hollows in the others.
    None where a part has a hole, so that nobody can tell, or where there are more parts than `MOST_PARTS`.
    """
    from img2mesh.mesh.textured_mesh import face_components, is_closed, volume, weld

    vertices, faces = weld(model.vertices, model.faces)
    if not is_closed(faces):
        return None
    number = face_components(faces, len(vertices))
    if number.max() >= MOST_PARTS:
        return None
    n = SOLID * FINER
    inside, hollow = np.zeros((n, n, n), bool), np.zeros((n, n, n), bool)
    for part in (faces[number == k] for k in np.unique(number)):
        filled = occupancy(vertices, part, n, 0.5)
        (inside if volume(vertices, part) > 0 else hollow)[filled] = True
    inside &= ~hollow
    cells = inside.reshape(SOLID, FINER, SOLID, FINER, SOLID, FINER).mean(axis=(1, 3, 5))
    return np.round(cells * 255).astype(np.uint8)
