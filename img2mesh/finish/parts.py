"""Closed parts of a surface that lie inside other parts of it."""

from __future__ import annotations

import numpy as np

MOST = 200  # parts that are looked at, the largest first


def winding_number(point: np.ndarray, triangles: np.ndarray) -> float:
    """How often closed triangles (F, 3, 3) go around a point (3,): their solid angle over 4 pi.

    Van Oosterom and Strackee 1983.
    """
    a, b, c = (triangles - point).transpose(1, 0, 2)
    x, y, z = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    above = np.einsum("ij,ij->i", a, np.cross(b, c))
    dots = [np.einsum("ij,ij->i", p, q) for p, q in ((a, b), (b, c), (c, a))]
    below = x * y * z + dots[0] * z + dots[1] * x + dots[2] * y
    return float(np.arctan2(above, below).sum() / (2 * np.pi))


def nested_parts(vertices: np.ndarray, faces: np.ndarray, number: np.ndarray) -> np.ndarray:
    """(P,) bool: which parts lie inside another one.

    Args:
        number: (F,) the part of each face. A part counts by one of its corners: where parts cross, it may be either.
    """
    count = int(number.max(initial=-1)) + 1
    inside = np.zeros(count, bool)
    if count < 2:
        return inside
    triangles = vertices[faces]
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, number, triangles.min(axis=1))
    np.maximum.at(high, number, triangles.max(axis=1))
    extent = np.where(np.isfinite(low), high - low, 0).prod(axis=1)
    order = np.argsort(-extent, kind="stable")[:MOST]
    for place, part in enumerate(order):
        for other in order[:place]:
            if (low[other] < low[part]).all() and (high[other] > high[part]).all():
                corner = triangles[np.argmax(number == part), 0]
                if abs(winding_number(corner, triangles[number == other])) > 0.5:
                    inside[part] = True
                    break
    return inside
