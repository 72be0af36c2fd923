"""Sharp silhouettes are believed, blurred ones are not."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View
from img2mesh.views.silhouette_confidence import believed, certainty
from tests.fakes import ellipsoid


def test_sharp_silhouettes_are_certain_and_blurred_ones_are_not():
    import cv2

    rgba = ellipsoid(orbit_camera(20.0, 40.0))
    sharp = rgba[..., 3].astype(np.float32) / 255
    assert certainty(sharp) == 1
    assert certainty(cv2.GaussianBlur(sharp, (0, 0), 1.5)) > 0.9  # a soft edge
    assert certainty(cv2.GaussianBlur(sharp, (0, 0), 40)) == 0
    assert certainty(np.zeros((8, 8))) == 1
    values = [certainty(cv2.GaussianBlur(sharp, (0, 0), s)) for s in (5, 10, 15, 20)]
    assert values == sorted(values, reverse=True)


def test_only_generated_views_are_doubted():
    camera = orbit_camera(20.0, 40.0)
    grey = np.full((256, 256, 4), 128, np.uint8)
    assert believed([View(grey, camera, Source.PHOTO), View(grey, camera, Source.GIVEN)]) == 1
    assert believed([View(ellipsoid(camera), camera, Source.PHOTO), View(grey, camera, Source.DRAWN)]) == 0
