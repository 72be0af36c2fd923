"""Every bad input gives one sentence, exit code 2, no traceback and no file."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _huge_png(width: int, height: int) -> bytes:
    """A valid header of a picture that nobody wants to decode."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b""))
        + _chunk(b"IEND", b"")
    )


@pytest.fixture
def shelf(tmp_path, photo):
    """Files of every bad kind in the current folder."""
    data = photo.read_bytes()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "paper.png").write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "huge.png").write_bytes(_huge_png(20000, 20000))
    (tmp_path / "bomb.png").write_bytes(_huge_png(60000, 60000))
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("RGBA", (64, 64), (200, 30, 30, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / "flat.png")
    grey = np.zeros((64, 64, 4), np.uint8)
    grey[31:33, 31:33] = 255
    Image.fromarray(grey, "RGBA").save(tmp_path / "tiny.png")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("no picture")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    (tmp_path / "bad.toml").write_text("views = = 3")
    (tmp_path / "unknown.toml").write_text("viewz = 3")
    (tmp_path / "word.toml").write_text('views = "many"')
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "model.ckpt").write_bytes(b"not a pickle")
    (tmp_path / "mesh.glb").write_bytes(b"glTF nonsense")
    (tmp_path / "mesh.txt").write_text("v 0 0 0")
    return tmp_path


BAD = [
    "missing.png",
    "empty.png",
    "cut.png",
    "paper.png",
    "text.jpg",
    "dot.png",
    "huge.png",
    "bomb.png",
    "clear.png --segmenter alpha",
    "clear.png --offline",
    "flat.png --segmenter plain",
    "tiny.png",
    "nothing",
    "notes",
    "photo.png missing.png",
    "photo.png photo.png -o out.glb",
    "photo.png photo.png --preview out.png",
    "photo.png -o out.xyz",
    "photo.png -o out",
    "photo.png -o nothing",
    "photo.png -o photo.png/out.glb",
    "photo.png -o /proc/out.glb",
    "photo.png -o out.glb --format obj",
    "photo.png --format step",
    "photo.png --preview out.bmp",
    "photo.png --preview photo.png",
    "photo.png -o out.glb --report out.glb",
    "photo.png --report out.txt",
    "photo.png --report /proc/report.json",
    "photo.png --keep photo.png",
    "photo.png --keep /proc/keep",
    "photo.png --views -1",
    "photo.png --views 3.5",
    "photo.png --views many",
    "photo.png --steps -1",
    "photo.png --faces -5",
    "photo.png --texture-size 1",
    "photo.png --guidance nan",
    "photo.png --guidance -1",
    "photo.png --seed -1",
    "photo.png --seed 5000000000",
    "photo.png --elevation nan",
    "photo.png --elevation 91",
    "photo.png --elevation up",
    "photo.png --elevations 0,a",
    "photo.png --elevations inf",
    "photo.png --height 12",
    "photo.png --height 0cm",
    "photo.png --foreground-ratio 1.5",
    "photo.png --preset best",
    "photo.png --device tpu",
    "photo.png --variant newest",
    "photo.png --segmenter psychic",
    "photo.png --config missing.toml",
    "photo.png --config bad.toml",
    "photo.png --config unknown.toml",
    "photo.png --config word.toml",
    "photo.png --config bytes.toml",
    "photo.png --config nothing",
    "photo.png --model ./missing",
    "photo.png --model missing.ckpt",
    "photo.png --model weights --offline",
    "photo.png --model ./weights --offline",
    "photo.png --model model.ckpt --offline",
    "photo.png --model nobody/nothing-of-the-kind --offline",
    "photo.png --colour blue",
    "photo.png -o",
    "views",
    "views missing.png",
    "views nothing",
    "views photo.png --n 0",
    "views photo.png --n 100000",
    "views photo.png --n 2 --elevations -20,0,30",
    "views photo.png --elevations 0,nan",
    "views photo.png --elevations 120",
    "views photo.png --azimuth 10",
    "views photo.png --azimuth 10 --elevation 99",
    "views photo.png --azimuth inf --elevation 9",
    "views photo.png --azimuth 10 --elevation 9 --n 4",
    "views photo.png --animation avi",
    "views photo.png --fps 0",
    "views photo.png -o photo.png",
    "segment",
    "segment missing.png",
    "segment nothing",
    "segment photo.png -o photo.png",
    "segment photo.png -o cutout.jpg",
    "segment photo.png --size 3",
    "segment empty.png",
    "reconstruct missing",
    "reconstruct nothing",
    "reconstruct photo.png",
    "reconstruct nothing -o mesh.abc",
    "preview missing.glb",
    "preview nothing",
    "preview mesh.txt",
    "preview mesh.glb",
    "preview mesh.glb -o mesh.glb",
    "doctor --device gpu",
    "doctor --model ./missing",
]


@pytest.mark.parametrize("line", BAD)
def test_one_sentence_exit_2_and_no_file(img2mesh, shelf, line):
    before = sorted(path.relative_to(shelf) for path in shelf.rglob("*"))
    outcome = img2mesh(*line.split())
    assert outcome.code == 2, outcome.err
    errors = [row for row in outcome.err.splitlines() if row.startswith("error: ")]
    assert len(errors) == 1 and outcome.err.rstrip().endswith(errors[0])
    assert "Traceback" not in outcome.err and outcome.out == ""
    assert 20 < len(errors[0]) < 400 and errors[0].rstrip().endswith(".")
    assert "Error(" not in errors[0] and "Exception" not in errors[0]
    assert sorted(path.relative_to(shelf) for path in shelf.rglob("*")) == before


def test_there_are_more_than_thirty():
    assert len(set(BAD)) == len(BAD) > 30


def test_verbose_shows_the_traceback(img2mesh, shelf):
    outcome = img2mesh("empty.png", "-v")
    assert outcome.code == 2 and "Traceback" in outcome.err and "error: " in outcome.err
