"""A folder of everything that the program must refuse: damaged files, wrong lists, the user's own files in the way."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
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


def fill(tmp_path, data):
    """Files of every bad kind in a folder; `data` is a good photo's."""
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
