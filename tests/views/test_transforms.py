"""transforms.json: our round trip, and other people's files."""

import dataclasses
import json
import math

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.camera import FOV_DEG, orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.marks import is_ours
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source
from img2mesh.errors import Img2MeshError
from img2mesh.views import View, ViewSet, load_views, save_views
from img2mesh.views.scene_normalization import inside, normalised
from tests.fakes import RADII, ellipsoid


def _views(n=6, size=96):
    cameras = [orbit_camera(10.0 + 8 * k, 360 * k / n, size=size) for k in range(n)]
    return [
        View(ellipsoid(camera), camera, Source.DRAWN, 0.5 + 0.05 * k, certainty=None if k == 0 else 0.1 * k)
        for k, camera in enumerate(cameras)
    ]


def test_round_trip_keeps_everything(tmp_path):
    photo = View(
        ellipsoid(orbit_camera(20, 0)),
        orbit_camera(20, 0),
        Source.PHOTO,
        4.0,
        ellipsoid(orbit_camera(20, 0, size=300)),
    )
    before = ViewSet((photo, *_views()), {"elevation_deg": 20.0, "model": "mini", "warnings": []})
    save_views(before, tmp_path / "views")
    after = load_views(tmp_path / "views")
    assert after.facts["elevation_deg"] == 20.0
    for a, b in zip(before.views, after.views, strict=True):
        assert (a.source, pytest.approx(a.weight)) == (b.source, b.weight)
        assert pytest.approx(a.certainty) == b.certainty
        np.testing.assert_array_equal(a.rgba, b.rgba)
        np.testing.assert_allclose(a.camera.c2w, b.camera.c2w, atol=1e-12)
        assert b.camera.fl_x == pytest.approx(a.camera.fl_x) and b.camera.width == a.camera.width
    np.testing.assert_array_equal(after.photo.full, photo.full)


@pytest.mark.parametrize(
    ("key", "value"), [("weight", -1), ("weight", True), ("certainty", 1.5), ("certainty", "sure")]
)
def test_what_is_no_number_is_named(tmp_path, key, value):
    path = save_views(ViewSet(tuple(_views())), tmp_path / "views")
    document = json.loads(path.read_text())
    document["frames"][2][key] = value
    path.write_text(json.dumps(document))
    with pytest.raises(Img2MeshError, match=r"Frame 2 of .*(weight|certaint)"):
        load_views(path)


def test_the_file_has_what_nerfstudio_reads(tmp_path):
    path = save_views(ViewSet(tuple(_views())), tmp_path / "views")
    document = json.loads(path.read_text())
    assert document["camera_model"] == "OPENCV"
    assert {"fl_x", "fl_y", "cx", "cy", "w", "h"} <= set(document)
    assert document["fl_x"] == pytest.approx(96 / 2 / math.tan(math.radians(FOV_DEG) / 2))
    for frame in document["frames"]:
        with Image.open(path.parent / frame["file_path"]) as image:
            assert image.mode == "RGBA" and image.size == (96, 96)
        matrix = np.array(frame["transform_matrix"])
        assert matrix.shape == (4, 4)
        # OpenGL camera-to-world: the camera looks along its own -z, here at the origin.
        np.testing.assert_allclose(matrix[:3, 3] - 1.6 * matrix[:3, 2], 0, atol=1e-9)


def _foreign(folder, style, centre=(3.0, -2.0, 1.0), scale=4.0, n=10):
    """A set made by somebody else: another world, another way to write intrinsics and masks."""
    folder.mkdir()
    frames = []
    for k in range(n):
        camera = orbit_camera(-20 + 60 * (k % 2), 360 * k / n, distance=1.8 * scale, size=128)
        c2w = camera.c2w.copy()
        c2w[:3, 3] += centre
        moved = type(camera)(c2w, camera.fl_x, camera.fl_y, camera.cx, camera.cy, 128, 128)
        rgba = ellipsoid(moved, centre, scale)
        frame = {"file_path": f"r_{k}", "transform_matrix": c2w.tolist()}
        if style == "blender":
            Image.fromarray(rgba, "RGBA").save(folder / f"r_{k}.png")
        else:
            frame["file_path"] = f"r_{k}.jpg" if style == "white" else f"r_{k}.png"
            rgb = np.where(rgba[..., 3:] > 0, rgba[..., :3], 255).astype(np.uint8)
            Image.fromarray(rgb, "RGB").save(folder / frame["file_path"], quality=95)
            frame |= {"fl_x": moved.fl_x, "fl_y": moved.fl_y, "cx": 64, "cy": 64, "w": 128, "h": 128}
            if style == "mask":
                Image.fromarray(rgba[..., 3], "L").save(folder / f"m_{k}.png")
                frame["mask_path"] = f"m_{k}.png"
        frames.append(frame)
    document = {"frames": frames}
    if style == "blender":
        document["camera_angle_x"] = math.radians(FOV_DEG)
    (folder / "transforms.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("style", ["blender", "mask", "white"])
def test_foreign_scenes_are_brought_to_the_unit_object(tmp_path, style):
    views = load_views(_foreign(tmp_path / style, style))
    transform = np.array(views.facts["world_to_unit"])
    np.testing.assert_allclose(transform[0, 0], 1 / (2 * RADII[2] * 4.0), rtol=0.08)
    np.testing.assert_allclose(transform @ [3.0, -2.0, 1.0, 1.0], [0, 0, 0, 1], atol=0.03)
    for view in views.views:
        true = ellipsoid(view.camera)[..., 3] > 0
        got = view.mask > 0.5
        assert (true & got).sum() / (true | got).sum() > 0.88
    assert bool(views.facts["warnings"]) == (style == "white")


def test_a_scene_that_is_ours_in_all_but_name_stays_where_it_is(tmp_path):
    views = load_views(_foreign(tmp_path / "unit", "blender", centre=(0, 0, 0), scale=1.0))
    np.testing.assert_allclose(views.facts["world_to_unit"], np.eye(4))


def _break(document, how):
    frame = document["frames"][0]
    if how == "no frames":
        document["frames"] = []
    elif how == "fisheye":
        document["camera_model"] = "OPENCV_FISHEYE"
    elif how == "missing pictures":
        for each in document["frames"]:
            each["file_path"] = "nothing.png"
    elif how == "matrix 2x2":
        frame["transform_matrix"] = [[1, 0], [0, 1]]
    elif how == "matrix of words":
        frame["transform_matrix"] = "identity"
    elif how == "mirrored":
        frame["transform_matrix"] = np.diag([1.0, 1, -1, 1]).tolist()
    elif how == "no focal length":
        document.pop("camera_angle_x")
    elif how == "focal length of words":
        frame["fl_x"] = "long"
    elif how == "no file_path":
        frame.pop("file_path")
    elif how == "broken picture":
        frame["file_path"] = "broken.png"
    return document


@pytest.mark.parametrize(
    "how",
    [
        "no frames",
        "fisheye",
        "missing pictures",
        "matrix 2x2",
        "matrix of words",
        "mirrored",
        "no focal length",
        "focal length of words",
        "no file_path",
        "broken picture",
    ],
)
def test_broken_files_are_named_in_one_sentence(tmp_path, how):
    folder = _foreign(tmp_path / "set", "blender", n=3)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    document = json.loads((folder / "transforms.json").read_text())
    (folder / "transforms.json").write_text(json.dumps(_break(document, how)))
    with pytest.raises(Img2MeshError) as caught:
        load_views(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "sentence"),  # all found by benchmarks/fuzz.py
    [
        ({"fl_x": 30, "cx": 9, "cy": 9, "k1": 0.1, "fl_y": "a"}, "fl_y must be a finite number"),
        ({"fl_x": 30, "cx": 9, "cy": 9, "k1": 0.1, "h": "a"}, "h must be a finite number"),
        ({"fl_x": 30, "fl_y": [["a" * 99] * 99] * 99}, "^.{,300}$"),
        ({"fl_x": 30, "cx": 9, "cy": 9, "k1": 0.1, "w": 0, "h": -3}, "no usable focal length"),
        ({"k1": float("nan")}, "lens distortion"),
        ({"camera_angle_x": 0}, "no usable focal length"),
        ({"camera_angle_x": 5e-324}, "no usable focal length"),
        ({"transform_matrix": (1e300 * np.eye(4)).tolist()}, "4 by 4 finite numbers"),
        ({"file_path": "long.png"}, "too large: 20 x 40000"),
    ],
)
def test_cameras_and_pictures_of_impossible_sizes(tmp_path, keys, sentence):
    folder = _foreign(tmp_path / "set", "blender", n=3)
    Image.new("1", (20, 40000)).save(folder / "long.png")
    document = json.loads((folder / "transforms.json").read_text())
    document["frames"][0] |= keys
    (folder / "transforms.json").write_text(json.dumps(document))
    with pytest.raises(Img2MeshError, match=sentence):
        load_views(folder)


def test_cameras_that_all_stand_at_one_place():
    views = []
    for view in _views():
        c2w = view.camera.c2w.copy()
        c2w[:3, 3] = (2.0, 0.0, 0.0)
        views.append(dataclasses.replace(view, camera=dataclasses.replace(view.camera, c2w=c2w)))
    with pytest.raises(Img2MeshError):
        normalised(ViewSet(tuple(views)))


def test_a_point_in_the_cameras_own_plane_is_not_in_its_picture():
    camera = orbit_camera(0, 0, size=64)
    assert not inside(camera, np.ones((64, 64), bool), camera.c2w[None, :3, 3]).any()


@pytest.mark.parametrize("text", ["", "not json", "[]", "[" * 100000])
def test_files_that_are_no_transforms(tmp_path, text):
    (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(Img2MeshError):
        load_views(tmp_path)


def test_missing_folder_and_missing_file(tmp_path):
    with pytest.raises(Img2MeshError, match=r"No transforms\.json"):
        load_views(tmp_path)
    with pytest.raises(Img2MeshError, match="No such"):
        load_views(tmp_path / "nothing")


def test_a_busy_background_is_refused(tmp_path):
    folder = _foreign(tmp_path / "set", "white", n=3)
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "r_0.jpg")
    with pytest.raises(Img2MeshError, match="neither alpha"):
        load_views(folder)


@pytest.mark.parametrize("mirror", [None, Mirror(0.3, -0.02)])
def test_the_guessed_body_travels_with_the_views(tmp_path, mirror):
    camera = orbit_camera(20.0, 0.0)
    believed = orbit_camera(13.0, 0.0)
    chance = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    views = ViewSet(
        (View(ellipsoid(camera), camera, Source.PHOTO), View(ellipsoid(camera), camera, Source.DRAWN)),
        body=Body(chance, believed, 0.7, mirror),
    )
    save_views(views, tmp_path / "views")
    back = load_views(tmp_path / "views").body
    assert back.mirror == mirror
    assert np.abs(back.occupancy - chance).max() < 1e-3 and back.half == 0.7
    assert back.camera.fl_x == camera.fl_x and np.allclose(back.camera.c2w, believed.c2w)
    with np.load(tmp_path / "views" / "body.npz") as stored:
        older = {key: stored[key] for key in stored if key != "elevation_deg"}
    np.savez_compressed(tmp_path / "views" / "body.npz", **older)
    assert np.allclose(load_views(tmp_path / "views").body.camera.c2w, camera.c2w), (
        "the photo's, before it was stored"
    )
    (tmp_path / "views" / "body.npz").write_bytes(b"PK broken")
    with pytest.raises(Img2MeshError, match=r"body\.npz"):
        load_views(tmp_path / "views")


def test_points_go_beside_the_pictures(tmp_path):
    """nerfstudio and gsplat find them by the key `ply_file_path`, in the cameras' own axes."""
    import trimesh

    points = np.array([[0.1, 0.2, 0.3, 1.0, 0.5, 0.0], [-0.1, 0.0, 0.25, 0.0, 0.0, 1.0]], np.float32)
    save_views(ViewSet(tuple(_views(1)), points=points), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "transforms.json").read_text())
    assert document["ply_file_path"] == "points3D.ply"
    read = trimesh.load(tmp_path / "out" / "points3D.ply")
    np.testing.assert_allclose(read.vertices, points[:, :3], atol=1e-6)
    assert read.colors[:, :3].tolist() == [[255, 128, 0], [0, 0, 255]]
    assert is_ours(tmp_path / "out" / "points3D.ply")
    assert len(load_views(tmp_path / "out").views) == 1


def test_facts_that_are_none_and_models_without_end(tmp_path):
    path = save_views(ViewSet(tuple(_views())), tmp_path / "views")
    document = json.loads(path.read_text())
    document["img2mesh"]["facts"] = 7
    path.write_text(json.dumps(document))
    assert len(load_views(path).views) == len(_views())
    document["camera_model"] = {"a": ["long"] * 1000}
    path.write_text(json.dumps(document))
    with pytest.raises(Img2MeshError) as error:
        load_views(path)
    assert "camera model" in str(error.value) and len(str(error.value)) < 400


def test_huge_pictures_are_reduced_in_little_memory():
    from img2mesh.views.undistort import LARGEST, _manageable, _reduced

    v, u = np.mgrid[-1:1:600j, -1:1:900j]
    alpha = np.where(np.hypot(u, v) < 0.6, 255, 0)
    small = np.dstack([np.full_like(alpha, 200), 100 + 50 * u, 60 + 0 * u, alpha]).astype(np.uint8)
    large = small.repeat(10, 0).repeat(10, 1)
    found, expected = _reduced(_manageable(large)), _reduced(small)
    assert found.shape == expected.shape == (round(LARGEST * 2 / 3), LARGEST, 4)
    seen = expected[..., 3] > 128
    assert np.abs(found[seen].astype(int) - expected[seen]).max() <= 12
    assert np.abs(found[..., 3].astype(int) - expected[..., 3]).mean() < 0.5


def test_focal_lengths_without_measure_do_not_take_all_time():
    from img2mesh.views.photo_frame import common_solid, silhouette

    view = _views()[0]
    wide = dataclasses.replace(view, camera=dataclasses.replace(view.camera, fl_x=1e9, fl_y=1e9))
    solid = common_solid([wide, view])
    assert silhouette(solid, wide.camera).shape == (96, 96)


@pytest.mark.parametrize("alpha", [True, False])
def test_outlines_of_other_peoples_views_lose_the_ground_they_were_drawn_on(tmp_path, alpha):
    """A dark ball drawn on white: pixels half of the ball and half of the ground are the ball's, ours stay."""
    cameras = [orbit_camera(20, azimuth) for azimuth in (0, 90, 180, 270)]
    y, x = np.mgrid[:256, :256] + 0.5
    cover = np.clip(80.5 - np.hypot(x - 128, y - 128), 0, 1)[..., None]
    rgb = np.round(cover * [60, 40, 30] + (1 - cover) * 255).astype(np.uint8)
    mask = np.where(cover > 0.1, 255, 0).astype(np.uint8)  # as those who cut out hard make it
    Image.fromarray(np.dstack([rgb, mask]) if alpha else rgb).save(tmp_path / "0.png")
    frames = [{"file_path": "0.png", "transform_matrix": camera.c2w.tolist()} for camera in cameras]
    document = {"camera_angle_x": math.radians(FOV_DEG), "frames": frames}
    (tmp_path / "transforms.json").write_text(json.dumps(document))
    view = load_views(tmp_path).views[0]
    assert view.rgba[view.mask > 0.5][:, :3].max() < 100  # 235 as they were drawn
    (tmp_path / "transforms.json").write_text(json.dumps({**document, "img2mesh": {"facts": {}}}))
    kept = load_views(tmp_path).views[0]
    assert not alpha or np.array_equal(kept.rgba, np.dstack([rgb, mask]))
