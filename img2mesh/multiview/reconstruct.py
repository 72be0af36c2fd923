"""From given views at known cameras to a shape."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.shape import Shape
from img2mesh.core.view import ViewSet
from img2mesh.core.visual_hull import VisualHull, hull_of_views
from img2mesh.field.fit import Fit, fit_field
from img2mesh.multiview.bundle import Agreement, reconcile
from img2mesh.multiview.exposure import equal_exposure
from img2mesh.multiview.registration import straightened
from img2mesh.multiview.stereo import carve_hull
from img2mesh.multiview.surface_colour import Paint
from img2mesh.multiview.underside import close_underside
from img2mesh.settings import Settings

TIE = 0.1  # weight of staying near the hull, where the field has to find the shape
WAVERING = 0.7  # disagreement of the outlines above which stereo finds what is not there
STRAIGHT = 1.5  # the same for views that have been straightened, by their colours too
FILLED = 0.28  # share of a cube of `carve_resolution` cells that is spent where an object fills more of it


def shape_from_views(
    views: ViewSet, settings: Settings, progress: Progress | None = None, device: str = "cpu"
) -> Shape:
    """The shape of given views: silhouettes brought to agree, their hull, hollows carved by stereo, then colours.

    Args:
        views: at least one picture with alpha; weights are priors, the photo's the largest.
        settings: iterations, rays, hull_resolution, carve_resolution, mask_weight, eikonal_weight, field_backend and
            seed count.
        device: `cpu` or `cuda`.

    Raises:
        Img2MeshError: `field_backend` is tcnn where it cannot run.
    """
    progress, start = progress or Progress(), time.perf_counter()
    with progress.stage("visual hull"):
        views, agreement = reconcile(views)
        if agreement.bent:
            views, left = straightened(views, lambda views: hull_of_views(views, settings.hull_resolution))
            agreement = dataclasses.replace(agreement, after=left)
        hull, below = _closed_hull(views, settings.hull_resolution)
    surface: SdfGrid | None = None
    found: dict[str, Any] = {}
    if (agreement.after or 0.0) < (STRAIGHT if agreement.bent else WAVERING):
        with progress.stage("carve hollows"):
            views, hull, surface, found = _carved(views, hull, settings)
    weights = np.array([view.weight for view in views.views]) * hull.trust
    fit: Paint | Fit
    if surface is not None:  # rendering noisily by few rays would only blur what is found
        fit = Paint(views, surface, weights, settings, device)
    else:
        fit = Fit(views, hull.grid, weights, TIE, settings, device)
    field = fit_field(fit, progress)
    diagnostics = {
        "backend": fit.net.grid.implementation,
        "hull_tolerance": hull.tolerance,
        **_said(agreement),
        **({} if below is None else {"underside_closed": round(below, 3)}),
        **found,
        "view_trust": [round(float(t), 3) for t in hull.trust],
        "seconds": round(time.perf_counter() - start, 2),
    }
    return Shape(field, views, diagnostics)


def _carved(
    views: ViewSet, hull: VisualHull, settings: Settings
) -> tuple[ViewSet, VisualHull, SdfGrid | None, dict[str, Any]]:
    """Views of equal exposure, their hull, the surface that stereo carves out of it, and diagnostics.

    The surface is None, and the hull as it was, where the colours agree too little.
    """
    pictures, left = equal_exposure(views.views, hull)
    views = dataclasses.replace(views, views=pictures)
    fine = _fine_hull(views, settings, hull)
    sdf, found = carve_hull(views.views, fine)
    found = {"exposure_disagreement_left": left, **found}
    if sdf is None:
        return views, hull, None, found
    return views, fine, SdfGrid(sdf, fine.bounds), found


def _fine_hull(views: ViewSet, settings: Settings, hull: VisualHull) -> VisualHull:
    """The hull on a lattice fine enough for thin walls: finer, the less of a cube the object's box fills."""
    share = hull.sdf.size / max(hull.sdf.shape) ** 3
    cells = int(settings.carve_resolution * min(1, (FILLED / share) ** (1 / 3)))
    return _closed_hull(views, cells)[0] if cells > max(hull.sdf.shape) else hull


def _closed_hull(views: ViewSet, cells: int) -> tuple[VisualHull, float | None]:
    """The hull with a close for an underside that nobody sees, and how far below that it reached."""
    return close_underside(hull_of_views(views, cells), [view.camera for view in views.views])


def _said(agreement: Agreement) -> dict[str, Any]:
    """What the report says of the silhouettes' agreement."""
    if agreement.before is None or agreement.after is None:
        return {"incoherence": None}
    found: dict[str, Any] = {"incoherence": [round(agreement.before, 2), round(agreement.after, 2)]}
    return {**found, "bent": True} if agreement.bent else found
