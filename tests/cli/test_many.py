"""The options for many photos."""

from __future__ import annotations

import pytest

from img2mesh.cli.many import Many
from img2mesh.errors import Img2MeshError
from tests.fakes import fake_rooms, photo_file


def many(**options):
    values = dict(
        jobs=None, timeout=None, recursive=False, watch=False, retry_failed=False, group_by="none", ray=None
    )
    return Many(**{**values, **options})


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("7", 7), ("2 min", 120)]
)
def test_times(text, seconds):
    assert many(timeout=text).seconds() == seconds


@pytest.mark.parametrize(("text", "number"), [(None, None), ("auto", None), ("3", 3), ("0", 0)])
def test_workers(text, number):
    assert many(jobs=text).workers() == number


def test_without_ray_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Img2MeshError, match=r"pip install 'img2mesh\[ray\]'"):
        many(ray="auto").check()


def test_a_tree_of_folders(img2mesh, tmp_path, monkeypatch):
    fake_rooms(monkeypatch)
    for name in ("a", "sub/a"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        photo_file(tmp_path / "photos" / f"{name}.png", size=64)
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    first = img2mesh("photos", "-r", "-o", "meshes", "--preset", "draft")
    assert first.code == 1 and "2 of 3 photos converted (failed: input 1)." in first.out
    assert (tmp_path / "meshes" / "a.glb").exists() and (tmp_path / "meshes" / "sub" / "a.glb").exists()
    assert (tmp_path / "meshes" / "index.html").exists()
    again = img2mesh("photos", "-r", "-o", "meshes", "--preset", "draft")
    assert again.code == 1 and "2 of 3 photos converted (2 before)." in again.out
    assert "1 failed: --retry-failed tries it again." in again.out
    other = img2mesh("photos", "-r", "-o", "meshes", "--preset", "high")
    assert other.code == 2 and "meshes was made with preset draft, not high" in other.err
    (tmp_path / "list.csv").write_text("photo,output\nphotos/a.png,cup\n")
    listed = img2mesh("list.csv", "-o", "meshes", "--preset", "draft")
    assert listed.code == 0 and (tmp_path / "meshes" / "cup.glb").exists()
