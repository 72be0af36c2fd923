import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.sdf_grid import lattice
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.core.visual_hull import VisualHull, visual_hull
from img2mesh.multiview.fusion import confirmations, merge_depths, tangent_planes
from img2mesh.multiview.refine import refine_surface, rim_offsets
from img2mesh.multiview.stereo import carve_hull, distances
from img2mesh.multiview.surface_points import facing, surface_of
from tests.field.shapes import box_hit, picture, ring, sphere_hit, views_of

RADIUS = 0.4


def ball(radius=RADIUS, resolution=40):
    """The exact signed distance of a ball as a hull."""
    spacing = 1.2 / (resolution - 1)
    bounds = np.array([[-0.6] * 3, [0.6] * 3])
    points, shape = lattice(bounds, spacing)
    sdf = (np.linalg.norm(points, axis=1) - radius).reshape(shape).astype(np.float32)
    return VisualHull(sdf, bounds, np.ones(14), 0.0)


def ball_depth(camera):
    origins, directions = camera.rays()
    found = sphere_hit(origins.reshape(-1, 3), directions.reshape(-1, 3)).reshape(origins.shape[:2])
    return np.where(np.isfinite(found), found, np.nan)


def volume(sdf, hull):
    return float((sdf < 0).sum()) * hull.spacing**3


def bowl_hit(origins, directions):
    """A ball of radius 0.4 with its cap above z = 0.1 cut off and a concentric hollow of radius 0.3."""
    depth = np.full(len(origins), np.inf)
    for radius, sign in ((0.4, -1), (0.3, 1)):
        middle = -(origins * directions).sum(-1)
        rest = middle**2 - (origins**2).sum(-1) + radius**2
        t = middle + sign * np.sqrt(np.maximum(rest, 0))
        z = origins[:, 2] + t * directions[:, 2]
        depth = np.where((rest > 0) & (z < 0.1) & (t < depth), t, depth)
    t = (0.1 - origins[:, 2]) / directions[:, 2]
    at = np.linalg.norm(origins + t[:, None] * directions, axis=1)
    return np.where((t > 0) & (at**2 - 0.01 > 0.08) & (at < 0.4) & (t < depth), t, depth)


@pytest.fixture(scope="module")
def bowl():
    poses = [(e, a) for e in (20, 55) for a in range(0, 360, 45)] + [(-20, a) for a in (0, 120, 240)]
    views = []
    for elevation, azimuth in poses:
        camera = orbit_camera(elevation, azimuth, size=96)
        views.append(View(picture(camera, bowl_hit, 2), camera, Source.GIVEN))
    return ViewSet(tuple(views))


def test_a_point_is_seen_from_its_own_side_only():
    hull, cameras = ball(), ring()
    surface = surface_of(hull.sdf, hull.bounds[0], hull.spacing)
    assert np.allclose(np.linalg.norm(surface.points, axis=1), RADIUS, atol=0.01)
    outwards = surface.points / np.linalg.norm(surface.points, axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", outwards, surface.normals) > 0.98).all()
    seen = facing(surface, cameras)
    for row, camera in zip(seen, cameras, strict=True):
        towards = camera.position - surface.points
        cosine = np.einsum("ij,ij->i", outwards, towards / np.linalg.norm(towards, axis=1, keepdims=True))
        assert (row[cosine < 0.2] == 0).all() and (row[cosine > 0.35] > 0).mean() > 0.98


def test_a_nearer_surface_hides_a_farther_one():
    hull = ball()
    points, shape = lattice(hull.bounds, hull.spacing)
    two = np.minimum(*(np.linalg.norm(points - [x, 0, 0], axis=1) - 0.15 for x in (-0.35, 0.35)))
    surface = surface_of(two.reshape(shape).astype(np.float32), hull.bounds[0], hull.spacing)
    seen = facing(surface, [orbit_camera(0, 0)])[0]
    assert (seen[surface.points[:, 0] < 0] == 0).all() and (seen[surface.points[:, 0] > 0.45] > 0).all()


def test_true_depth_maps_give_the_ball_back_and_a_stray_one_does_not_pierce_it():
    hull, cameras = ball(0.44, 60), ring(96)
    depths = [ball_depth(camera) for camera in cameras]
    fair = merge_depths(depths, cameras, hull)
    true = 4 / 3 * np.pi * RADIUS**3
    assert 0.95 * true < volume(fair, hull) < 1.1 * true
    assert (fair >= hull.sdf).all()
    stray = [d.copy() for d in depths]
    stray[3][40:52, 40:52] += 0.4  # one view sees through the ball
    assert volume(merge_depths(stray, cameras, hull), hull) > 0.98 * volume(fair, hull)
    planes = [tangent_planes(depth, camera) for depth, camera in zip(stray, cameras, strict=True)]
    counts = confirmations(stray, cameras, planes, 0.016)[3]
    assert counts[40:52, 40:52].max() < np.nanmin(counts[28:34, 40:52])


def test_normals_of_a_depth_map_face_the_camera_and_stand_on_the_surface():
    camera = orbit_camera(20, 0, size=96)
    points, normals = tangent_planes(ball_depth(camera), camera)
    inner = np.nan_to_num(np.linalg.norm(points[..., 1:], axis=-1), nan=1) < 0.2
    outwards = points[inner] / np.linalg.norm(points[inner], axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", outwards, normals[inner]) > 0.99).all()


def test_both_sides_of_a_thin_plate_keep_their_places():
    half = np.array([0.4, 0.4, 0.01])
    bounds = np.array([[-0.44, -0.44, -0.08], [0.44, 0.44, 0.08]])
    points, shape = lattice(bounds, 0.008)
    silhouettes = (np.abs(points) - [0.4, 0.4, 0.06]).max(1).reshape(shape).astype(np.float32)
    hull = VisualHull(silhouettes, bounds, np.ones(12), 0.0)
    cameras = [orbit_camera(e, a, size=160) for e in (50, -50) for a in range(0, 360, 60)]
    depths = []
    for camera in cameras:
        origins, directions = (part.reshape(-1, 3) for part in camera.rays())
        found = box_hit(origins, directions, half).reshape(160, 160)
        depths.append(np.where(np.isfinite(found), found, np.nan))
    plate = merge_depths(depths, cameras, hull)
    middle = dataclasses.replace(hull, sdf=plate).at
    at = np.array([[x, y, 0.0] for x in (-0.2, 0.03, 0.25) for y in (-0.2, 0.1)])
    assert (middle(at) < 0).all()  # one sample thick, and none lost
    for side in (0.022, -0.022):  # its other side does not vouch for what lies before this one
        assert (middle(at + np.array([0, 0, side])) > 0).all()


def test_distances_away_from_a_surface_are_those_to_it():
    hull = ball(0.4, 40)
    found = distances(np.clip(hull.sdf, -0.01, 0.01), hull.spacing)
    near = np.abs(hull.sdf) < 0.01
    assert np.array_equal(found < 0, hull.sdf < 0) and np.abs(found - hull.sdf).max() < 1.2 * hull.spacing
    assert np.allclose(found[near], hull.sdf[near])


def test_the_surface_moves_to_where_the_colours_agree():
    views, hull = views_of(sphere_hit, 128), ball(0.42, 48)
    pictures = [view.rgba.astype(np.float32) / 255 for view in views.views]
    cameras = [view.camera for view in views.views]
    moved = refine_surface(hull.sdf, hull, pictures, cameras)
    surface = surface_of(moved, hull.bounds[0], hull.spacing)
    radius = np.linalg.norm(surface.points, axis=1)
    assert abs(np.median(radius) - RADIUS) < 0.004
    assert np.percentile(np.abs(radius - RADIUS), 90) < 0.012


def test_outlines_place_a_surface_without_colours():
    views, hull = views_of(sphere_hit, 128), ball(0.42, 48)
    plain = [np.where([0, 0, 0, 1], view.rgba / 255, 0.5).astype(np.float32) for view in views.views]
    cameras = [view.camera for view in views.views]
    ways, count = rim_offsets(surface_of(hull.sdf, hull.bounds[0], hull.spacing), plain, cameras)
    assert (count > 0).mean() > 0.5 and abs(np.median(ways[count > 0] / count[count > 0]) + 0.02) < 0.006
    moved = refine_surface(hull.sdf, hull, plain, cameras)
    radius = np.linalg.norm(surface_of(moved, hull.bounds[0], hull.spacing).points, axis=1)
    assert abs(np.median(radius) - RADIUS) < 0.006


def test_a_hollow_is_carved_and_unlike_pictures_carve_nothing(bowl):
    hull = visual_hull([v.mask for v in bowl.views], [v.camera for v in bowl.views], resolution=48)
    sdf, facts = carve_hull(bowl.views, hull)
    points, _ = lattice(hull.bounds, hull.spacing)
    radius, inside = np.linalg.norm(points, axis=1), sdf.ravel() < 0
    hollow = (radius < 0.25) & (points[:, 2] < 0.05)
    wall = (radius > 0.32) & (radius < 0.38) & (points[:, 2] < 0.05)
    assert (hull.sdf.ravel()[hollow] < 0).mean() > 0.6  # silhouettes cannot show it
    assert inside[hollow].mean() < 0.15 and inside[wall].mean() > 0.8
    assert 0.2 < facts["carved"] < 0.9
    rng = np.random.default_rng(0)
    noise = []
    for view in bowl.views:
        rgba = rng.integers(0, 256, view.rgba.shape, np.uint8)
        rgba[..., 3] = view.rgba[..., 3]
        noise.append(dataclasses.replace(view, rgba=rgba))
    sdf, facts = carve_hull(tuple(noise), hull)
    assert facts["carved"] == 0 and sdf is None
