import dataclasses

import numpy as np
import pytest
from trimesh.triangles import cross

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import View
from img2mesh.mesh.contours import fit_contours
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.simplify import simplify

from .analytic import Box, Combined, Sphere, picture

POSES = [(20, a) for a in range(0, 360, 60)] + [
    (55, 30),
    (55, 150),
    (55, 270),
    (-20, 90),
    (-20, 210),
    (-20, 330),
]


def views_of(shape, size=128):
    return [
        View(_smooth(shape, orbit_camera(e, a, size=size)), orbit_camera(e, a, size=size)) for e, a in POSES
    ]


def _smooth(shape, camera, n=3):
    """A picture whose alpha tells what share of each pixel is covered."""
    fine = picture(shape, camera.resized(camera.width * n, camera.height * n)).astype(float)
    mean = fine.reshape(camera.height, n, camera.width, n, 4).mean(axis=(1, 3))
    return (mean + 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def ball():
    return views_of(Sphere(0.4))


def _radii(vertices):
    return np.linalg.norm(vertices, axis=1)


@pytest.mark.parametrize("radius", [0.39, 0.41])
def test_a_surface_of_slightly_wrong_size_is_put_right(ball, radius):
    vertices, faces = simplify(*extract_surface(Sphere(radius), 48), 2000)
    moved = fit_contours(vertices, faces, ball)
    pixel = 1.6 / ball[0].camera.fl_x
    assert np.abs(_radii(moved) - 0.4).mean() < 0.2 * pixel < 0.5 * np.abs(_radii(vertices) - 0.4).mean()
    before, after = cross(vertices[faces]), cross(moved[faces])
    folded = np.einsum("ij,ij->i", before, after) <= 0  # slivers at most
    assert np.linalg.norm(before[folded], axis=1).sum() < 1e-3 * np.linalg.norm(before, axis=1).sum()


def test_a_true_surface_stays(ball):
    vertices, faces = simplify(*extract_surface(Sphere(0.4), 48), 2000)
    moved = np.linalg.norm(fit_contours(vertices, faces, ball) - vertices, axis=1)
    pixel = 1.6 / ball[0].camera.fl_x
    assert moved.mean() < 0.2 * pixel and moved.max() < 0.8 * pixel


def test_a_view_that_is_wrong_altogether_has_no_say():
    shape = Combined(Sphere(0.3), Box((0.1, 0.1, 0.45)), Sphere(0.12, (0.0, 0.3, 0.1)))
    vertices, faces = simplify(*extract_surface(shape, 48), 2000)
    views = views_of(shape)
    right = fit_contours(vertices, faces, views)
    for wrong in (views[2].rgba[:, ::-1].copy(), np.zeros_like(views[2].rgba)):
        spoilt = [*views]
        spoilt[2] = dataclasses.replace(views[2], rgba=wrong)
        moved = fit_contours(vertices, faces, spoilt)
        gap = np.linalg.norm(moved - right, axis=1)
        assert gap.mean() < 0.0012 and gap.max() < 0.02  # a tenth of a pixel, and two
        assert np.abs(shape.distance(moved)).mean() < np.abs(shape.distance(right)).mean() + 0.0005


def test_few_views_leave_it_alone(ball):
    vertices, faces = extract_surface(Sphere(0.39), 32)
    assert fit_contours(vertices, faces, ball[:5]) is vertices
