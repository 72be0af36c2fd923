"""Silhouettes of guessed bodies, and what they make of blurred views and leave of sharp ones."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from img2mesh.cameras import orbit_camera
from img2mesh.evaluate.metrics import mask_iou
from img2mesh.views.likely import guessed_solid
from img2mesh.views.outlines import outlined, silhouette
from img2mesh.views.view import View
from tests.fakes import ellipsoid, ellipsoid_body

PHOTO = orbit_camera(20.0, 0.0)
ASIDE = [orbit_camera(elevation, azimuth) for elevation, azimuth in ((20, 60), (-15, 200), (60, 130))]


def blurred(camera, sigma):
    """A true picture whose alpha a network that is unsure might have drawn."""
    picture = ellipsoid(camera)
    picture[..., 3] = np.round(gaussian_filter(picture[..., 3].astype(float), sigma)).astype(np.uint8)
    return View(picture, camera, "generated")


@pytest.mark.parametrize("camera", ASIDE)
def test_a_true_body_has_the_true_silhouette(camera):
    drawn, true = silhouette(guessed_solid(ellipsoid_body(PHOTO)), camera), ellipsoid(camera)[..., 3] > 127
    assert drawn.shape == (camera.height, camera.width) and drawn.min() >= 0 and drawn.max() <= 1
    found = drawn > 0.5
    assert (found & true).sum() / (found | true).sum() > 0.8  # the level is low: chances fall off softly


def test_blurred_views_come_nearer_to_the_truth_and_keep_their_colours():
    views = [blurred(camera, 40) for camera in ASIDE]
    for before, after in zip(views, outlined(views, ellipsoid_body(PHOTO)), strict=True):
        true = ellipsoid(before.camera)
        assert mask_iou(after.rgba, true) > mask_iou(before.rgba, true) + 0.01
        assert (
            np.abs(after.mask - true[..., 3] / 255).mean()
            < 0.9 * np.abs(before.mask - true[..., 3] / 255).mean()
        )
        assert np.array_equal(after.rgba[..., :3], before.rgba[..., :3])


def test_sharp_views_and_photos_stay_as_they_are():
    wrong = ellipsoid_body(orbit_camera(20.0, 90.0))  # says something else
    sharp = View(ellipsoid(ASIDE[0]), ASIDE[0], "generated")
    photo = View(blurred(ASIDE[1], 40).rgba, ASIDE[1], "photo")
    for before, after in zip((sharp, photo), outlined((sharp, photo), wrong), strict=True):
        assert np.array_equal(after.rgba, before.rgba)
