"""Runs of the command line inside the test's process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.fakes import photo_file


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def img2mesh(capsys, monkeypatch, tmp_path):
    """Call `img2mesh(*words)` in an empty current folder; `tmp_path` is that folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("IMG2MESH_JOBS", "0")  # rooms are replaced in this process only

    def call(*words: object) -> Outcome:
        from img2mesh.cli import run

        capsys.readouterr()
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def photo(tmp_path):
    """A good photo, `photo.png` in the current folder."""
    return photo_file(tmp_path / "photo.png")
