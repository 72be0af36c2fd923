"""What a worker writes of an item."""

from __future__ import annotations

import pickle

import pytest
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.jobs.events import Reporter
from img2mesh.jobs.item import Item, Picture
from img2mesh.jobs.outcome import Outcome
from img2mesh.jobs.pipeline_work import STRIP_SIDE, STRIP_VIEWS, PipelineWork, photos_of
from img2mesh.jobs.session import Session
from img2mesh.settings import Settings
from tests.fakes import fake_rooms, photo_file


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The outcome of an item with everything, after the test has had its say about the rooms."""
    fake_rooms(monkeypatch)
    photo_file(tmp_path / "a.png", size=64)

    def make(suffix=".obj", keep=True, **settings):
        out = tmp_path / "out"
        item = Item(
            "a",
            (Picture(tmp_path / "a.png"),),
            out / f"a{suffix}",
            Settings.load("draft", **settings),
            out / "a.png",
            tmp_path / "keep" if keep else None,
            out / ".small" / "a.webp",
            out / ".work",
        )
        assert pickle.loads(pickle.dumps(item)) == item
        session = Session(PipelineWork())
        product = session.make(item, Reporter("a", lambda event: None))
        return (product if isinstance(product, Outcome) else session.write(product)), out

    return make


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_everything_appears_at_its_place(made, tmp_path):
    outcome, out = made()
    assert outcome.error is None
    assert names(out) == [".small/a.webp", "a.mtl", "a.obj", "a.png", "a_texture.png"]
    assert set(outcome.files) == {str(out / name) for name in ("a.mtl", "a.obj", "a.png", "a_texture.png")}
    assert all(size == (tmp_path / path).stat().st_size for path, size in outcome.files.items())
    assert (tmp_path / "keep" / "cutout.png").exists() and not list((out / ".work").iterdir())
    with Image.open(out / ".small" / "a.webp") as strip:
        assert strip.size == ((STRIP_VIEWS + 1) * STRIP_SIDE, STRIP_SIDE)
    assert [each.size for each in outcome.prints] == [(tmp_path / "a.png").stat().st_size]


def test_a_preview_that_fails_costs_only_itself(made, monkeypatch):
    def fails(mesh, path):
        raise ValueError("no\npixels")

    monkeypatch.setattr("img2mesh.preview.write_preview", fails)
    outcome, out = made(".glb")
    assert outcome.category == "preview"
    assert outcome.error == "a.glb was written, but its preview failed: no pixels."
    assert names(out) == [".small/a.webp", "a.glb"] and set(outcome.files) == {str(out / "a.glb")}
    assert outcome.report["mesh"]["faces"] > 10


@pytest.mark.parametrize("keep", [True, False])
def test_a_full_disk_leaves_nothing(made, monkeypatch, keep):
    def fails(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fails)
    outcome, out = made(".glb", keep)
    assert (outcome.category, outcome.error) == ("output", "the disk is full.")
    assert names(out) == []


def test_several_photos_of_an_item(tmp_path):
    def photos(*pictures):
        return photos_of(Item("a", pictures, tmp_path / "a.glb", Settings()))

    front, back = Picture(tmp_path / "a.png"), Picture(tmp_path / "b.png", 180.0)
    assert photos(front) == tmp_path / "a.png"
    assert [(each.source, each.azimuth) for each in photos(front, back)] == [
        (tmp_path / "a.png", 0.0),
        (tmp_path / "b.png", 180.0),
    ]
    with pytest.raises(Img2MeshError, match=r"Which side c\.png shows is not known"):
        photos(front, Picture(tmp_path / "c.png"))


def test_one_model_serves_items_that_load_alike():
    work = PipelineWork()
    assert work.model_key(Settings(seed=1)) == work.model_key(Settings(views=9))
    assert work.model_key(Settings(precision="fp32")) != work.model_key(Settings())


def test_workers_of_one_machine_share_the_weights(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from torch import nn

    loaded = SimpleNamespace(unet=nn.Linear(4, 4))
    monkeypatch.setattr("img2mesh.chosen_model.load_named_model", lambda *_: loaded)
    work = PipelineWork(tmp_path / "weights")
    assert pickle.loads(pickle.dumps(work)) == work
    assert work.load(Settings(device="cpu"), Reporter("a", lambda event: None)) is loaded
    assert len(list((tmp_path / "weights").glob("*.pt"))) == 1
