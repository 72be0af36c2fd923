"""Fifty uploads that nobody should be able to hurt the server with."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image


def picture(kind: str = "PNG", width: int = 64, height: int = 48, **options) -> bytes:
    """A real photo with something in it."""
    y, x = np.mgrid[:height, :width]
    values = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int = 8, colour: int = 2, rows: bytes | None = None) -> bytes:
    """A PNG that says any size, whatever its pixels are."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20) if rows is None else rows, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _zip(content: bytes = bytes(5_000_000)) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", content)
    return stream.getvalue()


def _bmp(width: int, height: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 100, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *([0] * 6))
    )


def _tiff(width: int, height: int) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 2, 273: 8, 277: 3, 278: height, 279: 100}
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + body + bytes(4)


def _gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00" + bytes(6) + b";"


JPEG, PNG, GIF, WEBP = picture("JPEG"), picture("PNG"), picture("GIF"), picture("WEBP")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(1)</script></html>"

# name -> (file name that the client claims, content type that it claims, bytes)
UPLOADS: dict[str, tuple[str, str, bytes]] = {
    "empty": ("a.png", "image/png", b""),
    "one byte": ("a.png", "image/png", b"\x89"),
    "zeros": ("a.png", "image/png", bytes(10_000)),
    "noise": ("a.jpg", "image/jpeg", np.random.default_rng(0).bytes(10_000)),
    "text": ("a.txt", "text/plain", b"hello"),
    "json": ("a.json", "application/json", b'{"a": 1}'),
    "svg": ("a.svg", "image/svg+xml", SVG),
    "svg that says png": ("a.png", "image/png", SVG),
    "svg with an entity bomb": ("a.svg", "image/svg+xml", b'<!DOCTYPE x [<!ENTITY a "aa">]>' + SVG),
    "html": ("a.html", "text/html", HTML),
    "html that says jpeg": ("a.jpg", "image/jpeg", HTML),
    "script": ("a.sh", "text/x-sh", b"#!/bin/sh\nrm -rf /\n"),
    "elf": ("a.png", "image/png", b"\x7fELF" + bytes(500)),
    "windows program": ("a.png", "image/png", b"MZ" + bytes(500)),
    "pdf": ("a.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj"),
    "postscript": ("a.eps", "image/x-eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"),
    "windows metafile": ("a.wmf", "image/wmf", b"\xd7\xcd\xc6\x9a" + bytes(200)),
    "zip": ("a.zip", "application/zip", _zip(b"small")),
    "zip bomb": ("a.zip", "application/zip", _zip()),
    "zip bomb that says png": ("a.png", "image/png", _zip()),
    "gzip bomb": ("a.png", "image/png", zlib.compress(bytes(9_000_000), 9)),
    "pickle": ("a.ckpt", "application/octet-stream", b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "mp4": ("a.mp4", "video/mp4", b"\x00\x00\x00\x18ftypisom" + bytes(300)),
    "heic without pixels": ("a.heic", "image/heic", b"\x00\x00\x00\x18ftypheic" + bytes(300)),
    "avif without pixels": ("a.avif", "image/avif", b"\x00\x00\x00\x18ftypavif" + bytes(300)),
    "ico": ("a.ico", "image/x-icon", b"\x00\x00\x01\x00\x01\x00\x10\x10" + bytes(300)),
    "psd": ("a.psd", "image/psd", b"8BPS\x00\x01" + bytes(300)),
    "fits": ("a.fits", "image/fits", b"SIMPLE  =                    T" + bytes(3000)),
    "1 x 1": ("a.png", "image/png", picture("PNG", 1, 1)),
    "1 x 1 gif": ("a.gif", "image/gif", picture("GIF", 1, 1)),
    "15 x 15": ("a.png", "image/png", picture("PNG", 15, 15)),
    "1 x 4000": ("a.png", "image/png", picture("PNG", 1, 4000)),
    "0 x 0": ("a.png", "image/png", png(0, 0)),
    "40,000 x 40,000 png": ("a.png", "image/png", png(40_000, 40_000)),
    "40,000 x 40,000 bmp": ("a.bmp", "image/bmp", _bmp(40_000, 40_000)),
    "40,000 x 40,000 tiff": ("a.tif", "image/tiff", _tiff(40_000, 40_000)),
    "60,000 x 60,000 gif": ("a.gif", "image/gif", _gif(60_000, 60_000)),
    "2 billion x 2 billion": ("a.png", "image/png", png(2**31 - 1, 2**31 - 1)),
    "20,000 x 20,000 of 16 bits": ("a.png", "image/png", png(20_000, 20_000, 16)),
    "png whose pixels are missing": ("a.png", "image/png", png(64, 64, rows=b"")),
    "png with a wrong checksum": ("a.png", "image/png", PNG[:40] + b"\x00\x00" + PNG[42:]),
    "truncated jpeg": ("a.jpg", "image/jpeg", JPEG[: len(JPEG) // 2]),
    "truncated png": ("a.png", "image/png", PNG[: len(PNG) // 2]),
    "truncated webp": ("a.webp", "image/webp", WEBP[: len(WEBP) // 2]),
    "truncated gif": ("a.gif", "image/gif", GIF[:40]),
    "jpeg head alone": ("a.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    "jpeg and zip": ("a.jpg", "image/jpeg", JPEG + _zip(b"x")),
    "png and zip": ("a.png", "image/png", PNG + _zip(b"x")),
    "png and html": ("a.png", "image/png", PNG + HTML),
    "jpeg and php": ("../../shell.php", "image/jpeg", JPEG + b"<?php system($_GET['c']); ?>"),
    "gif and svg": ("a.gif", "image/gif", GIF + SVG),
    "jpeg and pdf": ("a.jpg", "image/jpeg", JPEG + b"%PDF-1.4\n"),
    "all of one colour": ("a.png", "image/png", png(64, 64, rows=bytes(64 * (1 + 64 * 3)))),
    "path in the name": ("../../../../etc/passwd", "image/png", b"root:x:0:0"),
    "null in the name": ("a\x00.png", "image/png", b"nothing"),
    "long name": ("a" * 3000 + ".png", "image/png", b"nothing"),
}
