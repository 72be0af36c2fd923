"""Light taken out of a texture as far as it is smooth: what shading the normals explain.

Neighbouring faces mostly have the same material, so the differences between their colours that go with their normals
are light. Its logarithm is written in spherical harmonics up to the second degree (Ramamoorthi and Hanrahan 2001),
whose numbers are fitted robustly; edges of the material are outliers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from img2mesh.core.rasterise import rasterise_atlas
from img2mesh.finish.closest_point import texture_at
from img2mesh.mesh.texture import dilate
from img2mesh.mesh.textured_mesh import TexturedMesh, vertex_normals
from img2mesh.mesh.view_selection import face_neighbours

ROUNDS = 8
EDGE = 0.03  # difference of log luminance, beyond what light explains, that is an edge of the material
RIDGE = 1e-3
MOST = 0.7  # of log luminance: stronger light stays
DARK = 0.01  # linear luminance below which a logarithm tells nothing


def delight(mesh: TexturedMesh) -> tuple[TexturedMesh, dict[str, Any]]:
    """A closed mesh with the smooth part of the light divided out of its texture, its mean lightness kept.

    Returns:
        The mesh, and `shading_range`: brightest over darkest light that was taken out (1: none).
    """
    vertices, faces = mesh.welded()
    pairs, _ = face_neighbours(vertices, faces)
    normals = vertex_normals(vertices, faces)
    middle = normals[faces].sum(axis=1)
    basis = harmonics(middle / np.maximum(np.linalg.norm(middle, axis=1), 1e-12)[:, None])
    linear = (texture_at(mesh.texture, mesh.uv[mesh.faces].mean(axis=1)) / 255) ** 2.2
    tone = np.log(np.maximum(linear @ [0.2126, 0.7152, 0.0722], DARK))
    turns = basis[pairs[:, 0]] - basis[pairs[:, 1]]
    steps = tone[pairs[:, 0]] - tone[pairs[:, 1]]
    weight = np.ones(len(pairs))
    light = np.zeros(basis.shape[1])
    for _ in range(ROUNDS):
        left = turns.T @ (turns * weight[:, None]) + RIDGE * weight.sum() * np.eye(len(light)) / len(light)
        light = np.linalg.solve(left, turns.T @ (weight * steps))
        weight = 1 / (1 + ((steps - turns @ light) / EDGE) ** 2)
    shading = _limited(basis @ light)
    size = mesh.texture.shape[0]
    atlas = rasterise_atlas(mesh.uv, mesh.faces, *mesh.texture.shape[:2])
    if mesh.texture.shape[1] != size or not atlas.hit.any():
        return mesh, {"shading_range": 1.0}
    own = np.zeros((len(mesh.vertices), 3))
    own[mesh.faces] = normals[faces]
    at = atlas.interpolate(own, mesh.faces)
    at /= np.maximum(np.linalg.norm(at, axis=1), 1e-12)[:, None]
    gain = np.exp(-(_limited(harmonics(at) @ light) - shading.mean()) / 2.2)
    picture = mesh.texture.astype(np.float32) / 255
    picture[atlas.hit] *= gain[:, None].astype(np.float32)
    picture = dilate(picture, atlas)
    texture = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    return replace(mesh, texture=texture), {"shading_range": round(float(np.exp(np.ptp(shading))), 3)}


def harmonics(normals: np.ndarray) -> np.ndarray:
    """(N, 8) spherical harmonics of degrees 1 and 2 of unit vectors, up to constants."""
    x, y, z = normals.T
    return np.stack([x, y, z, x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1], axis=1)


def _limited(shading: np.ndarray) -> np.ndarray:
    return MOST * np.tanh(shading / MOST)
