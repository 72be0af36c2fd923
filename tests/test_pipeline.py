"""The main job as a whole, with quick stand-ins for the sampler, the field and the mesh."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from img2mesh import Img2MeshError, Settings, image_to_mesh, reconstruct, synthesize_views
from img2mesh.report import write_report
from img2mesh.views import load_views
from tests.fakes import FakeModel, Listener, fake_rooms, photo_file

SMALL = {"views": 6, "steps": 2, "iterations": 10, "rays": 64}


@pytest.fixture
def rooms(monkeypatch):
    """Quick stand-ins."""
    fake_rooms(monkeypatch)


def test_report_says_what_was_done(tmp_path, rooms):
    photo = photo_file(tmp_path / "photo.png")
    result = image_to_mesh(photo, Settings.load("draft", seed=5, **SMALL))
    report = result.report
    assert (
        report["seed"] == 5 and report["settings"]["views"] == 6 and report["settings"]["preset"] == "draft"
    )
    assert report["model"] == "fake" and report["licence_of_the_weights"] == "MIT"
    assert report["device"] in ("cpu", "cuda", "mps") and report["threads"] >= 1
    assert report["elevation_deg"] == 30.0 and report["elevation_confidence"] == 1.0
    assert report["views"]["number"] == 7 and report["segmentation"] == "alpha"
    assert {"segment", "load model", "views", "field", "mesh", "total"} <= set(report["seconds"])
    assert report["seconds"]["total"] >= report["seconds"]["views"]
    assert report["peak_memory_mb"] > 50 and report["versions"]["torch"]
    assert report["mesh"]["watertight"] is True and report["front_psnr_db"] > 5
    write_report(report, tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())
    assert written == {"img2mesh": report["versions"]["img2mesh"], **report}


def test_keep_writes_every_stage(tmp_path, rooms):
    photo = photo_file(tmp_path / "photo.png")
    result = image_to_mesh(photo, Settings.load("draft", **SMALL), keep=tmp_path / "keep")
    names = sorted(path.name for path in (tmp_path / "keep").iterdir())
    assert names == ["cutout.png", "field.npz", "mesh.glb", "views"]
    with Image.open(tmp_path / "keep" / "cutout.png") as cutout:
        assert cutout.mode == "RGBA" and cutout.width == cutout.height
    again = load_views(tmp_path / "keep" / "views")
    for a, b in zip(result.views.views, again.views, strict=True):
        np.testing.assert_array_equal(a.rgba, b.rgba)
    field = np.load(tmp_path / "keep" / "field.npz")
    assert field["sdf"].shape == (64, 64, 64) and field["colour"].dtype == np.uint8


def test_a_model_can_be_used_again(tmp_path, rooms):
    photo, model = photo_file(tmp_path / "photo.png"), FakeModel()
    for _ in range(2):
        image_to_mesh(photo, Settings.load("draft", **SMALL), model=model)
    assert len(model.calls) == 2


def test_an_opened_picture_will_do(tmp_path, rooms):
    with Image.open(photo_file(tmp_path / "photo.png")) as photo:
        photo.load()
    views = synthesize_views(photo, Settings.load("draft", **SMALL), directions=[(10.0, 20.0), (None, 90.0)])
    assert [view.source for view in views.views] == ["photo", "generated", "generated"]
    assert views.views[1].camera.elevation_deg == pytest.approx(10.0)
    assert views.views[2].camera.elevation_deg == pytest.approx(30.0)


def test_views_of_the_shape(tmp_path, rooms):
    settings = Settings.load("draft", **SMALL)
    photo = photo_file(tmp_path / "photo.png")
    views = synthesize_views(
        photo, settings, directions=[(10.0, 20.0), (None, 90.0)], rendered=True, size=100
    )
    assert [view.source for view in views.views] == ["photo", "rendered", "rendered"]
    assert [view.rgba.shape for view in views.views] == [(100, 100, 4)] * 3
    assert [view.camera.width for view in views.views] == [100] * 3
    assert views.views[1].camera.elevation_deg == pytest.approx(10.0)
    assert views.views[2].camera.elevation_deg == pytest.approx(30.0)
    assert views.facts["rendered"] is True and views.points.shape[1] == 6
    assert len(synthesize_views(photo, settings, rendered=True).views) == 37, (
        "a ring, where nothing is asked for"
    )


@pytest.mark.parametrize("blurred", [True, False])
def test_an_unsure_model_gives_renders(tmp_path, rooms, monkeypatch, blurred):
    """The shipped kind of model also tells the body; what it draws well is shown as it is."""
    monkeypatch.setattr(FakeModel, "occupancy", object(), raising=False)
    monkeypatch.setattr("img2mesh.views.picture_detail.believed", lambda views: 0.3 if blurred else 0.9)
    photo, settings = photo_file(tmp_path / "photo.png"), Settings.load("draft", **SMALL)
    wanted = "rendered" if blurred else "generated"
    assert synthesize_views(photo, settings, directions=[(10.0, 20.0)]).views[1].source == wanted
    raw = synthesize_views(photo, settings, directions=[(10.0, 20.0)], rendered=False)
    assert raw.views[1].source == "generated" and raw.points is None


def test_the_plan_without_directions(tmp_path, rooms):
    views = synthesize_views(photo_file(tmp_path / "photo.png"), Settings.load("draft", **SMALL))
    assert len(views.views) == 7


def test_reconstruct_takes_views_from_memory_or_disk(tmp_path, rooms):
    settings = Settings.load("draft", **SMALL)
    views = synthesize_views(photo_file(tmp_path / "photo.png"), settings, keep=tmp_path / "keep")
    for source in (views, tmp_path / "keep" / "views", tmp_path / "keep" / "views" / "transforms.json"):
        report = reconstruct(source, settings).report
        assert report["views"]["number"] == 7 and report["front_psnr_db"] is not None


def test_warnings_reach_listener_and_report_once(tmp_path, monkeypatch):
    fake_rooms(monkeypatch)

    def unsure(photo, drawn, progress, guess):
        progress.warn("the elevation is a guess")
        return 20.0, {"elevation_confidence": 0.0, "warnings": ["the elevation is a guess"]}

    monkeypatch.setattr("img2mesh.views.synthesize.find_elevation", unsure)

    listener = Listener()
    photo = photo_file(tmp_path / "photo.png")
    result = image_to_mesh(photo, Settings.load("draft", **SMALL), progress=listener)
    assert listener.warnings.count("the elevation is a guess") == 1
    assert result.report["warnings"].count("the elevation is a guess") == 1


def test_devices_that_are_not_there(tmp_path, rooms, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(Img2MeshError, match="CUDA"):
        image_to_mesh(photo_file(tmp_path / "photo.png"), Settings(device="cuda"))


def test_callers_keep_their_random_states_and_threads(tmp_path, rooms):
    import random

    import torch

    photo = photo_file(tmp_path / "photo.png")
    torch.manual_seed(3)
    np.random.seed(4)
    random.seed(5)
    torch.set_num_threads(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    image_to_mesh(photo, Settings.load("draft", **SMALL))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1]) and random.getstate() == before[2]
    assert torch.get_num_threads() == 1


def test_a_photo_in_memory_and_what_was_assumed(tmp_path, rooms):
    data = photo_file(tmp_path / "photo.png").read_bytes()
    report = image_to_mesh(data, Settings.load("draft", **SMALL)).report
    assert report["cutout"] == {"method": "alpha", "confidence": 1.0, "doubtful": False, "notes": []}
    assert set(report["assumed"]) >= {
        "symmetry",
        "elevation_deg",
        "elevation_confidence",
        "elevation_deviation_deg",
        "hollow",
        "guessed_surface",
    }
