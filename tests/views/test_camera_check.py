"""Cameras that do not fit their pictures are refused with the likely mistake; right ones pass."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.views import load_views
from img2mesh.views.camera_check import agreement, check_cameras, warnings_of
from img2mesh.views.scene_normalization import normalised
from tests.field.shapes import picture, sphere_hit

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def figure(origins, directions):
    """A body with a head to one side and an arm to another: no mirror image of it is itself."""
    parts = (
        ((0.0, 0.0, -0.15), 0.25),
        ((0.12, 0.05, 0.25), 0.16),
        ((0.0, 0.33, -0.1), 0.1),
        ((-0.2, 0.2, 0.1), 0.12),
    )
    return np.minimum.reduce([sphere_hit(origins - place, directions, radius) for place, radius in parts])


@pytest.fixture(scope="module")
def right():
    cameras = [orbit_camera(e, a + 7, size=96) for e in (-15, 25) for a in range(0, 360, 45)]
    return ViewSet(tuple(View(picture(camera, figure), camera) for camera in cameras))


def changed(views, change):
    moved = [dataclasses.replace(v, camera=change(v.camera)) for v in views.views]
    return ViewSet(tuple(moved), {"warnings": []})


def with_matrix(change):
    return lambda camera: dataclasses.replace(camera, c2w=change(camera.c2w))


def test_right_cameras_pass_and_agree(right):
    assert agreement(list(right.views)) > 0.9
    assert len(check_cameras(right, normalised).views) == len(right.views)
    assert warnings_of(right) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (with_matrix(np.linalg.inv), "world-to-camera"),
        (with_matrix(lambda m: m @ FLIP), "OpenCV"),
        (with_matrix(lambda m: FLIP @ np.linalg.inv(m)), "COLMAP"),
    ],
)
def test_usual_mistakes_are_named(right, change, sentence):
    with pytest.raises(Img2MeshError, match=sentence):
        check_cameras(changed(right, change), normalised)


def test_a_turntable_that_turns_the_other_way(right):
    ring = ViewSet(right.views[8:])  # one elevation, as a turntable has it
    first = ring.views[0].camera.azimuth_deg

    def back(camera):
        return orbit_camera(camera.elevation_deg, 2 * first - camera.azimuth_deg, size=96)

    found = check_cameras(changed(ring, back), normalised)
    assert "the other way" in found.facts["warnings"][0]
    assert not check_cameras(changed(ring, lambda camera: camera), normalised).facts["warnings"]


def test_few_views_and_views_from_one_side_are_said(right):
    assert "Only 3 views" in warnings_of(ViewSet(right.views[:3]))[0]
    near = [orbit_camera(10, a, size=96) for a in (0, 10, 20, 30)]
    one_side = ViewSet(tuple(View(picture(camera, figure), camera) for camera in near))
    assert "one side" in warnings_of(one_side)[0]


def stored(views, folder, **top):
    """A foreign transforms.json."""
    frames = []
    for k, view in enumerate(views.views):
        Image.fromarray(view.rgba, "RGBA").save(folder / f"{k}.png")
        camera = view.camera
        frame = {"file_path": f"{k}.png", "transform_matrix": camera.c2w.tolist()}
        frames.append(frame | {"fl_x": camera.fl_x, "cx": camera.cx, "cy": camera.cy})
    document = {**top, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(document))
    return document


def test_missing_pictures_are_left_out_and_said(right, tmp_path):
    stored(right, tmp_path)
    (tmp_path / "3.png").unlink()
    views = load_views(tmp_path)
    assert len(views.views) == len(right.views) - 1
    assert "1 of 16 pictures are missing" in views.facts["warnings"][0]
    for path in tmp_path.glob("*.png"):
        path.unlink()
    with pytest.raises(Img2MeshError, match="None of the 16 pictures"):
        load_views(tmp_path)


def test_orthographic_cameras_are_read(tmp_path):
    """Parallel rays onto the same figure, written as Blender names them."""
    frames, size, wide = [], 96, 1.2
    for k, azimuth in enumerate(range(0, 360, 45)):
        camera = orbit_camera(10, azimuth, size=size)
        v, u = (np.mgrid[:size, :size] + 0.5) / size - 0.5
        right, up, back = camera.c2w[:3, :3].T
        origins = (u[..., None] * right - v[..., None] * up) * wide + 3 * back
        hit = figure(origins.reshape(-1, 3), np.broadcast_to(-back, (size * size, 3)))
        alpha = (np.isfinite(hit) * 255).astype(np.uint8).reshape(size, size)
        Image.fromarray(np.dstack([np.full((size, size, 3), 90, np.uint8), alpha]), "RGBA").save(
            tmp_path / f"{k}.png"
        )
        pose = camera.c2w.copy()
        pose[:3, 3] = 1.5 * back
        frames.append({"file_path": f"{k}.png", "transform_matrix": pose.tolist()})
    document = {"camera_model": "ORTHOGRAPHIC", "ortho_scale": wide, "frames": frames}
    (tmp_path / "transforms.json").write_text(json.dumps(document))
    views = load_views(tmp_path)
    assert agreement(list(views.views)) > 0.85
    document.pop("ortho_scale")
    (tmp_path / "transforms.json").write_text(json.dumps(document))
    with pytest.raises(Img2MeshError, match="ortho_scale"):
        load_views(tmp_path)
