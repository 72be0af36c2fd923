"""Ghosts: faint copies of the photo on the sides that it does not show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.rasterise import rasterise_view, sample_bilinear
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import View

WINDOW, STEP, SHIFT = (
    32,
    16,
    8,
)  # pixels: side of the windows that are compared, their distance, how far copies may lie
ALIKE = 0.6  # normalised correlation from which a window repeats the photo
FAINT = 0.7  # of the photo's contrast: a copy of less is a ghost
COARSE = 3.0  # pixels: wider structures are no edges
TEXTURED = 1.5  # least standard deviation of a window's edges, of 255


def ghost_score(picture: np.ndarray, copies: Sequence[np.ndarray]) -> float:
    """The share of a picture's edges, by energy, that repeat the photo's at a fraction of their contrast.

    In each window the copy that correlates best with the picture, over small shifts, is found; the slope of the
    picture on the copy is the copy's opacity. Two pictures laid over each other have opacities well below 1, a
    single clean one about 1.

    Args:
        picture: (H, W, 3 or 4) uint8; windows count that are opaque all over.
        copies: what the photo looks like at the places where a texturing may have put it, (H, W, 4) uint8, transparent
            where it is nowhere (`photo_copies`).

    Returns:
        In [0, 1]; 0 where nothing is repeated, or all of it fully.
    """
    import cv2

    grey, others = _edges(picture), [_edges(copy) for copy in copies]
    total = ghosts = 0.0
    height, width = grey.shape
    for top in range(SHIFT, height - WINDOW - SHIFT + 1, STEP):
        for left in range(SHIFT, width - WINDOW - SHIFT + 1, STEP):
            seen = grey[top : top + WINDOW, left : left + WINDOW]
            contrast = float(seen.std())
            inside = picture[top : top + WINDOW, left : left + WINDOW, 3:].min(initial=255) == 255
            if contrast < TEXTURED or not inside:  # outlines are alike whatever is painted inside
                continue
            best, opacity = 0.0, 1.0
            for copy, edges in zip(copies, others, strict=True):
                around = (
                    slice(top - SHIFT, top + WINDOW + SHIFT),
                    slice(left - SHIFT, left + WINDOW + SHIFT),
                )
                if copy[around][..., 3].min() < 255:
                    continue
                place = edges[around]
                found = cv2.matchTemplate(place, seen, cv2.TM_CCOEFF_NORMED)
                row, column = np.unravel_index(int(found.argmax()), found.shape)
                if found[row, column] > best:
                    best = float(found[row, column])
                    own = float(place[row : row + WINDOW, column : column + WINDOW].std())
                    opacity = best * contrast / max(own, 1e-3)
            total += contrast**2
            if best > ALIKE and opacity < FAINT:
                ghosts += (best * contrast) ** 2
    return ghosts / total if total else 0.0


def _edges(picture: np.ndarray) -> np.ndarray:
    """(H, W) float32: the luminance without what varies slowly, which is alike on any lit thing."""
    import cv2

    grey = picture[..., :3].astype(np.float32).mean(axis=-1)
    return grey - cv2.GaussianBlur(grey, (0, 0), COARSE)


def photo_copies(
    photo: View, planes: Sequence[Mirror], vertices: np.ndarray, faces: np.ndarray, camera: Camera
) -> list[np.ndarray]:
    """The photo where textures may repeat it, as a camera would see it: on the same rays, and mirrored at planes.

    Returns:
        1 + len(planes) pictures (H, W, 4) uint8 of the camera's size.
    """
    fragments = rasterise_view(vertices, faces, camera)
    points = fragments.interpolate(vertices, faces)
    copies = []
    for places in (points, *(plane.reflected(points) for plane in planes)):
        pixels, _ = photo.camera.project(places)
        picture = np.zeros((camera.height, camera.width, 4), np.uint8)
        picture[fragments.hit] = sample_bilinear(photo.rgba, pixels) + 0.5
        picture[..., 3] = np.where(picture[..., 3] > 127, 255, 0)
        copies.append(picture)
    return copies
