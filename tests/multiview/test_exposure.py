import dataclasses

import numpy as np
import pytest

from img2mesh.core.visual_hull import visual_hull
from img2mesh.evaluate.corrupt import spoil
from img2mesh.multiview.exposure import equal_exposure
from tests.field.shapes import sphere_hit, views_of


@pytest.fixture(scope="module")
def scene():
    views = views_of(sphere_hit)
    return views, visual_hull([v.mask for v in views.views], [v.camera for v in views.views], resolution=40)


def off(found, views):
    solid = [v.rgba[..., 3] == 255 for v in views]
    return np.mean(
        [
            np.abs(a.rgba.astype(float) - b.rgba)[s][:, :3].mean()
            for a, b, s in zip(found, views, solid, strict=True)
        ]
    )


def test_other_exposures_are_taken_back(scene):
    views, hull = scene
    spoilt = spoil(views, "jitter").views
    found, left = equal_exposure(spoilt, hull)
    assert left < 0.4
    assert off(found, views.views) < 0.3 * off(spoilt, views.views)
    assert np.array_equal(found[0].rgba, views.views[0].rgba)


def test_equal_exposures_stay(scene):
    views, hull = scene
    found, left = equal_exposure(views.views, hull)
    assert left is None and found is views.views


def test_pictures_of_different_things_stay(scene):
    views, hull = scene
    rng = np.random.default_rng(0)
    noise = []
    for view in views.views:
        rgba = np.repeat(np.repeat(rng.integers(0, 256, (8, 8, 4), np.uint8), 8, 0), 8, 1)
        rgba[..., 3] = view.rgba[..., 3]
        noise.append(dataclasses.replace(view, rgba=rgba))
    assert equal_exposure(tuple(noise), hull)[1] is None
