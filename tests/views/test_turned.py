"""Guesses of round things become round, handles stay, and nothing else is changed."""

import dataclasses

import numpy as np
import pytest

from img2mesh.cameras import orbit_camera
from img2mesh.views.body import Body
from img2mesh.views.turned import rounded
from tests.fakes import CELLS, HALF, ellipsoid_body

CAMERA = orbit_camera(25.0, 0.0)


def jar(side=None):
    """A cylinder of radius 0.35 and height 0.6, with a dent in its front or a bar at its side."""
    empty = Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    x, y, z = np.moveaxis(empty.points(), -1, 0)
    inside = (np.hypot(x, y) < 0.35) & (np.abs(z) < 0.3)
    if side == "dent":
        inside &= ~((x > 0.2) & (np.abs(y) < 0.15) & (z > 0))
    if side == "bar":
        inside |= (np.abs(y - 0.45) < 0.12) & (np.abs(x) < 0.08) & (np.abs(z) < 0.1)
    return dataclasses.replace(empty, occupancy=0.9 * inside.astype(np.float32))


def test_points_of_cells_are_where_the_cells_are_looked_up():
    body = ellipsoid_body(CAMERA)
    found = body.probability(body.points().reshape(-1, 3)).reshape(body.occupancy.shape)
    np.testing.assert_allclose(found[1:-1, 1:-1, 1:-1], body.occupancy[1:-1, 1:-1, 1:-1], atol=1e-4)


def test_a_dent_that_only_one_side_has_is_filled():
    whole, dented = jar().occupancy > 0.45, jar("dent")
    after = rounded(dented).occupancy > 0.45
    missing = whole & ~(dented.occupancy > 0.45)
    assert missing.sum() > 50 and after[missing].mean() > 0.8


def test_a_handle_stays():
    before, plain = jar("bar"), jar()
    bar = (before.occupancy > 0.45) & ~(plain.occupancy > 0.45)
    after = rounded(before)
    assert not np.array_equal(after.occupancy, before.occupancy), "it is still taken for round"
    assert bar.sum() > 10 and (after.occupancy[bar] > 0.45).all()


@pytest.mark.parametrize(
    "body", [ellipsoid_body(CAMERA), Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)]
)
def test_what_is_not_round_and_what_is_nothing_stay(body):
    stretched = dataclasses.replace(body, occupancy=body.occupancy * (np.abs(body.points()[..., 1]) < 0.15))
    assert rounded(stretched) is stretched
