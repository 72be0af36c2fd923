import dataclasses

import numpy as np
import pytest

from img2mesh.core.view import ViewSet
from img2mesh.multiview.reconstruct import shape_from_views
from img2mesh.settings import Settings
from tests.fakes import Listener
from tests.field.shapes import HALF_BOX, box_hit, stripes, views_of

TINY = Settings(iterations=40, rays=384, hull_resolution=40, carve_resolution=40, field_backend="torch")


@pytest.fixture(scope="module")
def box():
    return views_of(box_hit)


@pytest.fixture(scope="module")
def fitted(box):
    progress = Listener()
    return shape_from_views(box, TINY, progress), progress


@pytest.fixture(scope="module")
def spoilt(box):
    """Three of the pictures are shifted, the seventh most."""
    moved = list(box.views)
    for place, by in ((3, 5), (5, -5), (6, 9)):
        moved[place] = dataclasses.replace(moved[place], rgba=np.roll(moved[place].rgba, by, axis=0))
    return ViewSet(tuple(moved))


@pytest.fixture(scope="module")
def as_drawn(spoilt):
    progress = Listener()
    return shape_from_views(spoilt, TINY.replace(iterations=2, views_are="drawn"), progress), progress


def inside_share(field, n=28):
    """Volume that the field calls inside, world units."""
    axis = (np.arange(n) + 0.5) / n * 1.2 - 0.6
    points = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    return float((field.sdf(points) < 0).mean()) * 1.2**3


def test_box_comes_back(fitted):
    shape, progress = fitted
    field = shape.field
    true = float(np.prod(2 * HALF_BOX))
    assert 0.85 * true < inside_share(field) < 1.3 * true
    rng = np.random.default_rng(0)
    surface = rng.uniform(-1, 1, (2000, 3)) * HALF_BOX
    axis = rng.integers(0, 3, 2000)
    surface[np.arange(2000), axis] = (HALF_BOX * np.sign(surface))[np.arange(2000), axis]
    assert np.abs(field.sdf(surface)).mean() < 0.03
    assert (field.bounds[0] < -HALF_BOX).all() and (field.bounds[1] > HALF_BOX).all()
    assert progress.seconds["fit field"] > 0 and shape.diagnostics["backend"] == "torch"


def test_colours_are_nearer_to_the_truth_than_grey(fitted):
    front = np.stack([np.full(200, 0.4), *np.random.default_rng(1).uniform(-0.18, 0.18, (2, 200))], axis=-1)
    true = stripes(front)
    assert np.abs(fitted[0].field.colour(front) - true).mean() < 0.7 * np.abs(0.5 - true).mean()


def test_gradient_points_outwards(fitted):
    gradient = fitted[0].field.gradient(np.array([[0.4, 0.0, 0.0], [0.0, 0.3, 0.0]]))
    assert gradient[0, 0] > 0.3 and gradient[1, 1] > 0.3


def test_views_that_disagree_are_said_to_and_named(as_drawn, fitted):
    shape, progress = as_drawn
    said = [text for text in progress.warnings if "contradict each other" in text]
    assert len(said) == 1 and "The worst in the list: 7" in said[0]
    assert shape.diagnostics["worst_views"][0] == 7
    assert not any("contradict" in text for text in fitted[1].warnings)
    assert "worst_views" not in fitted[0].diagnostics


def test_what_views_are_said_to_be_decides_what_is_believed(spoilt, as_drawn):
    true, drawn = shape_from_views(spoilt, TINY.replace(iterations=2, views_are="true")), as_drawn[0]
    before, after = true.diagnostics["incoherence"]
    assert after < 0.7 * before and "colour_noise" in true.diagnostics, (
        "cameras corrected, hollows looked for"
    )
    assert drawn.diagnostics["incoherence"][1] > 0.9 * before and "colour_noise" not in drawn.diagnostics


def test_same_bits_twice(box):
    points = np.random.default_rng(2).uniform(-0.5, 0.5, (500, 3))
    settings = TINY.replace(iterations=12)
    a, b = (shape_from_views(box, settings).field for _ in range(2))
    assert np.array_equal(a.sdf(points), b.sdf(points))
    assert np.array_equal(a.colour(points), b.colour(points))


def test_an_empty_view_does_not_carve_the_object_away(box):
    views = list(box.views)
    views[4] = dataclasses.replace(views[4], rgba=np.zeros_like(views[4].rgba))
    field = shape_from_views(ViewSet(tuple(views)), TINY.replace(iterations=12)).field
    assert inside_share(field) > 0.8 * float(np.prod(2 * HALF_BOX))
