"""Wall thickness, overhang, contact and stability against shapes whose figures are known."""

import math

import numpy as np
import pytest
import trimesh

from img2mesh.finish.standing import margin_inside, stand_of, upright_rest
from img2mesh.finish.wall_thickness import sample_surface, sampled_walls

from .shapes import arrays, ball, box, table


def _thinnest(vertices, faces, percent=5):
    walls = sampled_walls(vertices, faces)
    return float(np.percentile(walls.thickness[walls.facing], percent))


@pytest.mark.parametrize("wall", [0.8, 2.0, 5.0])
def test_the_wall_of_a_tube(wall):
    tube = arrays(trimesh.creation.annulus(20 - wall, 20, 50, sections=128))
    assert _thinnest(*tube) == pytest.approx(wall, rel=0.05)
    stand = stand_of(*tube)
    assert stand.contact_area == pytest.approx(math.pi * (400 - (20 - wall) ** 2), rel=0.01)
    assert stand.footprint == pytest.approx(math.pi * 400, rel=0.01)
    assert stand.overhang_area == 0 and stand.stable and stand.tilt_deg == 0
    assert stand.tip_deg == pytest.approx(math.degrees(math.atan(20 / 25)), rel=0.01)


def test_the_walls_of_a_cone():
    radius, height = 20.0, 50.0
    cone = arrays(trimesh.creation.cone(radius, height, sections=256))
    half, slant = math.atan(radius / height), math.hypot(radius, height)
    # Rays that meet the other side of the cone, not its base, begin in the upper part of it, and the
    # thickness grows with the distance from the tip.
    upper = slant * math.cos(2 * half)
    assert _thinnest(*cone) == pytest.approx(math.tan(2 * half) * upper * math.sqrt(0.05), rel=0.05)
    assert stand_of(*cone).overhang_area == 0


@pytest.mark.parametrize("half_deg, hangs", [(30, False), (60, True)])
def test_a_cone_on_its_tip_hangs_over_if_it_is_blunt(half_deg, hangs):
    height = 30.0
    radius = height * math.tan(math.radians(half_deg))
    vertices, faces = arrays(trimesh.creation.cone(radius, height, sections=256))
    stand = stand_of(vertices * [1, -1, -1], faces)
    side = math.pi * radius * math.hypot(radius, height)
    assert stand.overhang_area == pytest.approx(side if hangs else 0, rel=0.05)
    assert not stand.stable and stand.contact_area == 0
    # It comes to lie on its side: the axis tilts by 90 degrees and half the opening.
    assert stand.tilt_deg == pytest.approx(90 - half_deg, abs=1.0)


def test_a_table():
    top, leg = (60.0, 40.0, 4.0), 5.0
    vertices, faces = table(top, leg)
    stand = stand_of(vertices, faces)
    assert stand.contact_area == pytest.approx(4 * leg**2, rel=1e-6)
    assert stand.footprint == pytest.approx(60 * 40, rel=1e-6)
    assert stand.overhang_area == pytest.approx(60 * 40 - 4 * leg**2, rel=0.05)
    assert stand.stable and _thinnest(vertices, faces) == pytest.approx(4.0, rel=0.05)


def test_samples_are_spread_evenly_and_always_the_same():
    vertices, faces = box((1, 2, 3))
    points, owner = sample_surface(vertices, faces, 22000)
    assert np.array_equal(points, sample_surface(vertices, faces, 22000)[0])
    share = np.bincount(np.abs(points / [0.5, 1, 1.5]).argmax(axis=1)) / 22000
    assert share == pytest.approx(np.array([6, 3, 2]) / 11, abs=0.01)
    assert owner.max() == len(faces) - 1


def test_margins():
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    assert margin_inside(np.array([0.25, 0.0]), square) == pytest.approx(0.75)
    assert margin_inside(np.array([3.0, 0.0]), square) == pytest.approx(-2)
    assert margin_inside(np.zeros(2), square[:2]) < 0


def test_a_leaning_box_rests_on_the_face_it_leans_to():
    vertices, faces = box((2, 2, 5))
    turn = trimesh.transformations.rotation_matrix(math.radians(12), [0, 1, 0])[:3, :3]
    up = upright_rest(vertices @ turn.T, np.zeros(3))
    assert np.allclose(up, turn @ [0, 0, 1], atol=1e-6)
    assert stand_of(vertices @ turn.T, faces).tilt_deg == pytest.approx(12, abs=0.1)


def test_a_ball_stands_on_nothing():
    assert stand_of(*ball()).contact_area == 0
