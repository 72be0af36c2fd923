import numpy as np
import trimesh
from scipy.ndimage import gaussian_filter

from img2mesh.core.camera import orbit_camera
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View
from img2mesh.evaluate.ghost import ghost_score, photo_copies
from tests.mesh.analytic import Sphere, photo_of

FLAT = np.full((128, 128, 4), [128, 128, 128, 255], np.uint8)


def pattern(seed, contrast=60.0):
    """(128, 128, 4) opaque picture of blobs."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(128, 128)), 2)
    grey = np.clip(128 + contrast * noise / noise.std(), 0, 255)
    return np.dstack([grey] * 3 + [np.full_like(grey, 255)]).astype(np.uint8)


def mixed(one, two, share):
    return (share * one.astype(float) + (1 - share) * two).astype(np.uint8)


def test_one_clean_copy_and_none_are_no_ghosts():
    one, two, other = pattern(0, 30), pattern(1, 30), pattern(2, 30)
    for clean in (one, two, other, FLAT):
        assert ghost_score(clean, [one, two]) < 0.02


def test_two_copies_over_each_other_are_ghosts():
    one, two = pattern(0, 30), pattern(1, 30)
    assert ghost_score(mixed(one, two, 0.5), [one, two]) > 0.4
    assert ghost_score(mixed(one, FLAT, 0.4), [one, two]) > 0.8  # half transparent


def test_a_ghost_is_found_a_few_pixels_away():
    one = pattern(0, 30)
    faint = mixed(np.roll(one, 5, axis=1), FLAT, 0.4)
    assert ghost_score(faint, [one]) > 0.6


def test_copies_of_the_photo_lie_on_its_rays_and_their_mirror_images():
    shape = Sphere()
    photo = photo_of(shape, elevation_deg=0)
    ball = trimesh.creation.icosphere(4, radius=0.45)
    through, mirrored = photo_copies(
        photo, [Mirror(0.0, 0.0)], ball.vertices, ball.faces, orbit_camera(0, 180, size=64)
    )
    front = photo_copies(
        View(photo.rgba, photo.camera, Source.PHOTO),
        [],
        ball.vertices,
        ball.faces,
        photo.camera.resized(64, 64),
    )[0]
    inside = (front[..., 3] > 0) & (mirrored[:, ::-1, 3] > 0)
    assert np.abs(mirrored[:, ::-1][inside].astype(int) - front[inside]).mean() < 3  # a flipped picture
    assert (through[..., 3] > 0).sum() > 1000
