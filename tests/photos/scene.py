"""An object whose silhouettes and insides are known exactly: a box with a knob, seen as photos show it."""

from __future__ import annotations

from functools import cache

import numpy as np

from img2mesh.core.camera import Camera, look_at
from img2mesh.segment.cutout import Cutout, recentre, window_of

BOX = np.array([0.5, 0.3, 0.35])  # half sides would be half of these
KNOB = np.array([0.16, 0.1, 0.22])  # its middle; radius 0.1
SIZE = 160


def inside(points: np.ndarray) -> np.ndarray:
    """(N,) bool."""
    box = (np.abs(points) < BOX / 2).all(-1)
    return box | (np.linalg.norm(points - KNOB, axis=-1) < 0.1)


def camera(elevation: float, azimuth: float, distance: float = 1.9, off: float = 0.0) -> Camera:
    e, a = np.radians([elevation, azimuth])
    place = distance * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    focal = SIZE * 1.5
    return Camera(look_at(place), focal, focal, SIZE / 2 + off, SIZE / 2, SIZE, SIZE)


@cache
def _cells() -> np.ndarray:
    axis = (np.arange(90) + 0.5) / 90 * 0.8 - 0.4
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    return points[inside(points)]


def picture(seen_from: Camera) -> np.ndarray:
    """(SIZE, SIZE, 4) uint8 whose colours are those of places of the object's surface: equal from all sides."""
    pixels, depth = seen_from.project(_cells())
    column, row = np.floor(pixels).astype(int).T
    order = np.argsort(-depth)
    rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
    for dy in (0, 1):
        for dx in (0, 1):
            rgba[np.clip(row[order] + dy, 0, SIZE - 1), np.clip(column[order] + dx, 0, SIZE - 1), :3] = (
                _cells()[order] * 255 + 120
            ).clip(0, 255)
            rgba[np.clip(row + dy, 0, SIZE - 1), np.clip(column + dx, 0, SIZE - 1), 3] = 255
    return rgba


def cutout(seen_from: Camera) -> Cutout:
    rgba = picture(seen_from)
    return Cutout(recentre(rgba, 0.7), "alpha", window=window_of(rgba[..., 3], 0.7))
