"""Colours at the corners of faces as a texture."""

from __future__ import annotations

import math

import numpy as np

from img2mesh.mesh.textured_mesh import TexturedMesh


def corner_colours(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray) -> TexturedMesh:
    """A mesh whose texture has two by two texels for each face.

    Three of the four are the corners' colours and the fourth continues them, so bilinear lookup between the
    texels' centres is linear over the face.

    Args:
        vertices: (V, 3). faces: (F, 3). colours: (F, 3, 3) uint8 of each face's corners.
    """
    side = _blocks(len(faces))
    texture = np.zeros((2 * side, 2 * side, 3), np.uint8)
    row, column = np.divmod(np.arange(len(faces)), side)
    a, b, c = (colours[:, k].astype(np.int64) for k in range(3))
    blocks = ((a, 0, 0), (b, 0, 1), (c, 1, 0), (np.clip(b + c - a, 0, 255), 1, 1))
    for colour, down, right in blocks:
        texture[2 * row + down, 2 * column + right] = colour
    loose = np.arange(3 * len(faces)).reshape(-1, 3)
    return TexturedMesh(vertices[faces].reshape(-1, 3), loose, _coordinates(len(faces)), texture)


def has_corner_colours(mesh: TexturedMesh) -> bool:
    """Whether a mesh's texture is that of `corner_colours`: no more than a colour for each corner."""
    count = len(mesh.faces)
    return (
        mesh.texture.shape[0] == mesh.texture.shape[1] == 2 * _blocks(count)
        and len(mesh.uv) == 3 * count
        and bool(np.array_equal(mesh.uv, _coordinates(count)))
    )


def _blocks(faces: int) -> int:
    """Blocks of two by two texels along each side."""
    return math.ceil(math.sqrt(faces))


def _coordinates(faces: int) -> np.ndarray:
    """(3 F, 2): the centres of three texels of each face's block."""
    side = _blocks(faces)
    row, column = np.divmod(np.arange(faces), side)
    u = (2 * column[:, None] + np.array([0.5, 1.5, 0.5])) / (2 * side)
    v = 1 - (2 * row[:, None] + np.array([0.5, 0.5, 1.5])) / (2 * side)
    return np.stack([u, v], axis=-1).reshape(-1, 2)
