"""How far generated silhouettes are believed: a model that is unsure draws the mean of what it thinks possible."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from img2mesh.core.view import Source, View

# Share of a silhouette that is neither object nor background: up to the first the edge is merely soft, from the
# second on the picture is a mean of many that its model thought possible.
SOFT, BLURRED = 0.25, 0.75
SHARP = 0.7  # median certainty of drawn views that are shown as they are


def certainty(alpha: np.ndarray) -> float:
    """How far a silhouette decides between object and background, in [0, 1]; 1 for a photo's, 0 for a blur.

    Measured is sum 4 a (1 - a) / sum a over the (H, W) alphas in [0, 1]: about 0.05 for true pictures of 256 pixels.
    """
    blur = float((4 * alpha * (1 - alpha)).sum() / max(float(alpha.sum()), 1e-6))
    return float(np.clip((BLURRED - blur) / (BLURRED - SOFT), 0, 1))


def believed(views: Iterable[View]) -> float:
    """How far the generated ones among some views are believed, in [0, 1]: their median `certainty`."""
    shares = [
        certainty(view.mask) if view.certainty is None else view.certainty
        for view in views
        if view.source is Source.DRAWN
    ]
    return float(np.median(shares)) if shares else 1.0
