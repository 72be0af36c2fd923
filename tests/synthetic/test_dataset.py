"""Whole datasets: resuming, broken models, shards, packs, the command."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest

from img2mesh.cli import COLLECTED, run
from img2mesh.core.camera import FOV_DEG, camera_from_w2c, relative_pose
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.camera_sampling import random_cameras
from img2mesh.synthetic.dataset import RenderOptions, render_dataset
from img2mesh.synthetic.model_files import find_models, shard_of
from img2mesh.train.dataset import load_renders
from tests.synthetic.shapes import coloured_cube, textured_sphere

SMALL = RenderOptions(views=4, size=48, w2c=True)


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    coloured_cube(folder / "cube.glb")
    coloured_cube(folder / "deep" / "cube.ply")
    textured_sphere(folder / "ball.glb", rings=16)
    (folder / "broken.obj").write_text("not a model")
    (folder / "empty.glb").write_bytes(b"")
    return folder


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_renders_list_broken_models_and_train_reads_them(models, tmp_path):
    out = tmp_path / "out"
    outcome = render_dataset([models], out, SMALL)
    assert outcome.rendered == ("ball", "cube", "deep__cube")
    rows = [line.split("\t") for line in (out / "broken.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == ["broken", "empty"] and all(len(row) == 3 and row[2] for row in rows)
    renders = load_renders(out)
    assert sorted(item.id for item in renders.objects) == ["ball", "cube", "deep__cube"]
    assert renders.views == 12
    assert renders.read(0, 3).shape == (48, 48, 4)
    record = json.loads((out / "cube" / "cameras.json").read_text())
    assert record["fov_deg"] == pytest.approx(FOV_DEG) and record["extents"] == [1, 1, 1]
    assert record["coloured"] is True and 0.05 < record["coverage"] < 0.75
    assert (out / "contact.png").is_file()
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_camera_round_trip_through_the_papers_files(models, tmp_path):
    out = tmp_path / "out"
    render_dataset([models / "cube.glb"], out, SMALL)
    frames = json.loads((out / "cube" / "cameras.json").read_text())["frames"]
    cameras = []
    for i, frame in enumerate(frames):
        w2c = np.load(out / "cube" / f"{i:03d}.npy")
        assert w2c.shape == (3, 4)
        camera = camera_from_w2c(w2c)
        assert np.allclose(camera.c2w, frame["c2w"], atol=1e-8)
        assert np.radians(camera.elevation_deg) == pytest.approx(frame["elevation"])
        assert camera.distance == pytest.approx(frame["radius"])
        cameras.append(camera)
    pose = relative_pose(cameras[0], cameras[1])
    assert pose[0] == pytest.approx(frames[0]["elevation"] - frames[1]["elevation"], abs=1e-6)
    turn = frames[1]["azimuth"] - frames[0]["azimuth"]
    assert pose[1:3] == pytest.approx([np.sin(turn), np.cos(turn)], abs=1e-6)
    assert pose[3] == pytest.approx(frames[1]["radius"] - frames[0]["radius"], abs=1e-6)


def test_resumes_without_touching_what_is_finished(models, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    render_dataset([models], whole, SMALL)
    render_dataset([models / "cube.glb"], parts, SMALL)
    before = (parts / "cube" / "cameras.json").stat().st_mtime_ns
    outcome = render_dataset([models], parts, SMALL)
    assert outcome.skipped == ("cube",) and len(outcome.rendered) == 2
    assert (parts / "cube" / "cameras.json").stat().st_mtime_ns == before
    assert content(whole) == content(parts)  # also: deterministic, whatever the order
    assert render_dataset([models], parts, SMALL).rendered == ()


def test_an_interrupted_object_leaves_nothing(models, tmp_path, monkeypatch):
    from PIL import Image

    saved = Image.Image.save
    calls = []

    def save(self, path, **options):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return saved(self, path, **options)

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        render_dataset([models / "cube.glb"], tmp_path / "out", SMALL)
    assert list((tmp_path / "out").iterdir()) == []


def test_shards_share_out_the_work_and_packs_hold_it(models, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    render_dataset([models], whole, SMALL)
    outcomes = [render_dataset([models], parts, SMALL, shard=f"{i}/2", packed=True) for i in range(2)]
    assert sorted(sum((o.rendered for o in outcomes), ())) == ["ball", "cube", "deep__cube"]
    assert sorted(p.name for p in parts.glob("*.tar")) == ["renders-000-000.tar", "renders-001-000.tar"]
    assert not list(parts.glob("*/cameras.json"))
    a, b = load_renders(whole), load_renders(parts)
    index = {item.id: i for i, item in enumerate(b.objects)}
    for i, item in enumerate(a.objects):
        assert np.array_equal(item.angles, b.objects[index[item.id]].angles)
        assert np.array_equal(a.read(i, 2), b.read(index[item.id], 2))
    again = render_dataset([models], parts, SMALL, shard="0/2", packed=True)
    assert again.rendered == () and again.skipped


def test_cameras_cover_the_sphere_between_the_elevations():
    rng = np.random.default_rng(0)
    cameras = random_cameras(720, rng, (-20, 75), (1.5, 2.2))
    sines = np.sin(np.radians([c.elevation_deg for c in cameras]))
    low, high = np.sin(np.radians([-20, 75]))
    assert low <= sines.min() and sines.max() <= high
    assert np.mean(sines) == pytest.approx((low + high) / 2, abs=0.03)  # uniform in area
    distances = np.array([c.distance for c in cameras])
    assert 1.5 <= distances.min() < 1.51 and 2.19 < distances.max() <= 2.2
    azimuths = np.sort([c.azimuth_deg for c in random_cameras(12, rng)])
    assert np.diff(azimuths).max() < 60.1  # stratified: no gap of two sectors


def test_names_do_not_depend_on_where_the_models_lie(models, tmp_path):
    (tmp_path / "list.txt").write_text("# mine\nmodels/cube.glb\n\nmodels/deep\n")
    assert [name for name, _ in find_models([tmp_path / "list.txt"])] == ["cube.glb", "cube.ply"]
    names = [name for name, _ in find_models([models])]
    assert names == sorted(["ball", "broken", "cube", "deep__cube", "empty"])
    everything = find_models([models])
    assert (
        sorted(shard_of(everything, "0/3") + shard_of(everything, "1/3") + shard_of(everything, "2/3"))
        == everything
    )


@pytest.mark.parametrize("shard", ["2/2", "1", "a/b", "-1/3", "0/0"])
def test_bad_shards_are_refused(models, tmp_path, shard):
    with pytest.raises(Img2MeshError, match="shard"):
        render_dataset([models], tmp_path / "out", SMALL, shard=shard)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["missing.glb", "-o", "out"], "No such model"),
        (["models", "-o", "out", "--views", "1"], "--views"),
        (["models", "-o", "out", "--elevation-min", "60", "--elevation-max", "10"], "Elevations"),
        (["models", "-o", "out", "--distance", "0.2", "2"], "--distance"),
        (["models", "-o", "out", "--engine", "povray"], "engine"),
        (["models", "-o", "out", "--up", "x"], "--up"),
        (["models/broken.obj", "-o", "models/cube.glb"], "file"),
    ],
)
def test_the_command_refuses_bad_options_in_one_sentence(
    models, tmp_path, monkeypatch, capsys, arguments, word
):
    monkeypatch.chdir(tmp_path)
    assert run(["render", *arguments]) == 2
    message = capsys.readouterr().err
    assert word in message and message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command_renders(models, tmp_path, capsys):
    assert run(["render", str(models / "ball.glb"), "-o", str(tmp_path / "out"), "--views", "2"]) == 0
    assert "1 objects rendered" in capsys.readouterr().out
    assert load_renders(tmp_path / "out").read(0, 0).shape == (256, 256, 4)


def test_garbage_does_not_pile_up_over_thousands_of_models(models, tmp_path):
    """Readers leave cycles that hold whole meshes: 10 MB a model stayed while garbage was looked for so rarely."""
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECTED)  # as `main` begins, for the sake of imports
    try:
        words = ["render", str(models / "cube.glb"), "-o", str(tmp_path / "d"), "--views", "2"]
        assert run([*words, "--size", "16"]) == 0
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*usual)
