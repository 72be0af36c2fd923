"""From a photo and views that a sampler drew of its object to a shape."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.shape import Shape
from img2mesh.core.view import Source, ViewSet
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.field.fit import Fit, fit_field
from img2mesh.field.sdf_network import Field
from img2mesh.settings import Settings
from img2mesh.shape.fuse import fill_outline, smooth_hull
from img2mesh.shape.occupancy import occupancy_grid
from img2mesh.shape.threshold import best_level
from img2mesh.views.picture_detail import sharp
from img2mesh.views.silhouette_confidence import believed

# Expected IoU below which a shape is said to be in doubt: one in ten held-out scans is, of a true IoU of 0.23 on
# average, where that of all is 0.42.
DOUBTFUL = 0.3
TIE = 3.0  # weight of staying near the fused shape: drawn views err in shape more than in colour


def shape_from_photo(
    views: ViewSet, settings: Settings, progress: Progress | None = None, device: str = "cpu"
) -> Shape:
    """The shape of a photo's object: what the occupancy network sees, or else the drawn views' hull; then a field.

    Views that are means of what may be there teach a field nothing that the network has not said: then none is fitted
    (docs/reconstruction.md), unless `field_fit` is "always".

    Args:
        views: of `views.generate_views`, refined (`shape.view_refinement`) where the model sees the body.
        settings: field_fit, iterations, rays, hull_resolution, mask_weight, eikonal_weight, field_backend, seed count.
        device: `cpu` or `cuda`.

    Raises:
        Img2MeshError: `field_backend` is tcnn where it cannot run.
    """
    progress, start = progress or Progress(), time.perf_counter()
    with progress.stage("shape"):
        grid, trust, found = _start(views, settings)
    if found.get("expected_iou", 1.0) < DOUBTFUL:
        progress.warn(
            "What lies behind the photo is in doubt (expected overlap with the true shape "
            f"{found['expected_iou']:.2f}): a photo from another side, or --elevation where it is known, may help."
        )
    fitted = settings.field_fit == "always" or not found["shape_guessed"] or sharp(views.views)
    weights = np.array([view.weight for view in views.views]) * trust
    field = field_of(views, grid, weights, fitted, settings, progress, device)
    diagnostics = {
        "backend": field.net.grid.implementation,
        "field_fitted": fitted,
        **found,
        "view_trust": [round(float(t), 3) for t in trust],
        "seconds": round(time.perf_counter() - start, 2),
    }
    return Shape(field, views, diagnostics)


def field_of(
    views: ViewSet,
    grid: SdfGrid,
    weights: np.ndarray,
    fitted: bool,
    settings: Settings,
    progress: Progress,
    device: str,
) -> Field:
    """The field of a fused shape: fitted to the views, (V,) weights of which count, or the shape as it is, grey."""
    if fitted:
        return fit_field(Fit(views, grid, weights, TIE, settings, device), progress)
    return Field.of_grid(grid)


def _start(views: ViewSet, settings: Settings) -> tuple[SdfGrid, np.ndarray, dict[str, Any]]:
    """The shape that the fit starts from, the trust in each view, and diagnostics."""
    seen = None if views.body is None else occupancy_grid(views.body, settings.hull_resolution)
    belief = believed(views.views)
    found: dict[str, Any] = {
        "generated_silhouettes_believed": round(belief, 3),
        "shape_guessed": seen is not None,
    }
    if views.body is not None and seen is not None:
        found["expected_iou"] = round(best_level(views.body.occupancy)[1], 3)
        grid, trust, belief = seen, np.ones(len(views.views)), 1.0
    else:
        hull = hull_of_views(views, settings.hull_resolution)
        grid, trust = smooth_hull(hull), hull.trust
        found["hull_tolerance"] = hull.tolerance
    if views.photo is not None:
        grid = fill_outline(grid, views.photo, belief)
        trust = np.where([view.source is Source.PHOTO for view in views.views], 1.0, trust)
    return grid, trust, found
