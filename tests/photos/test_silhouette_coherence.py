import numpy as np
import pytest

from img2mesh.core.camera import rescaled
from img2mesh.photos.silhouette_coherence import Look, place
from tests.photos.scene import camera, cutout

TRUE = [(15.0, 0.0), (10.0, 174.0), (22.0, 97.0), (5.0, 263.0)]
TOLD = (0.0, 180.0, 90.0, 270.0)


def look(elevation, azimuth, told, distance=1.9):
    mask = cutout(camera(elevation, azimuth, distance)).resized(256)[..., 3].astype(np.float32) / 255
    return Look(mask, np.radians(told), np.radians(elevation + 6), 0.1)


@pytest.fixture(scope="module")
def found():
    looks = [look(e, a, told, d) for (e, a), told, d in zip(TRUE, TOLD, (1.9, 2.2, 1.7, 2.0), strict=True)]
    return place(looks)


def test_photos_of_four_sides_find_their_places(found):
    assert found.misses.max() < 0.002, "one solid has all these silhouettes"
    azimuths = np.degrees(found.parameters[:, 1])
    off = (azimuths - [a for _, a in TRUE] + 180) % 360 - 180
    told_off = (np.array(TOLD) - [a for _, a in TRUE] + 180) % 360 - 180
    assert np.abs(off).mean() < np.abs(told_off).mean()
    assert found.parameters[0, 1] == 0, "the front is where azimuths begin"


def test_the_camera_is_that_of_the_parameters(found):
    front = found.camera(0)
    assert front.azimuth_deg == pytest.approx(0, abs=1e-4) and front.width == 256
    assert front.elevation_deg == pytest.approx(np.degrees(found.parameters[0, 0]), abs=1e-3)
    moved = rescaled(front, np.array([0.1, 0.2, 0.3]), 2.0)
    point = np.array([[0.05, -0.1, 0.2]])
    assert np.allclose(moved.project((point - [0.1, 0.2, 0.3]) / 2)[0], front.project(point)[0])


def test_a_photo_of_something_else_misses():
    looks = [look(*TRUE[k], TOLD[k]) for k in range(3)]
    mask = np.zeros((256, 256), np.float32)
    mask[38:218, 118:138] = 1  # a rod as high as the frame, with a hook
    mask[38:58, 118:200] = 1
    strange = Look(mask, np.radians(270), 0.2, 0.1)
    assert place([*looks, strange]).misses.mean() > 4 * place(looks).misses.mean()
