"""A small colour profile (ICC.1:2001-04), made of primaries and a gamma."""

from __future__ import annotations

import struct

import numpy as np

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = np.array([0.9642, 1.0, 0.8249])
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.329), 563 / 256)
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), 2.2)
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585), 1.8)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.329), 2.2)


def to_xyz(space) -> np.ndarray:
    """(3, 3): linear RGB to XYZ under D50."""
    red, green, blue, white, _ = space
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in (red, green, blue)]).T
    light = np.array([white[0] / white[1], 1.0, (1 - sum(white)) / white[1]])
    matrix = columns * np.linalg.solve(columns, light)
    adapt = np.diag((BRADFORD @ D50) / (BRADFORD @ light))
    return np.linalg.inv(BRADFORD) @ adapt @ BRADFORD @ matrix


def encoded(srgb, space) -> np.ndarray:
    """8-bit values in a space of colours given in 8-bit sRGB."""
    values = np.asarray(srgb, float) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    other = linear @ (np.linalg.inv(to_xyz(space)) @ to_xyz(SRGB)).T
    return np.round(255 * other.clip(0, 1) ** (1 / space[4])).astype(np.uint8)


def profile(space, name: str = "made for a test") -> bytes:
    """A matrix profile for RGB."""

    def fixed(values) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = name.encode()
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79}
    tags[b"wtpt"] = b"XYZ \0\0\0\0" + fixed(D50)
    tags[b"cprt"] = b"text\0\0\0\0none\0"
    for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), to_xyz(space).T, strict=True):
        tags[key] = b"XYZ \0\0\0\0" + fixed(column)
    for key in (b"rTRC", b"gTRC", b"bTRC"):
        tags[key] = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(space[4] * 256)) + b"\0\0"
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += key + struct.pack(">II", start + len(data), len(value))
        data += value
    size = start + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s4x", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += b"\0" * (68 - len(header)) + fixed(D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data
