"""Pictures with known masks, drawn by formulas."""

import numpy as np


def disc_and_handle(size=320):
    """(size, size) bool: a disc with a ring handle, whose hole shows the background."""
    v, u = np.mgrid[0:size, 0:size] / size
    disc = np.hypot(u - 0.45, v - 0.52) < 0.22
    far = np.hypot(u - 0.68, v - 0.5)
    return disc | ((far < 0.15) & (far > 0.09))


def photograph(mask, background, colour=(190, 60, 40), noise=2.0, seed=0):
    """(H, W, 3) uint8: the mask in one shaded colour on a background (H, W, 3), with sensor noise."""
    v, u = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] / max(mask.shape)
    shaded = np.array(colour) * (1.15 - 0.5 * v - 0.2 * u)[..., None]
    image = np.where(mask[..., None], shaded, background)
    image = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def flat(size, colour):
    return np.broadcast_to(np.array(colour, dtype=float), (size, size, 3))


def graded(size):
    v, u = np.mgrid[0:size, 0:size] / size
    return np.stack([150 + 60 * u - 30 * v, 140 + 50 * v, 170 - 60 * u + 20 * v], axis=-1)


def soft_shadow(background, strength=0.45):
    """Darken the background by a blurred ellipse below the middle."""
    size = background.shape[0]
    v, u = np.mgrid[0:size, 0:size] / size
    depth = strength * np.exp(-(((u - 0.52) / 0.2) ** 2 + ((v - 0.75) / 0.06) ** 2))
    return background * (1 - depth)[..., None]


def overlap(a, b):
    """Intersection over union of two boolean masks."""
    return (a & b).sum() / (a | b).sum()
