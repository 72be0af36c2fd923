"""A guessed body in the shape: in its place, as large as it says, whatever the views show."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.view import Source, View
from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.visual_hull import visual_hull
from img2mesh.shape.fuse import anchor_hull
from img2mesh.shape.occupancy import guessed_bounds, guessed_distance
from img2mesh.shape.threshold import LEVELS, best_level
from tests.fakes import CELLS, HALF, RADII, ellipsoid, ellipsoid_body

CAMERA = orbit_camera(20.0, 0.0)


@pytest.fixture(scope="module")
def blurred():
    """A hull that is a ball, as if from views that say nothing."""
    v, u = np.mgrid[:256, :256] + 0.5
    disc = (np.hypot(u - 128, v - 128) < 90).astype(np.float32)
    cameras = [orbit_camera(20, azimuth) for azimuth in range(0, 360, 40)]
    return visual_hull([disc] * 9, cameras, [1.0] * 9, 64)


def overlap(hull):
    points, shape = lattice(hull.bounds, hull.spacing)
    true = (((points / RADII) ** 2).sum(-1) < 1).reshape(shape)
    found = hull.sdf < 0
    return (found & true).sum() / (found | true).sum()


def test_its_chance_is_looked_up_in_the_world():
    body = ellipsoid_body(CAMERA)
    inside, outside = RADII * [0.6, 0.5, 0.4], RADII * [0.7, -0.8, 0.6]
    chance = body.probability(np.array([[0, 0, 0], inside, outside, [9.0, 0, 0], [-9.0, 0, 0]]))
    assert chance[0] > 0.95 and chance[1] > 0.85 and chance[2] < 0.1 and (chance[3:] == 0).all()


def test_its_distance_is_that_of_the_solid():
    hull = SdfGrid(np.ones((61,) * 3, np.float32), np.array([[-0.6] * 3, [0.6] * 3]))
    sdf = guessed_distance(ellipsoid_body(CAMERA), hull)
    back = CAMERA.position / CAMERA.distance  # through the middle of the picture
    along = np.arange(-0.55, 0.55, 0.01)
    places = (along[:, None] * back - hull.bounds[0]) / hull.spacing
    found = map_coordinates(sdf, places.T, order=1)
    edges = along[1:][np.diff(found < 0)]
    reach = 1 / np.linalg.norm(back / RADII)
    assert len(edges) == 2 and np.allclose(edges, [-reach, reach], atol=0.03)
    assert found.min() == pytest.approx(-RADII.min(), abs=0.04)
    low, high = guessed_bounds(ellipsoid_body(CAMERA))
    for reach in (high, -low):
        assert (reach > RADII - 0.05).all() and (reach < RADII + 0.1).all()


def test_views_give_way_to_it(blurred):
    photo = View(ellipsoid(CAMERA), CAMERA, Source.PHOTO)
    alone, guessed, sharp = (
        anchor_hull(blurred, photo, 0, belief, body)
        for belief, body in ((0.0, None), (0.0, ellipsoid_body(CAMERA)), (1.0, ellipsoid_body(CAMERA)))
    )
    assert overlap(guessed) > 0.9
    np.testing.assert_array_equal(guessed.sdf, sharp.sdf)
    assert overlap(guessed) > overlap(alone) + 0.05


def test_an_unsure_guess_counts_as_well(blurred):
    sure = ellipsoid_body(CAMERA)
    vague = Body(0.3 * sure.occupancy, CAMERA, HALF)
    assert best_level(sure)[1] > 0.8 > 0.35 > best_level(vague)[1]
    photo = View(ellipsoid(CAMERA), CAMERA, Source.PHOTO)
    plain, guessed = (anchor_hull(blurred, photo, 0, 0.3, body) for body in (None, vague))
    assert overlap(guessed) > overlap(plain) + 0.05


def test_a_guess_of_nothing_changes_nothing(blurred):
    photo = View(ellipsoid(CAMERA), CAMERA, Source.PHOTO)
    nothing = Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    assert guessed_bounds(nothing) is None
    plain, same = (anchor_hull(blurred, photo, 0, 0.3, body) for body in (None, nothing))
    np.testing.assert_allclose(plain.sdf, same.sdf, atol=1e-5)  # sums depend on where arrays lie in memory


def test_where_no_depth_is_likely_the_likeliest_counts():
    body = ellipsoid_body(CAMERA)
    faint = Body(body.occupancy * LEVELS[0] * 0.5, CAMERA, HALF)
    low, high = guessed_bounds(faint)
    assert (high - low > RADII).all()
