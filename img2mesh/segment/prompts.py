"""Where the user says the object is: a box around it, or a point on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.segment.photo import Photo
from img2mesh.segment.trust import Found

Find = Callable[[Photo], Found]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of `Photo.rgb`
MARGIN = 0.12  # of a box's longer side: the surroundings, which tell the object from its background
SLACK = 0.02  # of a box's sides: hands draw boxes a little too tight
WINDOWS = (
    0.8,
    0.5,
    0.3,
    0.18,
)  # sides of the squares around a point that are looked at, in shorter sides of the photo


def to_pixels(image: Photo, values: tuple[float, ...]) -> tuple[float, ...]:
    """Pixels of the file's picture, x and y by turns, to those of `rgb`, which large photos are reduced to.

    Raises:
        Img2MeshError: the first two lie outside of the picture.
    """
    width, height = image.full_size or image.rgb.shape[1::-1]
    if values[0] >= width or values[1] >= height:
        raise Img2MeshError(
            f"{values[0]:g},{values[1]:g} lies outside of the photo, which has {width} x {height} pixels."
        )
    scale = image.rgb.shape[1] / width, image.rgb.shape[0] / height
    return tuple(value * scale[k % 2] for k, value in enumerate(values))


def in_box(image: Photo, values: tuple[float, ...], find: Find) -> Found:
    """The object inside of a box: it is looked for in the box and its margin, and cut off at the box.

    Args:
        values: left, top, width and height, in pixels of the file's picture.
    """
    x, y, w, h = to_pixels(image, values)
    height, width = image.rgb.shape[:2]
    margin = MARGIN * max(w, h)
    found = in_window(image, _window((x - margin, y - margin, x + w + margin, y + h + margin), image), find)
    left, top, right, bottom = _window(
        (x - SLACK * w, y - SLACK * h, x + w * (1 + SLACK), y + h * (1 + SLACK)), image
    )
    inside = np.zeros((height, width), np.uint8)
    inside[top:bottom, left:right] = 1
    alpha = found.alpha * inside
    if not (alpha >= 128).any():
        raise Img2MeshError("No object was found in the box: draw it around the object.")
    return replace(found, alpha=alpha)


def at_point(image: Photo, values: tuple[float, ...], find: Find) -> Found:
    """The object that holds a point: of the whole photo and of windows around the point, the surest answer.

    Args:
        values: x and y, in pixels of the file's picture.

    Raises:
        Img2MeshError: no answer holds the point.
    """
    x, y = to_pixels(image, values)
    height, width = image.rgb.shape[:2]
    windows = [(0, 0, width, height)]
    for share in WINDOWS:
        half = share * min(width, height) / 2
        windows.append(_window((x - half, y - half, x + half, y + half), image))
    best: Found | None = None
    for window in windows:
        if min(window[2] - window[0], window[3] - window[1]) < 16:
            continue
        try:
            found = in_window(image, window, find)
        except Img2MeshError:
            continue
        alpha = _part_at(found.alpha, int(x), int(y))
        if alpha is None or (window != windows[0] and _cut_off(alpha, window)):
            continue
        if best is None or found.confidence > best.confidence:
            best = replace(found, alpha=alpha)
    if best is None:
        raise Img2MeshError(
            f"No object was found at {values[0]:g},{values[1]:g}: give a box around it with --box x,y,w,h."
        )
    return best


def in_window(image: Photo, window: Box, find: Find) -> Found:
    """What is found in a part of the photo, on a sheet of the whole one's size."""
    left, top, right, bottom = window
    part = np.s_[top:bottom, left:right]
    alpha = None if image.alpha is None else np.ascontiguousarray(image.alpha[part])
    found = find(Photo(np.ascontiguousarray(image.rgb[part]), alpha))
    whole = np.zeros(image.rgb.shape[:2], np.uint8)
    whole[part] = found.alpha
    return replace(found, alpha=whole)


def _window(edges: tuple[float, float, float, float], image: Photo) -> Box:
    height, width = image.rgb.shape[:2]
    left, top = max(0, int(edges[0])), max(0, int(edges[1]))
    return left, top, min(width, int(np.ceil(edges[2]))), min(height, int(np.ceil(edges[3])))


def _part_at(alpha: np.ndarray, x: int, y: int) -> np.ndarray | None:
    """The connected part of an alpha (H, W) uint8 that holds a point, or comes within 1 % of the side to it."""
    import cv2

    solid = (alpha >= 128).astype(np.uint8)
    reach = max(2, round(0.01 * max(alpha.shape)))
    near = np.s_[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    if not solid[near].any():
        return None
    _, labels = cv2.connectedComponents(solid, connectivity=8)
    around = labels[near]
    label = labels[y, x] or np.bincount(around[around > 0]).argmax()
    kept = (labels == label).astype(np.uint8)
    grown = cv2.dilate(kept, np.ones((7, 7), np.uint8)) > 0
    return np.where(grown & ((solid == 0) | (kept > 0)), alpha, 0).astype(np.uint8)


def _cut_off(alpha: np.ndarray, window: Box) -> bool:
    """Whether a mask runs along a window's edge that is not the photo's own."""
    left, top, right, bottom = window
    height, width = alpha.shape
    edges = []
    if left > 0:
        edges.append(alpha[top:bottom, left])
    if right < width:
        edges.append(alpha[top:bottom, right - 1])
    if top > 0:
        edges.append(alpha[top, left:right])
    if bottom < height:
        edges.append(alpha[bottom - 1, left:right])
    return any((edge >= 128).mean() > 0.05 for edge in edges)
