"""Every bad input gives one sentence, exit code 2, no traceback and no file."""

from __future__ import annotations

import os
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
    _more(tmp_path, data)
    _lists(tmp_path)
    return tmp_path


def _lists(place):
    """Lists of photos with a mistake each."""
    (place / "empty.csv").write_text("photo,seed\n")
    (place / "columns.csv").write_text("picture\nphoto.png\n")
    (place / "cells.csv").write_text("photo,seed\nphoto.png,1,2\n")
    (place / "numbers.csv").write_text("photo,seed\nphoto.png,many\n")
    (place / "heights.csv").write_text("photo,height\nphoto.png,tall\n")
    (place / "twice.csv").write_text("photo,output\nphoto.png,a\nmine.png,A\n")
    (place / "outside.csv").write_text("photo,output\nphoto.png,../../a\n")
    (place / "sides.csv").write_text("photo,photos\nphoto.png,inside=mine.png\n")
    (place / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    (place / "words.jsonl").write_text('"photo.png"\n')


def _more(place, data):
    """The user's own files at places where outputs would go, and damaged files of every kind that is read."""
    (place / "mine.glb").write_bytes(b"glTF made by somebody else")
    (place / "mine.obj").write_text("# a model of mine\nv 0 0 0\n")
    (place / "mine.png").write_bytes(data)
    (place / "mine.json").write_text('{"mine": true}')
    (place / "mine.mtl").write_text("newmtl mine\n")
    (place / "mine_texture.png").write_bytes(data)
    (place / "mine.gif").write_bytes(b"GIF89a mine")
    (place / "kept").mkdir()
    (place / "kept" / "cutout.png").write_bytes(data)
    (place / "scene" / "images").mkdir(parents=True)
    (place / "scene" / "images" / "000.png").write_bytes(data)
    frame = '{"file_path": "images/000.png", "transform_matrix": %s}'
    one = frame % "[[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]"
    for name, text in {
        "transforms.json": '{"camera_angle_x": 0.7, "frames": [' + one + "]}",
        "nan.json": '{"camera_angle_x": NaN, "frames": [' + one + "]}",
        "flat.json": '{"camera_angle_x": 0.7, "frames": [' + frame % "[[1,0],[0,1]]" + "]}",
        "words.json": '{"camera_angle_x": "wide", "frames": [' + frame % '"none"' + "]}",
        "list.json": "[1, 2, 3]",
        "none.json": '{"frames": null}',
        "few.json": '{"camera_angle_x": 0.7, "frames": []}',
        "lost.json": '{"camera_angle_x": 0.7, "frames": [{"file_path": "gone.png", "transform_matrix": []}]}',
        "cut.json": '{"frames": [{"file_path"',
        "deep.json": "[" * 100000,
    }.items():
        (place / "scene" / name).write_text(text)
    (place / "shop").mkdir()
    (place / "shop" / "mug.png").write_bytes(data)
    (place / "cut.tif").write_bytes(b"II*\0\x08\0\0\0\xff\xff")
    (place / "loop.tif").write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8))
    (place / "cut.avif").write_bytes(b"\0\0\0 ftypavif\0\0\0\0avifmif1miafMA1B\0\0\0\0meta")
    (place / "film.mp4").write_bytes(b"\0\0\0 ftypisom\0\0\2\0isomiso2avc1mp41\0\0\0\x08free")
    (place / "cut.gif").write_bytes(b"GIF89a\x40\0\x40\0\xf0\0\0")
    (place / "cut.webp").write_bytes(b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0")
    (place / "cut.bmp").write_bytes(b"BM" + b"\xff" * 30)
    (place / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0")
    (place / "page.html").write_text("<!DOCTYPE html><title>404</title>")
    (place / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (place / "pointer.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    Image.new("RGB", (3000, 16), (9, 9, 9)).save(place / "thread.png")
    Image.new("RGB", (64, 64), (255, 255, 255)).save(place / "white.tif")
    (place / "cut.glb").write_bytes(b"glTF\2\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7fJSON{}")
    (place / "empty.glb").write_bytes(b"")
    (place / "empty.stl").write_bytes(b"")
    (place / "cut.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 99\nend_header\n")
    (place / "bad.obj").write_text("v 0 0\nf 1 2 9\n")
    os.mkfifo(place / "pipe.png")
    (place / "gone.png").symlink_to(place / "nowhere.png")
    (place / "loop.png").symlink_to(place / "loop.png")


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
    "photo.png --box 1,2,3",
    "photo.png photo.png --box 1,2,30,40",
    "photo.png --box 1,2,3,4",
    "photo.png --point left,top",
    "photo.png --point 9999,3",
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
    "views photo.png --size 20",
    "views photo.png --size 4096",
    "views photo.png --raw --size 512",
    "views photo.png -o photo.png",
    "segment",
    "segment missing.png",
    "segment nothing",
    "segment photo.png -o photo.png",
    "segment photo.png -o cutout.jpg",
    "segment photo.png --size 3",
    "segment photo.png --box 5000,0,20,20",
    "segment photo.png --compare -o photo.png",
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
    # the user's own files
    "photo.png -o mine.glb",
    "photo.png -o mine.obj",
    "photo.png -o new.glb --preview mine.png",
    "photo.png -o new.glb --preview mine.gif",
    "photo.png -o new.glb --report mine.json",
    "photo.png -o new.glb --keep kept",
    "photo.png -o new.glb --preview gone.png/a.png",
    "mine_texture.png -o mine.obj",
    "mine_texture.png -o mine.obj --overwrite",
    "kept/cutout.png -o new.glb --keep kept",
    "kept/cutout.png -o new.glb --keep kept --overwrite",
    "photo.png -o new.glb --preview PHOTO.PNG --overwrite",
    "photo.png -o new.glb --preview ./nothing/../photo.png",
    "photo.png -o new.glb --report NEW.GLB",
    "photo.png -o a.obj --preview a_texture.png",
    "shop -o shop --preview png",
    "shop -o shop --preview png --overwrite",
    "shop/mug.png mine.png -o shop --preview png",
    "shop -o . --format obj --report meshes.txt",
    "shop --keep mine.glb",
    "shop -o mine.glb",
    "shop --jobs many",
    "shop --jobs -1",
    "shop --timeout soon",
    "shop --timeout 0",
    "shop --group-by colour",
    "photo.png --watch",
    "photo.png --timeout 3s",
    "photo.png -o new.glb --retry-failed",
    "empty.csv",
    "columns.csv",
    "cells.csv",
    "numbers.csv",
    "heights.csv",
    "twice.csv",
    "outside.csv",
    "sides.csv",
    "bytes.jsonl",
    "words.jsonl",
    "missing.csv",
    "segment photo.png -o mine.png",
    "segment mine.png -o ./mine.png --overwrite",
    "views photo.png -o scene",
    "views scene/images/000.png -o scene --overwrite",
    "reconstruct scene -o new.glb --preview scene/images/000.png",
    "reconstruct scene -o new.glb --preview scene/images/000.png --overwrite",
    "reconstruct scene -o new.glb --report scene/transforms.json --overwrite",
    "reconstruct scene -o mine.glb",
    "preview bad.obj -o mine_texture.png",
    "preview mesh.glb -o mine.gif",
    # damaged files
    "cut.tif",
    "loop.tif",
    "cut.avif",
    "film.mp4",
    "cut.gif",
    "cut.webp",
    "cut.bmp",
    "cut.jpg",
    "page.html",
    "drawing.svg",
    "pointer.png",
    "thread.png",
    "white.tif --offline",
    "pipe.png",
    "gone.png",
    "loop.png",
    "/dev/null",
    "reconstruct scene/nan.json",
    "reconstruct scene/flat.json",
    "reconstruct scene/words.json",
    "reconstruct scene/list.json",
    "reconstruct scene/none.json",
    "reconstruct scene/few.json",
    "reconstruct scene/lost.json",
    "reconstruct scene/cut.json",
    "reconstruct scene/deep.json",
    "reconstruct pipe.png",
    "preview cut.glb",
    "preview empty.glb",
    "preview empty.stl",
    "preview cut.ply",
    "preview bad.obj",
    "preview pipe.png",
    "preview mesh.glb -o nothing",
    "preview mesh.glb -o new.webm",
    # settings
    "photo.png --symmetry sideways",
    "photo.png --symmetry nan",
    "photo.png --mesh-resolution 0",
    "photo.png --rays 1",
    "photo.png --solver euler",
    "photo.png --precision int8",
    "photo.png --height -3cm",
    "photo.png --format",
    "photo.png --preset",
    "segment photo.png --foreground-ratio 0",
    "segment photo.png --size many",
]


@pytest.mark.parametrize("line", BAD)
def test_one_sentence_exit_2_and_no_file(img2mesh, shelf, line):
    before = _state(shelf)
    outcome = img2mesh(*line.split())
    assert outcome.code == 2, outcome.err
    errors = [row for row in outcome.err.splitlines() if row.startswith("error: ")]
    assert len(errors) == 1 and outcome.err.rstrip().endswith(errors[0])
    assert "Traceback" not in outcome.err and outcome.out == ""
    assert 20 < len(errors[0]) < 400 and errors[0].rstrip().endswith(".")
    assert "Error(" not in errors[0] and "Exception" not in errors[0]
    assert _state(shelf) == before


def _state(folder):
    """Every path below, with the bytes of files."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def test_there_are_150():
    assert len(set(BAD)) == len(BAD) >= 150


def test_verbose_shows_the_traceback(img2mesh, shelf):
    outcome = img2mesh("empty.png", "-v")
    assert outcome.code == 2 and "Traceback" in outcome.err and "error: " in outcome.err
