"""A correction counts as far as the hull covers more of the silhouettes after it."""

import dataclasses

import numpy as np

from img2mesh.core.view import ViewSet
from img2mesh.evaluate.corrupt import spoil
from img2mesh.multiview.belief import believed, uncovered
from img2mesh.multiview.epipolar_tangency import outlines_of, residuals
from tests.field.shapes import box_hit, views_of


def test_what_disagrees_leaves_more_uncovered():
    views = views_of(box_hit, 96)
    assert uncovered(views) < 0.02 < 3 * 0.02 < uncovered(spoil(views, "masks"))


def test_belief_runs_from_nothing_to_all():
    shares = [believed(0.1, after) for after in np.linspace(0.12, 0.0, 40)]
    assert shares[0] == 0 and shares[-1] == 1 and (np.diff(shares) >= 0).all()
    assert np.diff(shares).max() < 0.25, "without a switch"


def test_the_border_and_specks_say_nothing():
    views = views_of(box_hit, 96)
    rgba = views.views[2].rgba.copy()
    rgba[0, 30:40] = 255  # a sliver of a neighbouring picture
    specked = list(views.views)
    specked[2] = dataclasses.replace(specked[2], rgba=rgba)
    whole, found = (outlines_of(ViewSet(tuple(some))) for some in (views.views, specked))
    assert np.array_equal(whole[2][2][0], found[2][2][0])
    view = views.views[2]
    rows = np.flatnonzero((view.mask > 0.5).any(axis=1))
    cut = rows[len(rows) // 2]
    camera = dataclasses.replace(view.camera, height=int(cut))
    cropped = list(views.views)
    cropped[2] = dataclasses.replace(view, rgba=view.rgba[:cut], camera=camera)
    _, chosen, outlines, _ = outlines_of(ViewSet(tuple(cropped)))
    left = residuals(chosen, outlines, np.zeros((len(chosen), 5)))
    known = np.abs(left[np.isfinite(left)])
    assert len(known) and np.percentile(known, 95) < 8
