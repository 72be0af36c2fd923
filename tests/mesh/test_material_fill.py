"""The far side takes the materials of the near one, with edges that are edges."""

import numpy as np
import pytest
import trimesh

from img2mesh.mesh.material_fill import MaterialFill

RED, CREAM, BLUE = np.array([[0.8, 0.1, 0.1], [0.95, 0.9, 0.8], [0.1, 0.2, 0.7]])


@pytest.fixture(scope="module")
def ball():
    made = trimesh.creation.icosphere(subdivisions=4)
    return np.asarray(made.vertices), np.asarray(made.faces)


def painted(vertices, noise=0.0):
    """Cream above, red below; known in front (x > 0) alone."""
    colours = np.where(vertices[:, 2:] > 0.1, CREAM, RED)
    colours = colours + noise * np.random.default_rng(0).standard_normal(colours.shape)
    return colours, (vertices[:, 0] > 0).astype(float)


def centres(faces):
    return faces, np.full((len(faces), 3), 1 / 3)


def test_bands_go_on_behind_with_nothing_between_their_colours(ball):
    vertices, faces = ball
    fill = MaterialFill.over(vertices, faces, *painted(vertices, 0.01))
    assert fill.chances.shape[1] == 2
    found = fill.at(*centres(faces))
    middle = vertices[faces].mean(axis=1)
    behind = (middle[:, 0] < -0.2) & (np.abs(middle[:, 2] - 0.1) > 0.15)
    wanted = np.where(middle[:, 2:] > 0.1, CREAM, RED)
    assert np.abs(found - wanted)[behind].max() < 0.06
    nearest = np.minimum(*(np.linalg.norm(found - colour, axis=1) for colour in (CREAM, RED)))
    assert np.mean(nearest[middle[:, 0] < 0] < 0.08) > 0.95


def test_narrow_stripes_go_on_behind():
    made = trimesh.creation.icosphere(subdivisions=5)
    vertices, faces = np.asarray(made.vertices), np.asarray(made.faces)
    even = np.floor(vertices[:, 2:] / 0.15) % 2 == 0  # 13 stripes from top to bottom
    fill = MaterialFill.over(vertices, faces, np.where(even, CREAM, RED), (vertices[:, 0] > 0).astype(float))
    found, middle = fill.at(*centres(faces)), vertices[faces].mean(axis=1)
    behind = (middle[:, 0] < -0.3) & (np.abs(middle[:, 2] / 0.15 % 1 - 0.5) < 0.25)
    wanted = np.where(np.floor(middle[:, 2:] / 0.15) % 2 == 0, CREAM, RED)
    assert np.mean(np.abs(found - wanted)[behind].max(axis=1) < 0.1) > 0.9


def test_what_is_known_stays(ball):
    vertices, faces = ball
    colours, known = painted(vertices)
    found = MaterialFill.over(vertices, faces, colours, known).at(*centres(faces))
    middle = vertices[faces].mean(axis=1)
    inside = (middle[:, 0] > 0.2) & (np.abs(middle[:, 2] - 0.1) > 0.15)
    wanted = np.where(middle[:, 2:] > 0.1, CREAM, RED)
    assert np.abs(found - wanted)[inside].max() < 0.05


def test_light_that_changes_slowly_is_one_material(ball):
    vertices, faces = ball
    colours = RED * (0.8 + 0.2 * vertices[:, 1:2])
    fill = MaterialFill.over(vertices, faces, colours, (vertices[:, 0] > 0).astype(float))
    assert fill.chances.shape[1] == 1
    found = fill.at(*centres(faces))
    assert found[:, 0].min() > 0.4 and found[:, 0].max() < 0.85


def test_specks_are_no_material(ball):
    vertices, faces = ball
    colours, known = painted(vertices)
    colours[np.flatnonzero(known > 0)[:5]] = BLUE
    assert MaterialFill.over(vertices, faces, colours, known).chances.shape[1] == 2


def test_equal_runs_and_nothing_known(ball):
    vertices, faces = ball
    given = painted(vertices, 0.05)
    one, two = (MaterialFill.over(vertices, faces, *given) for _ in range(2))
    assert np.array_equal(one.chances, two.chances) and np.array_equal(one.tones, two.tones)
    nothing = MaterialFill.over(vertices, faces, given[0], np.zeros(len(vertices)))
    assert np.allclose(nothing.at(*centres(faces)), 0.5)


def test_chances_sum_to_one_and_colours_are_colours(ball):
    vertices, faces = ball
    fill = MaterialFill.over(vertices, faces, *painted(vertices, 0.1))
    assert np.allclose(fill.chances.sum(axis=1), 1, atol=1e-5)
    found = fill.at(*centres(faces))
    assert found.dtype == np.float32 and -0.2 < found.min() and found.max() < 1.2
