import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.visual_hull import mask_distance, visual_hull, weighted_quantile
from tests.field.shapes import HALF_BOX, box_hit, ring, sphere_hit, views_of


@pytest.fixture(scope="module")
def sphere():
    return views_of(sphere_hit)


def volume(hull):
    return float((hull.sdf < 0).sum()) * hull.spacing**3


def hull_of(views, masks=None, **options):
    masks = [view.mask for view in views.views] if masks is None else masks
    return visual_hull(masks, [v.camera for v in views.views], [v.weight for v in views.views], 48, **options)


def test_mask_distance_has_its_zero_on_the_edge():
    alpha = np.zeros((16, 16), np.float32)
    alpha[:, :8] = 1
    alpha[:, 8] = 0.25  # the edge lies a quarter into column 8
    distance = mask_distance(alpha)
    assert distance[5, 8] == pytest.approx(0.25)
    assert distance[5, 0] < -6 and distance[5, 15] > 6


def test_quantile_ignores_what_is_tolerated():
    values = np.array([[3.0], [2.0], [1.0], [0.0]])
    assert weighted_quantile(values, np.ones(4), 0.0) == 3
    assert weighted_quantile(values, np.ones(4), 0.26) == 2
    assert weighted_quantile(values, np.array([1.0, 0, 0, 9]), 0.3) == 0


def test_sphere(sphere):
    hull = hull_of(sphere)
    true = 4 / 3 * np.pi * 0.4**3
    assert true * 0.97 < volume(hull) < true * 1.2  # a hull is never smaller than its object
    assert hull.tolerance == 0 and hull.trust.min() > 0.8


def test_box():
    hull = hull_of(views_of(box_hit))
    true = np.prod(2 * HALF_BOX)
    assert true * 0.95 < volume(hull) < true * 1.35
    assert np.allclose(hull.bounds.mean(0), 0, atol=0.05)


@pytest.mark.parametrize("fault", ["empty", "shifted"])
def test_one_bad_view_does_not_carve_the_object_away(sphere, fault):
    masks = [view.mask for view in sphere.views]
    clean = volume(hull_of(sphere))
    masks[5] = np.zeros_like(masks[5]) if fault == "empty" else np.roll(masks[5], 22, axis=1)
    hull = hull_of(sphere, masks)
    assert volume(hull) > 0.9 * clean
    assert hull.trust[5] < 0.6


def test_nothing_at_all_still_gives_a_shape():
    cameras = ring()
    hull = visual_hull([np.zeros((64, 64), np.float32)] * len(cameras), cameras, resolution=24)
    assert (hull.sdf < 0).any()


def test_cameras_that_show_little_agree_as_well():
    """A field of view of 30 degrees: no coarse pixel may be too small to hold any point of the lattice."""
    cameras = [
        orbit_camera(e, a, 1.866, 30.0, 128)
        for e, a in ((20, 30), (-10, 90), (20, 150), (-10, 210), (20, 270))
    ]
    masks = []
    for camera in cameras:
        origins, directions = camera.rays()
        centre = np.array([0.2, 0.0, 0.15])
        inside = False
        for middle, radius in ((np.zeros(3), 0.2), (centre, 0.12)):  # two balls that touch
            along = ((middle - origins) * directions).sum(-1, keepdims=True) / (directions**2).sum(
                -1, keepdims=True
            )
            inside = inside | (np.linalg.norm(origins + along * directions - middle, axis=-1) < radius)
        masks.append(inside.astype(np.float32))
    hull = visual_hull(masks, cameras)
    assert hull.tolerance == 0 and (hull.trust == 1).all()


def test_distances_are_those_of_the_mask_however_often_they_are_asked_for():
    rng = np.random.default_rng(0)
    masks = [rng.random((24, 24)).astype(np.float32) for _ in range(3)]
    first = [mask_distance(mask) for mask in masks]
    assert all(mask_distance(mask.copy()) is found for mask, found in zip(masks, first, strict=True))
    assert not np.array_equal(first[0], first[1])
    masks[0][:12] = 1  # another content in the same array
    assert (mask_distance(masks[0])[:8, 8:16] < -2).all()
    assert mask_distance(masks[1].reshape(12, 48)).shape == (12, 48)
