"""From given views at known cameras to a shape."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.shape import Shape
from img2mesh.core.view import ViewSet
from img2mesh.core.visual_hull import VisualHull, hull_of_views
from img2mesh.field.fit import fit_field
from img2mesh.multiview.bundle import COHERENT, Agreement, reconcile
from img2mesh.multiview.exposure import equal_exposure
from img2mesh.multiview.local_tolerance import local_tolerance, relaxed
from img2mesh.multiview.registration import straightened
from img2mesh.multiview.silhouette_registration import registered
from img2mesh.multiview.stereo import LEAST, carve_hull
from img2mesh.multiview.surface_colour import Paint
from img2mesh.multiview.underside import close_underside
from img2mesh.settings import Settings

WAVERING = 1.2  # disagreement of the outlines at which hollows found by stereo are believed by half
STEEP = 4.0  # how quickly belief falls about that
# In corrections of single views and in hollows; None: measured.
BELIEF = {"auto": None, "true": 1.0, "drawn": 0.0}
TOLD = 2.0  # degrees: a ring moved by more is said to be
CONTRADICTION = (
    2.0  # disagreement of the outlines that is said; true views of 64 pixels have 1.4, of 256 less than 1
)
FILLED = 0.28  # share of a cube of `carve_resolution` cells that is spent where an object fills more of it


def shape_from_views(
    views: ViewSet, settings: Settings, progress: Progress | None = None, device: str = "cpu"
) -> Shape:
    """The shape of given views: silhouettes brought to agree, their hull, hollows carved by stereo, then colours.

    Args:
        views: at least one picture with alpha; weights are priors, the photo's the largest.
        settings: iterations, rays, hull_resolution, carve_resolution, views_are, mask_weight, eikonal_weight,
            field_backend and seed count.
        device: `cpu` or `cuda`.

    Raises:
        Img2MeshError: `field_backend` is tcnn where it cannot run.
    """
    progress, start = progress or Progress(), time.perf_counter()
    with progress.stage("visual hull"):
        share = BELIEF[settings.views_are]
        views, agreement = reconcile(views, share)
        if agreement.bent:
            views, left = straightened(
                views, lambda views: hull_of_views(views, settings.hull_resolution), share
            )
            agreement = dataclasses.replace(agreement, after=left)
        for warning in _warnings(agreement):
            progress.warn(warning)
        hull, allowed = _tolerant_hull(views, settings)
        if share != 0 and (agreement.after or 0.0) > COHERENT:
            moved = registered(views.views, relaxed(hull, views.views, allowed), 0 if views.photo else None)
            views = dataclasses.replace(views, views=moved)
            hull, allowed = _tolerant_hull(views, settings)
        hull, below = _closed(hull, views, allowed)
        fine = _fine_hull(views, settings, hull, allowed)
    found: dict[str, Any] = {}
    belief = 1 / (1 + ((agreement.after or 0.0) / WAVERING) ** STEEP) if share is None else share
    if belief > LEAST:
        with progress.stage("carve hollows"):
            views, fine, found = _carved(views, hull, fine, belief)
    weights = np.array([view.weight for view in views.views]) * fine.trust
    # rendering noisily by few rays would only blur what is found
    fit = Paint(views, fine.grid, weights, settings, device)
    field = fit_field(fit, progress)
    diagnostics = {
        "backend": fit.net.grid.implementation,
        "hull_tolerance": fine.tolerance,
        **_said(agreement),
        **({} if below is None else {"underside_closed": round(below, 3)}),
        **found,
        "view_trust": [round(float(t), 3) for t in fine.trust],
        "seconds": round(time.perf_counter() - start, 2),
    }
    return Shape(field, views, diagnostics)


def _carved(
    views: ViewSet, hull: VisualHull, fine: VisualHull, belief: float
) -> tuple[ViewSet, VisualHull, dict[str, Any]]:
    """Views of equal exposure, the fine hull with what stereo carves out of it, and diagnostics.

    Views and hull are as they were where the colours agree too little.
    """
    pictures, left = equal_exposure(views.views, hull)
    sdf, found = carve_hull(pictures, fine, belief)
    if sdf is None:
        return views, fine, {"exposure_disagreement_left": None, **found}
    equal = dataclasses.replace(views, views=pictures)
    return equal, dataclasses.replace(fine, sdf=sdf), {"exposure_disagreement_left": left, **found}


def _tolerant_hull(views: ViewSet, settings: Settings) -> tuple[VisualHull, SdfGrid | None]:
    """The hull, and where some views may deny what others show."""
    hull = hull_of_views(views, settings.hull_resolution)
    return hull, local_tolerance(hull, views.views)


def _fine_hull(views: ViewSet, settings: Settings, hull: VisualHull, allowed: SdfGrid | None) -> VisualHull:
    """The hull on a lattice fine enough for thin walls: finer, the less of a cube the object's box fills."""
    share = hull.sdf.size / max(hull.sdf.shape) ** 3
    cells = int(settings.carve_resolution * min(1, (FILLED / share) ** (1 / 3)))
    if cells <= max(hull.sdf.shape):
        return hull
    return _closed(hull_of_views(views, cells), views, allowed)[0]


def _closed(hull: VisualHull, views: ViewSet, allowed: SdfGrid | None) -> tuple[VisualHull, float | None]:
    """The hull with thin parts that views disagree about, and an underside that nobody sees closed; by how much."""
    return close_underside(relaxed(hull, views.views, allowed), [view.camera for view in views.views])


def _warnings(agreement: Agreement) -> Iterator[str]:
    """Sentences on views that disagree, and on what was done about it."""
    if agreement.before is not None and agreement.after is not None and agreement.before > CONTRADICTION:
        most = ""
        if agreement.worst:
            numbers = " and ".join(str(place + 1) for place in agreement.worst)
            most = f" The worst in the list: {numbers}."
        yield (
            "The views' outlines contradict each other by "
            f"{agreement.before:.1f} thousandths of the picture's side, {agreement.after:.1f} after correction (true "
            f"views: below {CONTRADICTION:g}).{most}"
        )
    for height, by in agreement.rings.items():
        if abs(by) > TOLD:
            yield (
                f"The silhouettes fit cameras at {height + by:.0f} degrees of elevation better than those given at "
                f"{height:.0f}: that ring was moved."
            )


def _said(agreement: Agreement) -> dict[str, Any]:
    """What the report says of the silhouettes' agreement."""
    if agreement.before is None or agreement.after is None:
        return {"incoherence": None}
    found: dict[str, Any] = {"incoherence": [round(agreement.before, 2), round(agreement.after, 2)]}
    if agreement.worst:
        found["worst_views"] = [place + 1 for place in agreement.worst]
    if agreement.rings:
        found["rings_raised_deg"] = {str(height): by for height, by in agreement.rings.items()}
    return {**found, "bent": True} if agreement.bent else found
