"""Batches from the outside: what is made, skipped, made again, refused, and said."""

from __future__ import annotations

import json
import shutil

import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from tests.fakes import Listener
from tests.jobs.fake_work import FakeWork


def test_one_bad_photo_never_stops_the_rest(shop):
    shop.add("a.png", "z.png")
    shop.add("bad.png", text="bad")
    shop.add("bug.png", text="bug")
    ears = Listener()
    summary = shop.run(progress=ears)
    assert sorted(shop.files()) == ["a.glb", "z.glb"] and not summary.complete
    assert [each["error_category"] for each in summary.failed] == ["input", "defect"]
    assert summary.lines() == [
        "failed: bad.png: bad.png shows nothing.",
        "failed: bug.png: unexpected ZeroDivisionError: oh.",
        "2 failed: --retry-failed tries them again.",
        "2 of 4 photos converted (failed: defect 1, input 1).",
    ]
    assert "bad.png: input: bad.png shows nothing." in ears.warnings
    assert any(note.startswith("[1/4] a.png") for note in ears.notes)


def test_what_is_done_is_done_once(shop):
    shop.add("a.png", "b.png", "c.png")
    shop.run()
    assert shop.begun() == ["a", "b", "c"]
    before = shop.files()
    summary = shop.run()
    assert shop.begun() == [] and summary.complete and summary.before == 3
    assert summary.lines() == ["3 of 3 photos converted (3 before)."]
    shop.add("d.png")
    shop.add("b.png", text="other")
    (shop.photos / "c.png").touch()  # the same content with another time
    (shop.meshes / "a.glb").unlink()
    shop.run()
    assert shop.begun() == ["a", "b", "d"]
    after = shop.files()
    assert after["a.glb"] == before["a.glb"] and after["b.glb"] != before["b.glb"]


def test_failed_items_wait_for_retry_failed_or_another_photo(shop):
    shop.add("a.png", "missing.png")
    shop.add("bad.png", "bad2.png", text="bad")
    shop.run()
    shop.begun()
    summary = shop.run()
    assert shop.begun() == [] and summary.stale == 2 and not summary.complete
    shop.add("bad2.png", text="now good")
    shop.run()
    assert shop.begun() == ["bad2"]
    shop.run(retry_failed=True)
    assert shop.begun() == ["bad"], "once, though the folder is looked at again at the end"


def test_other_settings_are_refused_or_overwrite(shop):
    shop.add("a.png")
    shop.run()
    with pytest.raises(Img2MeshError, match=r"was made with seed 0, not 3: give another -o, or --overwrite"):
        shop.run(settings=Settings(seed=3))
    with pytest.raises(Img2MeshError, match="with format glb, not ply"):
        shop.run(suffix=".ply")
    shop.begun()
    assert shop.run(settings=Settings(seed=3), overwrite=True).complete
    assert shop.begun() == ["a"] and "SEED 3" in (shop.meshes / "a.glb").read_text()
    assert shop.run(settings=Settings(seed=3, offline=True)).before == 1, (
        "where it is computed does not matter"
    )


def test_a_preview_or_keep_asked_for_later_is_made(shop):
    shop.add("a.png")
    shop.run()
    shop.begun()
    shop.run(preview=".png")
    assert shop.begun() == ["a"]


def test_bad_input_leaves_nothing(shop):
    with pytest.raises(Img2MeshError, match="No pictures"):
        shop.run()
    assert not shop.meshes.exists()
    shop.add("a.png")
    with pytest.raises(Img2MeshError, match="no such model"):
        shop.run(work=FakeWork(broken=True))
    assert not shop.meshes.exists()


def test_files_of_others_are_never_replaced(shop):
    shop.add("a.png")
    shop.meshes.mkdir()
    (shop.meshes / "a.glb").write_text("mine")
    with pytest.raises(Img2MeshError, match="which img2mesh did not write"):
        shop.run()
    (shop.meshes / "a.glb").unlink()
    (shop.meshes / "report.csv").write_text("mine")
    with pytest.raises(Img2MeshError, match=r"report\.csv, which img2mesh did not write"):
        shop.run()
    assert (shop.meshes / "report.csv").read_text() == "mine"
    assert shop.run(overwrite=True).complete


def test_a_list_is_not_overwritten_by_the_report(shop, tmp_path):
    shop.add("a.png")
    shop.meshes.mkdir()
    shutil.copy(shop.photos / "a.png", shop.meshes)
    (shop.meshes / "report.csv").write_text("photo\na.png\n")
    with pytest.raises(Img2MeshError, match="over the input"):
        shop.run(inputs=[shop.meshes / "report.csv"], overwrite=True)
    assert (shop.meshes / "report.csv").read_text() == "photo\na.png\n"


def test_doubtful_cutouts_are_counted(shop):
    shop.add("a.png", text="doubt")
    shop.add("b.png")
    assert "1 cutout is doubtful: a.png." in shop.run().lines()


def test_previews_that_fail_end_nothing(shop):
    shop.add("a.png", text="nopreview")
    shop.add("b.png")
    summary = shop.run()
    assert sorted(shop.files()) == ["a.glb", "b.glb"]
    assert [each["error_category"] for each in summary.failed] == ["preview"]
    assert summary.failed[0]["mesh"] == "a.glb"


def test_the_tree_is_kept_and_names_do_not_change_as_it_grows(shop):
    shop.add("mug.png", "red/mug.png", "red/mug.jpg")
    shop.run(recursive=True)
    assert sorted(shop.files()) == ["mug.glb", "red/mug.jpg.glb", "red/mug.png.glb"]
    shop.begun()
    shop.add("mug.jpg", "blue/mug.png")
    assert shop.run(recursive=True).complete
    assert sorted(shop.begun()) == ["blue/mug", "mug.jpg"]


def test_no_item_is_named_as_the_page(shop, tmp_path):
    pytest.importorskip("pxr")
    shop.add("index.png", "Report.png", "mug.png")
    settings = Settings(purpose="ar")
    summary = shop.run(settings=settings)
    assert summary.complete and sorted(shop.files()) == ["Report.glb", "index.png.glb", "mug.glb"]
    shop.add("cup.png")
    assert shop.run(settings=settings).before == 3, "the name stays"
    page = (shop.meshes / "index.html").read_text()
    assert "index.png" in page and "mug.png" in page, "the batch's page, not the item's"
    (tmp_path / "list.csv").write_text("photo,output\nphotos/mug.png,INDEX\n")
    with pytest.raises(Img2MeshError, match=r"The output INDEX would be index\.html, which the batch writes"):
        shop.run(inputs=[tmp_path / "list.csv"], settings=settings, folder=tmp_path / "other")
    shop.run(inputs=[tmp_path / "list.csv"], folder=tmp_path / "other")
    assert (tmp_path / "other" / "INDEX.glb").exists(), "a .glb alone takes nothing from the page"


def test_the_list_may_grow_while_it_runs(shop):
    shop.add("a.png")
    shop.run(on_done=lambda record, report: record["name"] == "a" and shop.add("b.png"))
    assert sorted(shop.files()) == ["a.glb", "b.glb"]


def test_what_a_listener_raises_is_a_warning(shop):
    shop.add("a.png")
    ears = Listener()
    assert shop.run(on_done=lambda *_: 1 / 0, progress=ears).complete
    assert "a.png: ZeroDivisionError: division by zero" in ears.warnings


def test_the_json_report_holds_every_item(shop, tmp_path):
    shop.add("a.png", "b.png")
    shop.run()
    shop.add("c.png")
    shop.add("notes.txt")
    shop.run(report=tmp_path / "all.json")
    tree = json.loads((tmp_path / "all.json").read_text())
    assert [row["name"] for row in tree["photos"]] == ["a", "b", "c"]
    assert all(row["report"]["seed"] == 0 for row in tree["photos"])
    assert (
        tree["skipped"] == ["notes.txt"] and tree["settings"]["preset"] == "standard" and "img2mesh" in tree
    )


def test_processes_and_this_process_give_equal_bytes(shop):
    shop.add(*(f"{index}.png" for index in range(6)))
    shop.run()
    before = shop.files()
    shutil.rmtree(shop.meshes)
    assert shop.run(jobs=2).complete
    assert shop.files() == before


def test_the_folder_remembers_the_threads_of_its_workers(shop, monkeypatch):
    monkeypatch.setattr("img2mesh.jobs.capacity.usable_cores", lambda: 8)
    shop.add("a.png", "b.png")
    ears = Listener()
    shop.run(jobs=None, progress=ears)
    assert "2 workers of 4 threads" in ears.notes[0]
    shop.add("c.png")
    ears = Listener()
    shop.run(jobs=None, progress=ears)
    assert "1 worker of 4 threads" in ears.notes[0]
