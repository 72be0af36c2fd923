import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.multiview.warp import COUNT, basis, bent, continued


def test_a_displacement_is_as_large_as_its_coefficients():
    at = (np.stack(np.meshgrid(np.arange(40), np.arange(40)), axis=-1).reshape(-1, 2) + 0.5) / 40
    assert basis(at).shape == (1600, COUNT)
    assert np.isclose((basis(at) ** 2).sum(axis=1).mean(), 1, atol=0.02)


def test_what_stood_displaced_is_put_back():
    camera = orbit_camera(10, 0, size=64)
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[20:30, 40:50] = 255
    moves = np.zeros((COUNT, 2))
    moves[0] = np.array([5.0, -3.0]) / basis(np.full((1, 2), 0.5))[0, 0]  # the same everywhere
    assert (bent(picture, moves, camera) == np.roll(picture, (3, -5), axis=(0, 1))).all()


def test_colours_go_on_beyond_the_silhouette():
    picture = np.zeros((9, 9, 4), np.uint8)
    picture[4, 4] = [200, 100, 50, 255]
    found = continued(picture)
    assert (found[..., :3] == [200, 100, 50]).all() and (found[..., 3] == picture[..., 3]).all()
