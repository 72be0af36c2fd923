"""Guessed bodies seen by cameras, and what they make of blurred outlines and leave of sharp ones."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View
from img2mesh.evaluate.metrics import mask_iou
from img2mesh.shape.threshold import guessed_solid
from img2mesh.shape.view_refinement import PIXELS, look, redrawn
from img2mesh.views.silhouette_confidence import believed
from tests.fakes import ellipsoid, ellipsoid_body

PHOTO = orbit_camera(20.0, 0.0)
ASIDE = [orbit_camera(elevation, azimuth) for elevation, azimuth in ((20, 60), (-15, 200), (60, 130))]


def blurred(camera, sigma):
    """A true picture whose alpha a network that is unsure might have drawn."""
    picture = ellipsoid(camera)
    picture[..., 3] = np.round(gaussian_filter(picture[..., 3].astype(float), sigma)).astype(np.uint8)
    return View(picture, camera, Source.DRAWN)


@pytest.mark.parametrize("camera", ASIDE)
def test_a_true_body_is_seen_where_it_is(camera):
    seen = look(guessed_solid(ellipsoid_body(PHOTO)), camera)
    true = ellipsoid(camera.resized(PIXELS, PIXELS))[..., 3] > 127
    found = seen > 1
    assert (found & true).sum() / (found | true).sum() > 0.8  # the level is low: chances fall off softly


def test_blurred_outlines_come_nearer_to_the_truth():
    views = [blurred(camera, 40) for camera in ASIDE]
    for before, after in zip(views, redrawn(views, ellipsoid_body(PHOTO)), strict=True):
        true = ellipsoid(before.camera)
        assert mask_iou(after.rgba, true) > mask_iou(before.rgba, true) + 0.01
        wrong = [np.abs(view.mask - true[..., 3] / 255).mean() for view in (before, after)]
        assert wrong[1] < 0.9 * wrong[0]


def test_what_was_unsure_is_not_believed_once_it_is_redrawn():
    before = [blurred(camera, 40) for camera in ASIDE]
    after = redrawn(before, ellipsoid_body(PHOTO))
    assert (
        believed(after)
        == believed(before)
        < believed([dataclasses.replace(v, certainty=None) for v in after])
    )


def test_sharp_outlines_and_photos_stay_as_they_are():
    wrong = ellipsoid_body(orbit_camera(20.0, 90.0))  # says something else
    sharp = View(ellipsoid(ASIDE[0]), ASIDE[0], Source.DRAWN)
    photo = View(blurred(ASIDE[1], 40).rgba, ASIDE[1], Source.PHOTO)
    drawn, kept = redrawn((sharp, photo), wrong)
    assert np.array_equal(drawn.rgba[..., 3], sharp.rgba[..., 3])
    assert kept is photo
