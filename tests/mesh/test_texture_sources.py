"""The mean of given views counts where they agree; the photo gives way aslant where there are others."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from img2mesh.core.camera import orbit_camera
from img2mesh.core.rasterise import rasterise_view
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.texture_sources import FACING, GIVEN, MEAN, PHOTO_FACING, QUALITY, Picture, texture_sources

SIZE = 128


def paint(points):
    return 0.5 + 0.3 * np.sin(points * [9, 7, 11])


FIELD = SimpleNamespace(
    sdf=lambda points: np.linalg.norm(points, axis=1) - 0.4,
    gradient=lambda points: points / np.linalg.norm(points, axis=1, keepdims=True),
    colour=paint,
)


@pytest.fixture(scope="module")
def ball():
    mesh = trimesh.creation.icosphere(4, 0.4)
    return np.array(mesh.vertices), np.array(mesh.faces)


def views_of(ball, change):
    """Eight views of a painted ball; `change` is called with colours (N, 3) and the view's number."""
    views = []
    for number in range(8):
        camera = orbit_camera(15, 45 * number, 1.6, 45, SIZE)
        fragments = rasterise_view(*ball, camera)
        rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
        rgba[fragments.hit, :3] = np.clip(change(paint(fragments.interpolate(*ball)), number), 0, 1) * 255
        rgba[fragments.hit, 3] = 255
        views.append(View(rgba, camera))
    return ViewSet(tuple(views))


def mean_of(ball, change):
    views = views_of(ball, change)
    sources, facts = texture_sources(FIELD, views, 1.0, *ball)
    return next(s for s in sources if s.name == MEAN), Picture.of(GIVEN, views.views[0], *ball), facts


def test_noise_goes_from_the_mean_of_views_that_agree(ball):
    random = np.random.default_rng(0)
    mean, single, facts = mean_of(ball, lambda c, _: c + random.normal(0, 0.04, c.shape))
    assert mean.quality > QUALITY[GIVEN] > 0.5 and facts["mean_of_views"] == round(mean.quality, 3)
    points = ball[0][np.abs(ball[0][:, 2]) < 0.2]
    seen = single.projector.visibility(points, points / 0.4) > 0.5
    off = [np.abs(source.colours(points[seen]) - paint(points[seen])).mean() for source in (mean, single)]
    assert off[0] < 0.8 * off[1]
    assert (mean.score(points, points / 0.4) > 0.5).all()


def test_views_that_disagree_are_not_averaged(ball):
    mean, _, _ = mean_of(ball, lambda c, number: c if number % 2 else 1 - c)
    assert mean.quality < 0.5 * QUALITY[GIVEN]
    assert np.isfinite(mean.colours(np.array([[0, 0, -0.4], [0.4, 0, 0]]))).all()


def test_a_photo_among_given_views_is_not_stretched(ball):
    views = views_of(ball, lambda c, _: c)
    photo = dataclasses.replace(views.views[0], source=Source.PHOTO)
    among = ViewSet((photo, *views.views[1:]))
    assert texture_sources(FIELD, among, 1.0, *ball)[0][0].facing == FACING
    assert texture_sources(FIELD, ViewSet((photo,)), 1.0, *ball)[0][0].facing == PHOTO_FACING
