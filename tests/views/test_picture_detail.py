"""Pictures with sure outlines and nothing within them are no pictures to show."""

import dataclasses

import cv2
import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View
from img2mesh.views.picture_detail import detail, detailed, pictures_believed, sharp
from tests.fakes import ellipsoid


@pytest.fixture(scope="module")
def views():
    """A photo of a printed ellipsoid, and three drawn views of it."""
    rng = np.random.default_rng(0)
    found = []
    for azimuth in (0, 90, 180, 270):
        camera = orbit_camera(20.0, azimuth)
        rgba = ellipsoid(camera)
        print_ = cv2.GaussianBlur(rng.normal(0, 60, rgba.shape[:2]), (0, 0), 1.0)
        rgba[..., :3] = np.clip(rgba[..., :3] + print_[..., None], 0, 255)
        found.append(View(rgba, camera, Source.DRAWN if azimuth else Source.PHOTO))
    return found


def smoothed(view, sigma=8.0):
    rgba = view.rgba.copy()
    rgba[..., :3] = cv2.GaussianBlur(rgba[..., :3], (0, 0), sigma)
    return dataclasses.replace(view, rgba=rgba)


def test_drawn_views_as_detailed_as_the_photo_are_sharp(views):
    assert detailed(views) == 1 and pictures_believed(views) > 0.9 and sharp(views)


def test_sure_outlines_around_a_blur_are_not(views):
    blurred = [views[0], *map(smoothed, views[1:])]
    assert detailed(blurred) < 0.2 and not sharp(blurred)
    assert sharp([views[0], views[1], views[2], smoothed(views[3])])  # most of them count


def test_a_plain_thing_and_views_without_a_photo_lack_nothing(views):
    plain = [smoothed(view, 40.0) for view in views]
    assert detailed(plain) == 1
    assert detailed(list(map(smoothed, views[1:]))) == 1


def test_detail_is_of_the_object_alone(views):
    moved = views[0].rgba.copy()
    moved[moved[..., 3] == 0] = [255, 0, 0, 0]
    assert detail(moved) == pytest.approx(detail(views[0].rgba))
    assert detail(np.zeros((256, 256, 4), np.uint8)) is None
    large = cv2.resize(views[0].rgba, (512, 512), interpolation=cv2.INTER_LINEAR)
    assert detail(large) == pytest.approx(detail(views[0].rgba), rel=0.2)
