"""Colours learned on a known surface: where they are, and from which views."""

import dataclasses

import numpy as np
import pytest
import torch

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import ViewSet
from img2mesh.field.sdf_network import Field
from img2mesh.multiview.surface_colour import Paint, surface_samples
from img2mesh.settings import Settings
from tests.field.shapes import HALF_BOX, box_hit, stripes, views_of

TINY = Settings(iterations=40, rays=512, field_backend="torch")


@pytest.fixture(scope="module")
def box():
    axis = np.linspace(-0.5, 0.5, 64)
    away = np.abs(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)) - HALF_BOX
    sdf = np.linalg.norm(np.maximum(away, 0), axis=-1) + np.minimum(away.max(axis=-1), 0)
    views = views_of(box_hit)
    return views, SdfGrid(sdf.astype(np.float32), np.array([[-0.5] * 3, [0.5] * 3]))


def prior(views):
    return np.array([view.weight for view in views.views])


def test_samples_lie_on_the_surface_and_have_its_colours(box):
    views, hull = box
    points, colours, numbers = surface_samples(views, hull, 3000, torch.Generator().manual_seed(0))
    assert 2500 < len(points) <= 3000 and set(numbers) == set(range(len(views.views)))
    assert np.median(np.abs(hull.at(points))) < 1e-3
    assert np.median(np.abs(colours - stripes(points))) < 0.05


def test_the_colours_come_back_and_the_shape_stays(box):
    views, hull = box
    paint = Paint(views, hull, prior(views), TINY)
    losses = [paint.step()["colour"] for _ in range(TINY.iterations)]
    assert losses[-1] < 0.3 * losses[0]
    field = Field(paint.net)
    front = np.stack([np.full(200, 0.4), *np.random.default_rng(1).uniform(-0.18, 0.18, (2, 200))], axis=-1)
    true = stripes(front)
    assert np.abs(field.colour(front) - true).mean() < 0.25 * np.abs(0.5 - true).mean()
    points = np.random.default_rng(2).uniform(-0.5, 0.5, (300, 3))
    assert np.allclose(field.sdf(points), hull.at(points), atol=1e-5)


def test_a_view_without_trust_has_no_say(box):
    views, hull = box
    wrong = list(views.views)
    for k in range(1, len(wrong), 2):
        wrong[k] = dataclasses.replace(wrong[k], rgba=wrong[k].rgba // [3, 3, 3, 1])
    trust = np.where(np.arange(len(wrong)) % 2, 0.0, 1.0)
    sets = [(views, np.ones(len(wrong))), (ViewSet(tuple(wrong)), trust)]
    front = np.stack([np.full(200, 0.4), *np.random.default_rng(1).uniform(-0.18, 0.18, (2, 200))], axis=-1)
    found = []
    for given, say in sets:
        paint = Paint(given, hull, prior(given) * say, TINY)
        for _ in range(TINY.iterations):
            paint.step()
        found.append(Field(paint.net).colour(front))
    assert np.abs(found[0] - found[1]).mean() < 0.06
