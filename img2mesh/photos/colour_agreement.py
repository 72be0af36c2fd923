"""Which photo shows something else, by its colours: histograms of chroma, which exposure hardly changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 96  # pixels of the pictures that are looked at
BINS, RANGE, BLUR = 20, 70.0, 1.0  # of a and b (CIELAB); the blur, in bins, allows for white balance
# Least intersection of a photo's histogram with that of the one most like it: over 68 photos of 17 objects the least
# is 0.47; three in four photos of other objects have less than 0.4 (docs/photos.md).
ALIKE = 0.4


def strange(pictures: Sequence[np.ndarray]) -> list[int]:
    """Numbers of the photos (S, S, 4) uint8 whose colours are like those of no other."""
    histograms = [chroma_histogram(picture) for picture in pictures]
    found = []
    for k, own in enumerate(histograms):
        others = [h for j, h in enumerate(histograms) if j != k]
        if others and max(float(np.minimum(own, other).sum()) for other in others) < ALIKE:
            found.append(k)
    return found


def chroma_histogram(picture: np.ndarray) -> np.ndarray:
    """(BINS, BINS) shares of the object's pixels, whose sum is 1."""
    import cv2
    from scipy.ndimage import gaussian_filter

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(np.ascontiguousarray(small[..., :3]), cv2.COLOR_RGB2LAB).astype(np.float64)
    chosen = lab[small[..., 3] > 200][:, 1:] - 128
    limits = [[-RANGE, RANGE]] * 2
    histogram = gaussian_filter(np.histogram2d(chosen[:, 0], chosen[:, 1], BINS, limits)[0], BLUR)
    return histogram / max(float(histogram.sum()), 1e-9)
