"""Soft edges at full resolution, and the object's own colour beneath them."""

from __future__ import annotations

import numpy as np

from img2mesh.segment.background import fill_from

SMEARED = 4  # pixels to which halved chroma is smeared: two of its samples


def soft_edge(rgb: np.ndarray, mask: np.ndarray, reach: int | None = None) -> np.ndarray:
    """Alpha along the outline of a mask, from the colours on both sides of it.

    In a band along the outline a pixel is taken as a F + (1 - a) B, where F and B are continued from the mask's
    inside and outside beyond the band; a is the projection of the pixel on the line from B to F, believed as far
    as F and B differ, and elsewhere the mask blurred by a pixel.

    Args:
        rgb: (H, W, 3) uint8.
        mask: (H, W) uint8, object >= 128.
        reach: half width of the band in pixels; by default 2 at 512 pixels, growing with the photo.

    Returns:
        (H, W) uint8: 255 or 0 outside the band.
    """
    import cv2

    reach = reach or max(2, round(max(rgb.shape[:2]) / 300))
    solid = (mask >= 128).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inside = cv2.erode(solid, kernel, borderValue=1)
    outside = 1 - cv2.dilate(solid, kernel, borderValue=0)
    band = (inside == 0) & (outside == 0)
    if not band.any():
        return solid * 255
    colour = rgb.astype(np.float32)
    # thin parts have no inside: there the mask itself counts a little
    front = fill_from(colour, np.maximum(inside, 0.02 * solid))
    back = fill_from(colour, np.maximum(outside, 0.02 * (1 - solid)))
    line = front - back
    length = (line**2).sum(axis=-1)
    share = ((colour - back) * line).sum(axis=-1) / np.maximum(length, 1)
    blurred = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), max(0.7, reach / 3))
    trust = np.clip((np.sqrt(length) - 25) / 50, 0, 1)
    alpha = trust * share.clip(0, 1) + (1 - trust) * blurred
    # never far from the mask: the projection may fix the edge, not move the object
    wide = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), reach / 1.5)
    alpha = np.clip(alpha, (wide - 0.62) * 2.6, wide * 2.6)
    alpha = np.clip((alpha - 0.06) / 0.88, 0, 1)  # noise around 0 and 1
    return np.where(band, alpha * 255 + 0.5, solid * 255).astype(np.uint8)


def clean_colours(rgb: np.ndarray, alpha: np.ndarray, reach: int = 6, smeared: bool = False) -> np.ndarray:
    """Replace colours that contain background by the object's, continued from its inside.

    Pixels with alpha >= 250 keep their colour, unless they lie beside the outline and look like a mixture of what is
    inside and the background there. The others get the continued colour if transparency is near (a soft edge) and keep
    theirs elsewhere (glass in the middle of an object).

    Args:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) uint8.
        reach: how near, in pixels.
        smeared: the picture may have been stored with halved chroma (JPEG), so that colours ran over the outline.

    Returns:
        (H, W, 3) uint8.
    """
    import cv2

    opaque = alpha >= 250
    if opaque.all():
        return rgb
    clear = (alpha < 8).astype(np.uint8)
    near = cv2.dilate(clear, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    trusted = opaque | ((alpha >= 8) & ~near)
    # pixels beside the outline are mixtures too, even where alpha has been rounded to opaque
    core = trusted & (cv2.erode(trusted.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    weight = np.where(core, 1.0, np.where(trusted, 0.05, np.where(alpha >= 128, 0.001, 0.0)))
    if weight.max() == 0:
        return rgb
    own = _own_chroma(rgb, trusted, clear > 0) if smeared else rgb.astype(np.float32)
    own = _unmixed(own, trusted, clear > 0)
    filled = fill_from(own, weight)
    return (np.where(trusted[..., None], own, filled) + 0.5).clip(0, 255).astype(np.uint8)


def _own_chroma(rgb: np.ndarray, trusted: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) float32 without the background's tint, which JPEG and its kind smear over the outline.

    They store chroma at half the resolution (4:2:0) and brightness in full: where that lies between the inside's and
    the background's, no other colour was drawn along the outline.
    """
    import cv2

    split = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb) * 255
    rim, front, back = _sides(split, trusted, clear, SMEARED)
    if rim is None:
        return rgb.astype(np.float32)
    own, front, back = split[rim], front[rim], back[rim]
    low, high = np.minimum(front, back)[:, 0], np.maximum(front, back)[:, 0]
    beyond = np.maximum(low - own[:, 0], own[:, 0] - high)
    share = np.clip(1.5 - beyond / 15, 0, 1) * _mixture(own[:, 1:], front[:, 1:], back[:, 1:], 9)
    own[:, 1:] += share[:, None] * (front - own)[:, 1:]
    split[rim] = own
    return cv2.cvtColor(split / 255, cv2.COLOR_YCrCb2RGB) * 255


def _unmixed(colour: np.ndarray, trusted: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) float32 without what trusted pixels beside the outline owe to the background."""
    rim, front, back = _sides(colour, trusted, clear, max(2, round(max(trusted.shape) / 250)))
    if rim is None:
        return colour
    own, front, back = colour[rim], front[rim], back[rim]
    result = colour.copy()
    result[rim] += _mixture(own, front, back, 25)[:, None] * (front - own)
    return result


def _sides(
    colour: np.ndarray, trusted: np.ndarray, clear: np.ndarray, reach: int
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Trusted pixels so near the outline (H, W) bool, or None, and the inside's and the background's colours there."""
    import cv2

    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    solid = cv2.erode(trusted.astype(np.uint8), kernel, borderValue=1) > 0
    rim = trusted & ~solid
    if not rim.any() or not clear.any():
        return None, colour, colour
    front = fill_from(colour, np.where(solid, 1.0, np.where(trusted, 1e-3, 0.0)))  # thin parts have no inside
    return rim, front, fill_from(colour, clear)


def _mixture(colour: np.ndarray, front: np.ndarray, back: np.ndarray, apart: float) -> np.ndarray:
    """(N,) float32 in [0, 1]: how surely each colour is a mixture of the other two, all (N, C) of 255.

    A mixture's colour lies between the inside's and the background's; an outline drawn in a third colour does not, and
    is the object's own. Colours nearer to each other than `apart` tell nothing, from twice as much on all.
    """
    line = front - back
    length = np.sqrt((line**2).sum(axis=-1))
    # 0: the inside's colour, 1: the background's
    missing = ((front - colour) * line).sum(axis=-1) / np.maximum(length**2, 1)
    aside = np.sqrt(np.maximum(((front - colour) ** 2).sum(axis=-1) - (missing * length) ** 2, 0))
    alike = np.clip(1.5 - aside / (0.15 * length + apart / 3), 0, 1) * np.clip(length / apart - 1, 0, 1)
    return (alike * np.clip((missing - 0.1) / 0.15, 0, 1)).astype(np.float32)
