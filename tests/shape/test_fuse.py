"""The photo's outline wins: thin parts that other views missed come back, nothing sticks out."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.sdf_grid import lattice
from img2mesh.core.view import Source, View
from img2mesh.core.visual_hull import visual_hull
from img2mesh.shape.fuse import fill_outline, smooth_hull


def disc(radius, size=256):
    v, u = np.mgrid[:size, :size] + 0.5
    return (np.hypot(u - size / 2, v - size / 2) < radius).astype(np.float32)


def covered(hull, camera, size=64):
    """(size, size) bool: pixels on whose rays the hull has an inside sample."""
    points, _ = lattice(hull.bounds, hull.spacing)
    pixels, _ = camera.resized(size, size).project(points[(hull.sdf < 0).reshape(-1)])
    picture = np.zeros((size, size), bool)
    columns, rows = np.clip(np.floor(pixels).astype(int), 0, size - 1).T
    picture[rows, columns] = True
    return picture


def test_a_handle_only_the_photo_shows_comes_back():
    cameras = [orbit_camera(20, azimuth) for azimuth in range(0, 360, 40)]
    masks = [disc(60) for _ in cameras]
    masks[0] = masks[0].copy()
    masks[0][120:136, 188:230] = 1  # a rod to the right
    hull = visual_hull(masks, cameras, [4.0] + [1.0] * 8, 64)
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[..., 3] = masks[0] * 255
    anchored = fill_outline(hull, View(rgba, cameras[0], Source.PHOTO))
    small = masks[0].reshape(64, 4, 64, 4).mean((1, 3))
    before, after = covered(hull, cameras[0]), covered(anchored, cameras[0])
    assert before[(small == 1)].mean() < 0.97
    assert after[(small == 1)].mean() > 0.97
    assert after[small == 0].mean() < 0.01


def test_views_nobody_believes_leave_the_inflated_outline():
    cameras = [orbit_camera(0, azimuth) for azimuth in range(0, 360, 40)]
    rod = np.zeros((256, 256), np.float32)
    rod[60:196, 118:138] = 1
    hull = visual_hull([rod] + [disc(70)] * 8, cameras, [4.0] + [1.0] * 8, 64)
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[..., 3] = rod * 255
    anchored = {
        belief: fill_outline(hull, View(rgba, cameras[0], Source.PHOTO), belief) for belief in (0.0, 1.0)
    }
    side = {belief: covered(a, orbit_camera(0, 90), 128) for belief, a in anchored.items()}
    width = {belief: picture[64].sum() for belief, picture in side.items()}
    assert 8 <= width[0.0] <= 18  # the rod is 10 of these pixels wide
    assert width[1.0] > 40
    assert covered(anchored[0.0], cameras[0])[16:48, 31:33].all()


def test_what_is_put_back_is_round():
    """A thin leg that no other view drew: about as deep as it is wide, and unbroken."""
    cameras = [orbit_camera(0, azimuth) for azimuth in range(0, 360, 40)]
    top = disc(50)
    top[128:] = 0
    photo = top.copy()
    photo[120:200, 124:132] = 1
    hull = visual_hull([photo] + [top] * 8, cameras, [4.0] + [1.0] * 8, 64)
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[..., 3] = photo * 255
    anchored = fill_outline(hull, View(rgba, cameras[0], Source.PHOTO))
    side = covered(anchored, orbit_camera(0, 90), 128)
    leg = side[70:96].sum(axis=1)
    assert leg.min() >= 2 and leg.max() <= 10  # 4 of these pixels wide


def test_smoothing_keeps_a_ball():
    cameras = [orbit_camera(e, a) for e in (-30, 0, 35) for a in range(0, 360, 45)]
    hull = visual_hull([disc(60) for _ in cameras], cameras, None, 64)
    smooth = smooth_hull(hull)
    assert abs((smooth.sdf < 0).sum() / (hull.sdf < 0).sum() - 1) < 0.06
