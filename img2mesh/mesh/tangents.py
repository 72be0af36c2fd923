"""Tangent frames of a textured mesh, as MikkTSpace makes them and glTF wants them."""

from __future__ import annotations

import numpy as np

from img2mesh.mesh.textured_mesh import unit_vectors


def tangents(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Directions in which the texture's u grows, and the sign of the bitangent.

    A face's tangent is made perpendicular to each corner's normal, normalised, and weighted by the angle there
    (Mikkelsen 2008, "Simulation of Wrinkled Surfaces Revisited"). Vertices are already copied at seams of the atlas, so
    that faces around one of them share its normal and texture coordinates.

    Args:
        vertices: (V, 3). faces: (F, 3). normals: (V, 3) unit.
        uv: (V, 2), v growing upwards.

    Returns:
        (V, 4) float64: unit tangent, and w = 1 or -1: the bitangent, in which v grows upwards, is
        w * cross(normal, tangent).
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    p, q, r = (uv[faces[:, k]] for k in range(3))
    one, two, first, second = b - a, c - a, q - p, r - p
    turn = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    along = (one * second[:, 1:] - two * first[:, 1:]) * np.where(turn < 0, -1.0, 1.0)[:, None]
    total, sign = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    for k in range(3):
        corner = faces[:, k]
        normal = normals[corner]
        flat = unit_vectors(along - normal * np.einsum("ij,ij->i", along, normal)[:, None])
        sides = [vertices[faces[:, (k + n) % 3]] - vertices[corner] for n in (1, 2)]
        sides = [unit_vectors(s - normal * np.einsum("ij,ij->i", s, normal)[:, None]) for s in sides]
        angle = np.arccos(np.clip(np.einsum("ij,ij->i", *sides), -1, 1))
        for axis in range(3):
            total[:, axis] += np.bincount(corner, angle * flat[:, axis], len(vertices))
        sign += np.bincount(corner, angle * np.sign(turn), len(vertices))
    found = unit_vectors(total)
    lost = np.linalg.norm(found, axis=1) < 0.5
    if lost.any():  # no direction: any that is perpendicular to the normal
        axis = np.eye(3)[np.abs(normals[lost]).argmin(axis=1)]
        found[lost] = unit_vectors(np.cross(normals[lost], axis))
    return np.column_stack([found, np.where(sign < 0, -1.0, 1.0)])
