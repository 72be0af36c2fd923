"""Files appear whole or not at all."""

import os
import stat

import pytest

from img2mesh.core.files import atomic_file, atomic_folder, data_folder
from img2mesh.errors import Img2MeshError


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("x")
        assert temporary.suffix == ".txt" and not path.exists()
    assert path.read_text() == "x"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_file_leaves_the_old_one(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_and_merges(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), atomic_folder(path) as temporary:
        (temporary / "a").write_text("1")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    for text in ("1", "2"):
        with atomic_folder(path) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / "a").write_text(text)
            (temporary / text).write_text(text)
    assert (path / "sub" / "a").read_text() == "2"
    assert sorted(p.name for p in path.iterdir()) == ["1", "2", "sub"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_unwritable_places_are_one_sentence(tmp_path):
    with pytest.raises(Img2MeshError, match="it is a folder"), atomic_file(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Img2MeshError, match="Cannot create the folder"),
        atomic_file(tmp_path / "file" / "b" / "c"),
    ):
        pass
    with pytest.raises(Img2MeshError, match="a file of that name"), atomic_folder(tmp_path / "file"):
        pass
    if os.geteuid() == 0:
        return  # root may write anywhere
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(Img2MeshError, match="permission denied"), atomic_file(tmp_path / "locked" / "x"):
        pass


@pytest.mark.parametrize("name", ["weights", "configs", "examples"])
def test_shipped_data_is_found(name):
    assert any(data_folder(name).iterdir())
