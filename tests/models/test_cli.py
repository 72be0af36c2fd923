"""`img2mesh weights` from the command line, and real weights folders given to the commands that sample."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from img2mesh.cli import run
from img2mesh.core.view import Source
from tests.fakes import fake_reconstruction
from tests.models.manifest import NARROW, random_state, whole
from tests.models.tiny_plus import make_tiny_plus


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_list_names_sizes_and_licences(cache, capsys):
    assert run(["weights", "list"]) == 0
    out = capsys.readouterr().out
    for name in ("zero123-xl", "zero123-165000", "zero123-105000", "stable-zero123"):
        assert f"{name}: 5.0 GB" in out and f"weights download {name}" in out
    assert "zero123plus-v1.2: 5.6 GB" in out and "CC-BY-NC-4.0" in out and "zero123plus-v1.1" in out
    assert "non-commercial" in out and "MIT" in out


def test_zero123plus_goes_the_whole_way(tmp_path, picture, monkeypatch):
    """Photo, tiny Zero123++ folder, mesh and report, on the command line; and its views alone."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.kron(picture, np.ones((4, 4, 1), np.uint8))).save("photo.png")
    make_tiny_plus(tmp_path / "plus")
    asked = fake_reconstruction(monkeypatch)  # what six views of noise would make takes half a minute
    sampler = ["--model", "plus", "--steps", "1", "--device", "cpu", "--offline"]
    words = ["photo.png", "-o", "out.glb", "--report", "r.json", "--keep", "kept", "--elevation", "20"]
    assert run([*words, *sampler]) == 0
    assert (tmp_path / "out.glb").stat().st_size > 1000
    (views,) = asked
    drawn = [view.camera for view in views.views if view.source is Source.DRAWN]
    assert views.photo is not None and 1 <= len(drawn) <= 6, (
        "views in which noise shows no object are left out"
    )
    for camera in drawn:
        assert camera.distance == pytest.approx(0.5 / np.tan(np.radians(15)))
        assert camera.width / camera.fl_x == pytest.approx(2 * np.tan(np.radians(15)))
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["model"] == "tiny-plus-v1.2" and report["licence_of_the_weights"] == "none"
    assert report["views"]["variant"] == "v1.2" and report["settings"]["views"] == 6
    photo, *frames = json.loads((tmp_path / "kept" / "views" / "transforms.json").read_text())["frames"]
    assert photo["kind"] == "photo"
    assert len(frames) <= 6 and {round(frame["elevation_deg"]) for frame in frames} <= {20, -10}
    assert run(["views", "photo.png", "-o", "six", *sampler, "--input-elevation", "20"]) == 0
    _, *frames = json.loads((tmp_path / "six" / "transforms.json").read_text())["frames"]
    assert [round(frame["azimuth_deg"] % 360) for frame in frames] == [30, 90, 150, 210, 270, 330]


def test_convert_verify_and_their_failures(tmp_path, capsys, cache):
    source, folder = tmp_path / "zero123-mine.ckpt", tmp_path / "model"
    torch.save({"state_dict": random_state(whole(**NARROW))}, source)
    assert run(["weights", "convert", str(source), "-o", str(folder)]) == 0
    assert run(["weights", "verify", str(folder)]) == 0
    assert "in order" in capsys.readouterr().out
    wrong = tmp_path / "sd.ckpt"
    torch.save(
        {"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(8, 4, 3, 3)}}, wrong
    )
    for words in (
        ["weights", "convert", str(wrong), "-o", str(tmp_path / "no")],
        ["weights", "convert", str(tmp_path / "absent.ckpt"), "-o", str(tmp_path / "no")],
        ["weights", "convert", str(source), "-o", str(tmp_path / "no"), "--variant", "odd"],
        ["weights", "verify", str(wrong)],
        ["weights", "verify", "zero123-xl"],
        ["weights", "download", "no such model"],
        ["weights", "download", "zero123-xl", "--offline"],
        ["weights", "odd"],
    ):
        assert run(words) == 2, words
        error = capsys.readouterr().err
        assert error.splitlines()[-1].startswith("error: ") and error.count("error:") == 1
        assert "Traceback" not in error
    assert not (tmp_path / "no").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "sd.ckpt", "zero123-mine.ckpt"]


def test_views_with_the_published_numerics(tmp_path, tiny_full, picture):
    """A model of the full-size kind with `--parity original` goes through the whole command."""
    photo = tmp_path / "photo.png"
    Image.fromarray(np.kron(picture, np.ones((4, 4, 1), np.uint8))).save(photo)
    model = shutil.copytree(tiny_full, tmp_path / "zero123-tiny")
    words = ["views", str(photo), "--n", "4", "-o", str(tmp_path / "out"), "--model", str(model)]
    # The tiny model paints noise everywhere: a mask is found in it, an elevation is guessed, all is written.
    assert run([*words, "--steps", "4", "--parity", "original", "--device", "cpu"]) == 0
    assert (tmp_path / "out" / "transforms.json").is_file()
