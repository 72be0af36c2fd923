"""What most views show of a thin part is put back, and nothing where views agree."""

import dataclasses

import numpy as np
from scipy.ndimage import label

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import View
from img2mesh.core.visual_hull import visual_hull
from img2mesh.multiview.local_tolerance import local_tolerance, relaxed
from img2mesh.multiview.refill import uncovered_rays
from tests.field.shapes import box_hit, picture, ring


def with_leg(origins, directions):
    leg = np.array([0.0, 0.0, -0.35])
    return np.minimum(
        box_hit(origins, directions), box_hit(origins - leg, directions, np.array([0.05, 0.05, 0.15]))
    )


def missed(hull, views):
    smaller = [view.camera.resized(64, 64) for view in views]
    cores, lost = uncovered_rays(hull, [view.mask for view in views], smaller, 64)
    return np.sum(lost) / np.sum(cores)


def test_a_leg_that_two_views_deny_comes_back():
    cameras = [orbit_camera(e, a, size=96) for e in (-25, 5) for a in range(0, 360, 60)]
    views = [View(picture(camera, with_leg, 2), camera) for camera in cameras]
    for i in (3, 8):
        views[i] = dataclasses.replace(views[i], rgba=picture(views[i].camera, box_hit, 2))
    hull = visual_hull([view.mask for view in views], cameras, resolution=48, tolerance=0.0)
    hull = dataclasses.replace(hull, trust=np.ones(len(views)))
    allowed = local_tolerance(hull, tuple(views))
    back = relaxed(hull, tuple(views), allowed)
    assert missed(back, views) < 0.3 * missed(hull, views)
    finer = visual_hull([view.mask for view in views], cameras, resolution=72, tolerance=0.0)
    finer = dataclasses.replace(finer, trust=np.ones(len(views)))
    assert missed(relaxed(finer, tuple(views), allowed), views) < 0.3 * missed(finer, views)


def test_what_comes_back_is_one_piece():
    cameras = [orbit_camera(e, a, size=96) for e in (-25, 5) for a in range(0, 360, 60)]
    views = tuple(View(picture(camera, with_leg, 2), camera) for camera in cameras)
    moved = [dataclasses.replace(c, cx=c.cx + shift) for c, shift in zip(cameras, (-2, 2) * 6, strict=True)]
    views = tuple(dataclasses.replace(view, camera=camera) for view, camera in zip(views, moved, strict=True))
    hull = visual_hull([view.mask for view in views], moved, resolution=64, tolerance=0.0)
    hull = dataclasses.replace(hull, trust=np.ones(len(views)))
    back = relaxed(hull, views, local_tolerance(hull, views))
    parts, number = label(back.sdf < 0)
    sizes = np.bincount(parts.ravel())[1:]
    assert missed(back, views) < missed(hull, views) and sizes.max() > 0.99 * sizes.sum(), (number, sizes)


def test_what_agrees_stays_as_it_is():
    views = tuple(View(picture(camera, box_hit, 2), camera) for camera in ring(96))
    hull = visual_hull([view.mask for view in views], [view.camera for view in views], resolution=48)
    assert local_tolerance(hull, views) is None and relaxed(hull, views, None) is hull
