"""Every command of the README is a command: each one runs, with quick stand-ins for the expensive rooms."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.fakes import fake_rooms, photo_file

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


LINES = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("img2mesh ")]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The README's current folder: a photo, a folder of photos, and what earlier commands made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("IMG2MESH_JOBS", "0")  # rooms are replaced in this process only
    fake_rooms(monkeypatch)
    photo_file(tmp_path / "photo.png")
    (tmp_path / "photos").mkdir()
    shutil.copy("photo.png", "photos/a.png")
    shutil.copy("photo.png", "photos/b.png")
    draws(tmp_path / "photo.png", monkeypatch)
    for side in ("front", "back", "left", "right"):
        shutil.copy("photo.png", f"{side}.jpg")
    for folder in ("spin", "scan"):
        (tmp_path / folder).mkdir()
        for k in range(8):
            shutil.copy("photo.png", f"{folder}/{k}.png")
    places(monkeypatch)
    return tmp_path


def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A COLMAP that takes a walk for a turn."""
    from img2mesh.photos import structure_from_motion
    from img2mesh.photos.turntable import turntable_views

    def scanned_views(photos: list, cutouts: list, progress: object) -> object:
        views = turntable_views(cutouts, True, progress)
        views.facts["warnings"] = []
        return views

    monkeypatch.setattr(structure_from_motion, "check_scan", lambda count: None)
    monkeypatch.setattr(structure_from_motion, "scanned_views", scanned_views)


def draws(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text-to-image model that always draws this picture; it is not here, and large."""
    from PIL import Image

    from img2mesh.text_to_image.picture import Drawing

    def picture_of(*words: object, **options: object) -> Drawing:
        with Image.open(path) as image:
            return Drawing(image.copy(), {})

    monkeypatch.setattr("img2mesh.text_to_image.picture_of", picture_of)


def _run(line: str) -> int:
    from img2mesh.cli import run

    return run(shlex.split(line, comments=True)[1:])


def _before(line: str) -> list[str]:
    """The README's own commands that make what this one reads."""
    if any(f"{command} out.glb" in line for command in ("preview", "check", "repair")):
        return ["img2mesh photo.png -o out.glb"]
    if "reconstruct ring" in line:
        return ["img2mesh views photo.png --n 6 -o ring"]
    return []


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("#")[0].strip().replace(" ", "_"))
def test_command(line, desk, capsys):
    if "doctor" in line:
        assert _run(line) in (0, 1)
        assert "torch" in capsys.readouterr().out
        return
    for earlier in _before(line):
        assert _run(earlier) == 0
    assert _run(line) == 0, capsys.readouterr().err
    words = shlex.split(line, comments=True)
    for flag in ("-o", "--preview", "--report", "--keep"):
        if flag in words:
            assert (desk / words[words.index(flag) + 1]).exists()


def test_there_are_commands():
    assert len(LINES) >= 10


@pytest.mark.parametrize("block", _blocks("python"))
def test_python(block, desk, capsys):
    exec(compile(block, "README.md", "exec"), {})
    assert (desk / "out.glb").stat().st_size > 0


def test_links_lead_somewhere():
    later = {"docs/result.png", "docs/install-gpu.md", "weights/mini", "weights/mini/README.md"}
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        if not target.startswith("http") and target not in later:
            assert (ROOT / target).exists(), target
