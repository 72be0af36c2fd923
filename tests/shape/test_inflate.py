"""A body from one outline: its depth, its distances, its openings and how it stands."""

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View
from img2mesh.shape.inflate import PRESSURE, Inflated, plane_normal, thin_parts, with_thin_parts

SIZE = 256


def photo(mask, elevation=0.0):
    rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
    rgba[..., 3] = mask * 255
    return View(rgba, orbit_camera(elevation, 0), Source.PHOTO)


def radius_from(u0, v0):
    v, u = np.mgrid[:SIZE, :SIZE] + 0.5
    return np.hypot(u - u0, v - v0)


def pixel(camera):
    """World units that a pixel is wide at the origin."""
    return camera.distance / camera.fl_x


def test_a_disc_becomes_a_flattened_ball():
    view = photo(radius_from(128, 128) < 60)
    wanted = 60 * pixel(view.camera) * np.sqrt(PRESSURE / 4)
    assert Inflated(view).half_depth == pytest.approx(wanted, rel=0.02)


def test_a_strip_becomes_a_rod():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[20:236, 120:136] = True
    view = photo(mask)
    wanted = 8.5 * pixel(view.camera) * np.sqrt(PRESSURE / 2)  # zero is reached at the next pixel's centre
    assert Inflated(view).half_depth == pytest.approx(wanted, rel=0.03)


def test_distances_are_signed_and_true_near_the_surface():
    view = photo(radius_from(128, 128) < 60)
    body = Inflated(view)
    _, directions = view.camera.rays(np.array([[128.0, 128.0], [150.0, 120.0], [110.0, 160.0]]))
    for direction in directions:
        plane = view.camera.distance / -(direction @ np.array([1.0, 0, 0]))
        steps = np.linspace(-0.6, 0.0, 601)
        points = view.camera.position + (plane + steps)[:, None] * direction
        distance = body.distance(points)
        assert (distance[:100] > 0).all() and distance[-1] < 0
        crossing = np.flatnonzero(distance < 0)[0]
        slope = (distance[crossing - 10] - distance[crossing + 10]) / 0.02
        assert 0.6 < slope < 1.1  # along the ray; 1 where it meets the surface squarely


def test_an_opening_stays_open():
    radius = radius_from(128, 128)
    view = photo((radius < 70) & (radius > 50))
    body = Inflated(view)
    points = np.stack([np.linspace(-0.5, 0.5, 201), np.zeros(201), np.zeros(201)], axis=1)
    assert (body.distance(points) > -1e-6).all()
    assert body.half_depth < 15 * pixel(view.camera)


def test_shift_and_limit():
    view = photo(radius_from(128, 128) < 60)
    body = Inflated(view)
    behind = np.array([[-0.3, 0.0, 0.0]])
    assert body.distance(behind)[0] > 0 > body.distance(behind, shift=0.2)[0]
    inside = np.array([[0.1, 0.0, 0.0]])
    assert body.distance(inside)[0] < 0 < body.distance(inside, most=0.05)[0]


@pytest.mark.parametrize("elevation,normal", [(0, 0), (20, 0), (-25, 0), (75, 75), (-80, -80)])
def test_things_stand_unless_seen_from_far_above(elevation, normal):
    found = plane_normal(orbit_camera(elevation, 40))
    assert np.degrees(np.arcsin(found[2])) == pytest.approx(normal, abs=0.1)
    assert np.degrees(np.arctan2(found[1], found[0])) == pytest.approx(40)


def test_an_empty_outline_is_nothing():
    body = Inflated(photo(np.zeros((SIZE, SIZE), bool)))
    assert body.half_depth == 0
    assert (body.distance(np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3))) >= 0).all()


def test_a_wire_of_less_than_a_pixel_stays_whole():
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[100:200, 60:160] = 1
    alpha[99] = np.where(alpha[100] > 0, 0.3, 0)  # a soft edge stays one
    alpha[40:99, 110] = 0.35
    found = with_thin_parts(alpha)
    assert (found[40:97, 110] > 0.5).all()
    assert (found[99, 60:105] < 0.5).all() and (found[:, :50] == 0).all()


def test_only_parts_that_reach_out_are_thin():
    mask = radius_from(128, 128) < 60
    mask[126:129, 180:230] = True  # a rod
    mask[60:66, 120:126] = True  # a bump
    found = thin_parts(mask.astype(np.float32))
    assert (found[127, 192:226] > 0.9).all()
    assert found[60:75, 110:136].max() < 0.1 and found[100:156, 100:156].max() < 0.1
    assert thin_parts(np.zeros((SIZE, SIZE))).max() == 0
