"""A guessed body in the shape: in its place, as large as it says, whatever the views show."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.sdf_grid import lattice
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.core.visual_hull import MARGIN
from img2mesh.settings import Settings
from img2mesh.shape.occupancy import occupancy_grid
from img2mesh.shape.reconstruct import _start, shape_from_photo
from img2mesh.shape.threshold import best_level
from tests.fakes import CELLS, HALF, RADII, Listener, ellipsoid, ellipsoid_body

CAMERA = orbit_camera(20.0, 0.0)


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
    grid = occupancy_grid(ellipsoid_body(CAMERA), 64)
    back = CAMERA.position / CAMERA.distance  # through the middle of the picture
    along = np.arange(-0.55, 0.55, 0.01)
    places = (along[:, None] * back - grid.bounds[0]) / grid.spacing
    found = map_coordinates(grid.sdf, places.T, order=1, mode="nearest")
    edges = along[1:][np.diff(found < 0)]
    reach = 1 / np.linalg.norm(back / RADII)
    assert len(edges) == 2 and np.allclose(edges, [-reach, reach], atol=0.03)
    assert found.min() == pytest.approx(-RADII.min(), abs=0.04)
    for reach in (grid.bounds[1] - MARGIN, -grid.bounds[0] - MARGIN):
        assert (reach > RADII - 0.05).all() and (reach < RADII + 0.1).all()


def shape_of(views, body):
    """What the fit starts from, and the diagnostics."""
    grid, _, found = _start(ViewSet(tuple(views), {}, body), Settings(hull_resolution=64))
    return grid, found


@pytest.fixture(scope="module")
def blurred():
    """The photo among drawn views that say nothing: their common shape is a ball."""
    v, u = np.mgrid[:256, :256] + 0.5
    disc = 255 * (np.hypot(u - 128, v - 128) < 90)
    picture = np.dstack([np.full((256, 256, 3), 128), disc]).astype(np.uint8)
    cameras = [orbit_camera(20, azimuth) for azimuth in range(40, 360, 40)]
    drawn = [View(picture, camera, Source.DRAWN) for camera in cameras]
    return [View(ellipsoid(CAMERA), CAMERA, Source.PHOTO), *drawn]


def test_views_give_way_to_it(blurred):
    alone, told = shape_of(blurred, None)
    assert not told["shape_guessed"] and told["hull_tolerance"] >= 0
    guessed, told = shape_of(blurred, ellipsoid_body(CAMERA))
    assert told["shape_guessed"] and overlap(guessed) > 0.9
    assert overlap(guessed) > overlap(alone) + 0.05


def test_an_unsure_guess_counts_as_well(blurred):
    sure = ellipsoid_body(CAMERA)
    vague = Body(0.3 * sure.occupancy, CAMERA, HALF)
    assert best_level(sure.occupancy)[1] > 0.8 > 0.35 > best_level(vague.occupancy)[1]
    assert overlap(shape_of(blurred, vague)[0]) > overlap(shape_of(blurred, None)[0]) + 0.05


@pytest.mark.parametrize(("share", "doubted"), [(1.0, False), (0.2, True)])
def test_a_shape_in_doubt_is_said_with_what_may_help(blurred, share, doubted):
    body = Body(share * ellipsoid_body(CAMERA).occupancy, CAMERA, HALF)
    progress = Listener()
    shape = shape_from_photo(ViewSet(tuple(blurred), {}, body), Settings(iterations=1, rays=64), progress)
    assert shape.diagnostics["expected_iou"] == pytest.approx(best_level(body.occupancy)[1], abs=1e-3)
    assert len(progress.warnings) == doubted
    assert all("in doubt" in warning and "--elevation" in warning for warning in progress.warnings)


def test_blurred_views_teach_no_field_beside_a_guess(blurred):
    unsure = [replace(view, certainty=0.2 if view.source is Source.DRAWN else None) for view in blurred]
    settings = Settings(iterations=1, rays=64)

    def shape(views, body, settings=settings):
        return shape_from_photo(ViewSet(tuple(views), {}, body), settings)

    body = ellipsoid_body(CAMERA)
    plain, fitted = shape(unsure, body), shape(unsure, body, settings.replace(field_fit="always"))
    others = shape(unsure, None), shape(blurred, body)
    assert [s.diagnostics["field_fitted"] for s in (plain, fitted, *others)] == [False, True, True, True]
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (200, 3))
    np.testing.assert_allclose(plain.field.sdf(points), fitted.field.sdf(points), atol=0.01)


def test_a_guess_of_nothing_changes_nothing(blurred):
    nothing = Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    assert occupancy_grid(nothing, 64) is None
    (plain, _), (same, told) = (shape_of(blurred, body) for body in (None, nothing))
    assert not told["shape_guessed"]
    np.testing.assert_allclose(plain.sdf, same.sdf, atol=1e-5)  # sums depend on where arrays lie in memory


def test_where_no_depth_is_likely_the_likeliest_counts():
    body = ellipsoid_body(CAMERA)
    faint = Body(body.occupancy * 0.1, CAMERA, HALF)
    low, high = occupancy_grid(faint, 64).bounds
    assert (high - low - 2 * MARGIN > RADII).all()
