"""The gallery script: a page with a table, pictures, and the sentence of each bad photo."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.fakes import fake_rooms, photo_file

SCRIPT = Path(__file__).parent.parent / "scripts" / "gallery.py"


@pytest.fixture
def gallery():
    return runpy.run_path(str(SCRIPT), run_name="gallery")


def test_the_page(tmp_path, monkeypatch, gallery):
    fake_rooms(monkeypatch)
    monkeypatch.setitem(gallery["write_page"].__globals__, "write_preview", lambda mesh, path: path.touch())
    photo_file(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    monkeypatch.setattr(sys, "argv", ["gallery", str(tmp_path), "-o", str(tmp_path / "out"), "--offline"])
    gallery["main"]()
    text = (tmp_path / "out" / "index.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["| photo", "| bad", "| good"]
    assert "bad.png" in text and "not a photo" in rows[1][-1]
    assert rows[2][5:] == ["yes", "1", "alpha |"]
    assert float(rows[2][1]) > 5 and "of 1 meshes hold the bars" in text
    for name in ("good.glb", "good-photo.png", "good-mesh.png"):
        assert (tmp_path / "out" / name).exists()
