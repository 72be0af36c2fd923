"""Masks for pictures that came without: soft distance to a background of one colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Distance to the background, as a share of full scale, at which a pixel begins and ends to count as the object.
# Decoded white backgrounds wander by about 4 of 255; antialiased edges of light objects lie above that.
FAINT, CLEAR = 8 / 255, 28 / 255
HOLE = 6 / 255  # mean distance, at most, of background seen through the object
WHITE = (255, 255, 255)


def alpha_from_colour(rgb: np.ndarray, background: Sequence[int] = WHITE) -> np.ndarray:
    """Soft mask of an object on a background of one colour.

    The distance to the background in the channel where it is largest goes through a smooth step from `FAINT` to
    `CLEAR`; specks smaller than 0.05 % of the picture, on either side, are removed. A part of the object in the
    background's own colour cannot be told from it, unless the object encloses it and it is smaller than a speck,
    or, larger than that, wanders about the colour more than a hole would (`HOLE`): shadows on grey do.

    Args:
        rgb: (H, W, 3) uint8.
        background: three values in 0..255.

    Returns:
        (H, W) float32 in [0, 1].
    """
    from scipy import ndimage

    colour = np.asarray(background, dtype=np.float32)
    # The farthest that a channel can be from the background; an edge mixed of both is as far as its alpha says.
    reach = float(np.maximum(colour, 255 - colour).max()) / 255
    distance = np.abs(rgb.astype(np.float32) - colour).max(axis=-1) / 255
    t = np.clip((distance - FAINT) / (CLEAR - FAINT), 0, 1)
    alpha = np.where(t > 0, np.maximum(t * t * (3 - 2 * t), distance / reach), 0)
    speck = max(4, rgb.shape[0] * rgb.shape[1] // 2000)
    for value in (True, False):
        labels, count = ndimage.label((alpha > 0.5) == value)
        if not count:
            continue
        wrong = np.bincount(labels.ravel(), minlength=count + 1) < speck
        if not value and min(background) < 235:  # a shadow on white is no part of the object
            wrong |= ndimage.mean(distance, labels, np.arange(count + 1)) > HOLE
        if not value:
            wrong[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
        wrong[0] = False
        alpha[wrong[labels]] = 0.0 if value else 1.0
    if not (alpha > 0.5).any():
        alpha[:] = 0.0
    return alpha


def cut_from_colour(rgb: np.ndarray, background: Sequence[int] = WHITE) -> np.ndarray:
    """Picture on one colour to straight alpha, (H, W, 3) uint8 to (H, W, 4) uint8.

    Edge pixels are mixtures `alpha * colour + (1 - alpha) * background`; the background's share is taken out.
    """
    alpha = alpha_from_colour(rgb, background)[..., None]
    mixed, behind = rgb.astype(np.float32) / 255, np.asarray(background, dtype=np.float32) / 255
    colour = np.where(alpha > 1e-3, (mixed - (1 - alpha) * behind) / np.maximum(alpha, 1e-3), 1.0)
    rgba = np.concatenate([np.clip(colour, 0, 1), alpha], axis=-1)
    return np.round(rgba * 255).astype(np.uint8)
