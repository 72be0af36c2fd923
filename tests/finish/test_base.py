"""Objects are stood up: cut, tilted or filled, whichever changes least."""

import math

import numpy as np
import pytest
import trimesh

from img2mesh.finish.base import find_base, rotation_to_z, stand
from img2mesh.finish.self_intersections import self_intersections
from img2mesh.finish.standing import stand_of
from img2mesh.mesh.textured_mesh import is_closed, weld
from img2mesh.mesh.write import vertex_colours

from .shapes import arrays, ball, box, painted, table


def _turned(vertices, degrees, axis=(0, 1, 0)):
    return vertices @ trimesh.transformations.rotation_matrix(math.radians(degrees), axis)[:3, :3].T


def test_a_ball_is_cut():
    made, facts = stand(painted(*ball(1.0, detail=4)))
    vertices, faces = made.welded()
    depth = facts["cut"] * 2
    assert is_closed(faces) and facts["stands"] and facts["tilt_deg"] == 0 and 0 < facts["cut"] <= 0.04
    assert vertices[:, 2].min() == pytest.approx(depth - 1, abs=1e-3)
    assert stand_of(vertices, faces).contact_area == pytest.approx(math.pi * (2 * depth - depth**2), rel=0.1)
    # The base has the colour of what is beside it, blue grows upwards: it is dark.
    below = made.vertices[:, 2] < depth - 0.99
    assert vertex_colours(made)[below, 2].max() < 60


def test_what_stands_stays():
    mesh = painted(*box((2, 2, 3)))
    made, facts = stand(mesh)
    assert facts == {"tilt_deg": 0.0, "cut": 0.0, "filled": 0.0, "stands": True}
    assert np.array_equal(made.vertices, mesh.vertices)


def test_a_leaning_box_is_set_upright():
    vertices, faces = box((2, 2, 3))
    made, facts = stand(painted(_turned(vertices, 9), faces))
    assert facts["tilt_deg"] == pytest.approx(9, abs=0.1) and facts["cut"] == 0 and facts["stands"]
    standing = stand_of(*made.welded())
    assert standing.contact_area == pytest.approx(4, rel=1e-3) and standing.stable


def test_feet_of_unequal_length_are_drawn_down():
    vertices, faces = table()
    vertices = vertices.copy()
    short = (vertices[:, 2] < 1) & (vertices[:, 0] > 0) & (vertices[:, 1] > 0)
    shorter = (vertices[:, 2] < 1) & (vertices[:, 0] < 0) & (vertices[:, 1] < 0)
    vertices[short, 2], vertices[shorter, 2] = 3.0, 3.5
    base = find_base(vertices, faces)
    assert base is not None and base.found
    made, _ = stand(painted(vertices, faces))
    standing = stand_of(*made.welded())
    assert is_closed(made.welded()[1]) and standing.stable and standing.contact_area > 40


def test_what_is_drawn_down_can_be_written(statue_on_legs):
    made, facts = stand(statue_on_legs)
    assert facts["filled"] > 0 and facts["stands"]
    vertices, faces = weld(made.vertices.astype(np.float32).astype(float), made.faces)
    assert is_closed(faces) and not len(self_intersections(vertices, faces, most=1))


@pytest.fixture
def statue_on_legs():
    """A round body on three legs of unequal length whose ends are round."""
    parts = [trimesh.creation.icosphere(4, 1.0)]
    for angle, low in ((10, -1.6), (130, -1.4), (250, -1.48)):
        place = 0.6 * np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle)), 0.0])
        leg = trimesh.creation.capsule(height=-low - 0.3, radius=0.2, count=[24, 24])
        leg.apply_translation([place[0], place[1], low])
        parts.append(leg)
    return painted(*arrays(trimesh.boolean.union(parts, engine="manifold")))


def test_what_cannot_stand_is_said_so():
    column, arm = box((1, 1, 40), (0, 0, 20)), box((30, 6, 2), (14.4, 0, 40.5))
    solid = trimesh.boolean.union([trimesh.Trimesh(*column), trimesh.Trimesh(*arm)], engine="manifold")
    _, facts = stand(painted(*arrays(solid)))
    assert facts["stands"] is False


def test_an_open_surface_comes_back():
    vertices, faces = ball()
    mesh = painted(vertices, faces[3:])
    made, facts = stand(mesh)
    assert made is mesh and facts["stands"] is None


def test_rotations():
    for up in ([0, 0, 1.0], [0.6, 0, 0.8], [0, -1.0, 0], [0, 0, -1.0]):
        turn = rotation_to_z(np.array(up))
        assert np.allclose(turn @ up, [0, 0, 1]) and np.linalg.det(turn) == pytest.approx(1)
