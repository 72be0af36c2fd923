"""Whose folder it is, and what for."""

from __future__ import annotations

import threading

import pytest

from img2mesh.batch.job_folder import JobFolder
from img2mesh.batch.keys import item_key, job_description, weights_checksum
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from tests.jobs.fake_work import item, photo


def test_one_at_a_time(tmp_path):
    with JobFolder(tmp_path / "m"):
        said = []

        def second():
            try:
                with JobFolder(tmp_path / "m"):
                    said.append("in")
            except Img2MeshError as error:
                said.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert len(said) == 1 and said[0].startswith("Another img2mesh works on")
    with JobFolder(tmp_path / "m"):
        pass


def test_leftovers_of_killed_runs_are_cleared_away(tmp_path):
    (tmp_path / "m" / ".img2mesh" / "work" / "half").mkdir(parents=True)
    with JobFolder(tmp_path / "m") as place:
        assert not place.work.exists()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "m").write_text("a file")
    with pytest.raises(Img2MeshError, match="cannot write into"), JobFolder(tmp_path / "m"):
        pass


def test_the_sentence_names_what_differs(tmp_path):
    first = job_description(Settings(), "abc", ".glb")
    with JobFolder(tmp_path / "m") as place:
        assert place.claim(first, False) is False
        place.journal.append({"name": "a", "status": "done"})
    second = job_description(Settings(seed=1, views=9), "def", ".glb")
    with JobFolder(tmp_path / "m") as place:
        with pytest.raises(
            Img2MeshError, match="with weights abc, not def, with seed 0, not 1, with views 18, not 9"
        ):
            place.claim(second, False)
        assert place.claim(first, False) is False and place.claim(second, True) is True


def test_keys(tmp_path):
    path = photo(tmp_path, "a.png")
    job = job_description(Settings(), "w", ".glb")
    key = item_key(item(path, tmp_path), job)
    assert key == item_key(item(path, tmp_path, device="cpu", offline=True, batch=3), job)
    assert key != item_key(item(path, tmp_path, seed=1), job)
    assert key != item_key(item(path, tmp_path), {**job, "weights": "other"})
    assert key == item_key(item(path, tmp_path), {**job, "threads": 4})


def test_checksums_of_weights(tmp_path):
    mini = weights_checksum(Settings(model="mini"))
    assert len(mini) == 16 and mini == weights_checksum(Settings(model="mini", seed=3))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.safetensors").write_bytes(b"x" * 100_000)
    first = weights_checksum(Settings(model=str(folder)))
    (folder / "a.safetensors").write_bytes(b"x" * 99_999 + b"y")
    assert weights_checksum(Settings(model=str(folder))) != first
    with pytest.raises(Img2MeshError, match="There is no model"):
        weights_checksum(Settings(model="nowhere"))
