"""Photos taken by hand from all round a patterned box on a patterned table."""

import importlib.util

import cv2
import numpy as np
import pytest

from img2mesh.core.camera import Camera, look_at, orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.errors import Img2MeshError
from img2mesh.photos import structure_from_motion
from img2mesh.photos.structure_from_motion import _upright, _view, check_scan, scanned_views
from img2mesh.segment.cutout import Cutout, recentre, window_of

LENS = dict(fl_x=430.0, fl_y=430.0, cx=240.0, cy=180.0, width=480, height=360)
BOX = np.array([0.35, 0.22, 0.28])  # half its sides
AROUND = 14
needs_colmap = pytest.mark.skipif(
    importlib.util.find_spec("pycolmap") is None, reason="pycolmap is not installed (extra colmap)"
)


def pattern(seed, side=512):
    """(side, side, 3) float32 in [0, 1] with detail of every size."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((k, k, 3)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for k in (8, 32, 64, 128, 256)
    ]
    return np.clip((np.mean(layers, axis=0) - 0.5) * 1.8 + 0.5, 0, 1)


def walk(count=AROUND):
    rng = np.random.default_rng(1)
    cameras = []
    for k in range(count):
        eye = orbit_camera(
            rng.uniform(18, 40), 360 / count * k + rng.uniform(-4, 4), rng.uniform(1.9, 2.3)
        ).position
        cameras.append(Camera(look_at(eye, rng.uniform(-0.05, 0.05, 3)), **LENS))
    return cameras


def photographed(camera, table=True):
    """(H, W, 4) uint8: the box, opaque, on a table that is not."""
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    origin, way = camera.rays(np.stack([u, v], axis=-1))
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)
    a, b = (-BOX - origin) / way, (BOX - origin) / way
    near, far = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    hit = (near < far) & (near > 0)
    place = origin + way * near[..., None]
    side = np.abs(np.abs(place) - BOX).argmin(axis=-1)
    across = np.where(side == 0, place[..., 1], place[..., 0])
    down = np.where(side == 2, place[..., 1], place[..., 2])
    patterns = np.stack([pattern(seed) for seed in range(6)])
    number = side * 2 + (np.take_along_axis(place, side[..., None], -1)[..., 0] > 0)
    cells = [np.clip(((x + 0.5) * 511).astype(int), 0, 511) for x in (across, down)]
    ground = origin + way * ((-BOX[2] - origin[..., 2]) / way[..., 2])[..., None]
    spots = [((ground[..., k] / 4 + 0.5) * 511).astype(int) % 512 for k in range(2)]
    colours = np.where(hit[..., None], patterns[number, cells[1], cells[0]], pattern(9)[spots[1], spots[0]])
    rgb = (255 * colours + 0.5).astype(np.uint8)
    return np.dstack([rgb, np.where(hit, 255, 0).astype(np.uint8)])


def cutout_of(rgba):
    return Cutout(recentre(rgba, 0.85), "alpha", window=window_of(rgba[..., 3], 0.85))


@needs_colmap
def test_photos_from_all_round_are_placed_and_stand_upright():
    cameras = walk()
    pictures = [photographed(camera) for camera in cameras]
    views = scanned_views([p[..., :3].copy() for p in pictures], [cutout_of(p) for p in pictures], Progress())
    found = views.facts["poses"]
    assert found["placed"] == AROUND and found["reprojection_error_px"] < 1.5
    first = cameras[0].azimuth_deg
    for view, camera in zip(views.views, cameras, strict=True):
        turned = (view.camera.azimuth_deg - camera.azimuth_deg + first + 180) % 360 - 180
        assert abs(turned) < 3 and abs(view.camera.elevation_deg - camera.elevation_deg) < 3
    assert views.views[0].camera.azimuth_deg == pytest.approx(0, abs=1e-6) and views.photo is views.views[0]
    hull = hull_of_views(views, 64)
    low, high = (np.argwhere(hull.sdf < 0).min(0), np.argwhere(hull.sdf < 0).max(0) + 1)
    turn = np.radians(first)
    away = np.abs([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    wide, deep = (high - low)[:2]  # its height is what no silhouette of one ring shows
    assert deep / wide == pytest.approx(np.divide(*(away @ BOX[:2])[::-1]), abs=0.12)


@needs_colmap
def test_photos_without_anything_in_common_are_refused():
    rng = np.random.default_rng(0)
    photos = [
        np.kron(rng.integers(0, 255, (40, 50, 3)), np.ones((4, 4, 1))).astype(np.uint8) for _ in range(8)
    ]
    with pytest.raises(Img2MeshError, match="Take 20 or more"):
        scanned_views(photos, [None] * 8, Progress())


def test_the_ground_says_what_is_upright():
    rng = np.random.default_rng(0)
    tilt = cv2.Rodrigues(np.array([0.3, -0.2, 0.1]))[0]
    table = np.column_stack([rng.uniform(-1, 1, (400, 2)), rng.normal(0, 0.002, 400)])
    thing = rng.uniform([-0.2, -0.2, 0], [0.2, 0.2, 0.5], (300, 3))
    points = np.concatenate([table, thing]) @ tilt.T
    poses = np.stack([camera.c2w for camera in walk(3)])  # from one side: their mean leans
    poses[:, :3] = tilt @ poses[:, :3]
    up = _upright(poses, points)
    assert np.allclose(up @ up.T, np.eye(3), atol=1e-9) and np.linalg.det(up) == pytest.approx(1)
    assert np.degrees(np.arccos(up[2] @ tilt[:, 2])) < 1
    alone = _upright(poses, thing[:20])  # too few points for any plane: the cameras' mean
    assert np.degrees(np.arccos(alone[2] @ tilt[:, 2])) < 45


def test_a_view_is_the_window_without_distortion():
    camera, k1 = walk(1)[0], 0.12
    picture = np.zeros((360, 480, 4), np.uint8)
    world = np.array([[0.3, 0.1, 0.2], [-0.2, 0.2, -0.2], [0.1, -0.2, 0.25]])
    pixels, _ = camera.project(world)
    off = (pixels - [camera.cx, camera.cy]) / camera.fl_x
    bent = off * (1 + k1 * (off**2).sum(1, keepdims=True)) * camera.fl_x + [camera.cx, camera.cy]
    picture[80:300, 100:380] = (30, 30, 30, 255)
    for x, y in bent:
        cv2.circle(picture, (round(x - 0.5), round(y - 0.5)), 3, (255, 255, 255, 255), -1)
    view = _view(cutout_of(picture), camera, k1)
    assert view.rgba.shape == (512, 512, 4) and view.camera.width == 512
    bright = view.rgba[..., 0] > 140
    for x, y in view.camera.project(world)[0]:
        v, u = np.nonzero(bright[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10])
        assert np.hypot(u.mean() - 9 - x % 1 + 0.5, v.mean() - 9 - y % 1 + 0.5) < 2.0


def test_what_cannot_be_is_said(monkeypatch):
    monkeypatch.setattr(structure_from_motion, "find_spec", lambda name: object())
    with pytest.raises(Img2MeshError, match=r"Too few photos .*: 7"):
        check_scan(7)
    check_scan(8)
    monkeypatch.setattr(structure_from_motion, "find_spec", lambda name: None)
    with pytest.raises(Img2MeshError, match=r"img2mesh\[colmap\]"):
        check_scan(20)
