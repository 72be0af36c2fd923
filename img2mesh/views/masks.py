"""Masks for pictures that came without: soft distance to a white background."""

from __future__ import annotations

import numpy as np

# Distance to white, as a share of full scale, at which a pixel begins and ends to count as the object.
# Decoded white backgrounds wander by about 4 of 255; antialiased edges of light objects lie above that.
FAINT, CLEAR = 8 / 255, 28 / 255


def alpha_from_white(rgb: np.ndarray) -> np.ndarray:
    """Soft mask of an object on a white background.

    The largest channel's distance to white goes through a smooth step from `FAINT` to `CLEAR`; specks smaller
    than 0.05 % of the picture, on either side, are removed. A pure white part of the object cannot be told
    from the background unless the object encloses it and it is smaller than a speck.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W) float32 in [0, 1].
    """
    from scipy import ndimage

    distance = 1 - rgb.min(axis=-1).astype(np.float32) / 255
    t = np.clip((distance - FAINT) / (CLEAR - FAINT), 0, 1)
    # A mixture of black and white is as far from white as its alpha says; anything else needs more.
    alpha = np.where(t > 0, np.maximum(t * t * (3 - 2 * t), distance), 0)
    smallest = max(4, rgb.shape[0] * rgb.shape[1] // 2000)
    for value in (True, False):
        labels, count = ndimage.label((alpha > 0.5) == value)
        if count:
            sizes = np.bincount(labels.ravel(), minlength=count + 1)
            specks = (sizes < smallest)[labels] & (labels > 0)
            alpha[specks] = 0.0 if value else 1.0
    if not (alpha > 0.5).any():
        alpha[:] = 0.0
    return alpha


def cut_from_white(rgb: np.ndarray) -> np.ndarray:
    """Picture on white to straight alpha, (H, W, 3) uint8 to (H, W, 4) uint8.

    Edge pixels are mixtures `alpha * colour + (1 - alpha) * white`; the white share is taken out of them.
    """
    alpha = alpha_from_white(rgb)[..., None]
    mixed = rgb.astype(np.float32) / 255
    colour = np.where(alpha > 1e-3, (mixed - (1 - alpha)) / np.maximum(alpha, 1e-3), 1.0)
    rgba = np.concatenate([np.clip(colour, 0, 1), alpha], axis=-1)
    return np.round(rgba * 255).astype(np.uint8)
