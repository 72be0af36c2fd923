"""Folders that photos arrive in."""

from __future__ import annotations

import os
import threading
import time

import pytest

from img2mesh.batch import watch
from img2mesh.batch.watch import Watcher


@pytest.mark.parametrize("notices", [True, False])
def test_photos_that_arrive_are_made(shop, monkeypatch, notices):
    if notices:
        pytest.importorskip("watchfiles")
    monkeypatch.setattr(watch, "find_spec", lambda name: object() if notices else None)
    monkeypatch.setattr("img2mesh.batch.plan.SETTLED", 0.2)
    monkeypatch.setattr("img2mesh.batch.run.INTERVAL", 0.3)
    stoppers = []
    real = __import__("img2mesh.batch.batch", fromlist=["Stopper"]).Stopper

    def keep():
        stoppers.append(real())
        return stoppers[-1]

    monkeypatch.setattr("img2mesh.batch.batch.Stopper", keep)
    done = []

    def on_done(record, report):
        done.append(record["name"])
        if len(done) == 1:
            threading.Timer(0.3, shop.add, ["second.png"]).start()
        elif len(done) == 2:  # another photo in the place of the first
            threading.Timer(0.3, lambda: shop.add("first.png", text="other")).start()
        else:
            stoppers[0].asked = True

    shop.add("first.png")
    summary = shop.run(watch=True, on_done=on_done)
    assert done == ["first", "second", "first"] and summary.interrupted
    assert "OTHER" in (shop.meshes / "first.glb").read_text()


def test_a_photo_that_is_still_arriving_waits(shop, monkeypatch):
    from img2mesh.batch.plan import _settled
    from tests.jobs.fake_work import item

    shop.add("a.png")
    assert not _settled(item(shop.photos / "a.png", shop.meshes))
    os.utime(shop.photos / "a.png", (time.time() - 10,) * 2)
    assert _settled(item(shop.photos / "a.png", shop.meshes))
    assert not _settled(item(shop.photos / "gone.png", shop.meshes))


def test_a_watcher_tells_once(tmp_path):
    pytest.importorskip("watchfiles")
    with Watcher([tmp_path]) as watcher:
        time.sleep(0.5)
        (tmp_path / "a.png").write_text("x")
        end = time.monotonic() + 10
        while not watcher.changed():
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.2)
        watcher.changed()
        assert not watcher.changed()
