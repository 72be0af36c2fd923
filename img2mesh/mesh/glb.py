"""A self-contained binary glTF 2.0 file, byte by byte."""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

FLOAT, UINT = 5126, 5125  # component types
ARRAY, ELEMENTS = 34962, 34963  # buffer targets
CLAMP, LINEAR, MIPMAP = 33071, 9729, 9987  # sampler


def png_bytes(texture: np.ndarray, mark: PngInfo | None = None) -> bytes:
    """(H, W, 3) uint8 as PNG; equal pixels give equal bytes. `mark`: text for a file of its own (`core.marks`)."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(texture)).save(buffer, format="PNG", compress_level=6, pnginfo=mark)
    return buffer.getvalue()


def glb_bytes(
    positions: np.ndarray,
    normals: np.ndarray,
    uv: np.ndarray,
    faces: np.ndarray,
    texture: np.ndarray,
    name: str = "img2mesh",
) -> bytes:
    """One mesh with one opaque, fully rough, non-metallic material (Khronos glTF 2.0 specification).

    Args:
        positions, normals: (V, 3) in glTF's axes, metres. uv: (V, 2), (0, 0) lower left. faces: (F, 3).
        texture: (T, T', 3) uint8 sRGB.

    Returns:
        The file's bytes: the same input gives the same bytes.
    """
    from img2mesh import __version__

    positions = np.ascontiguousarray(positions, dtype="<f4")
    flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)  # glTF counts v from the top
    blocks = [
        (np.ascontiguousarray(faces, dtype="<u4").tobytes(), ELEMENTS),
        (positions.tobytes(), ARRAY),
        (np.ascontiguousarray(normals, dtype="<f4").tobytes(), ARRAY),
        (np.ascontiguousarray(flipped, dtype="<f4").tobytes(), ARRAY),
        (png_bytes(texture), None),
    ]
    data, buffer_views = b"", []
    for block, target in blocks:
        view = {"buffer": 0, "byteOffset": len(data), "byteLength": len(block)}
        buffer_views.append(view if target is None else {**view, "target": target})
        data += block + b"\0" * (-len(block) % 4)
    count = len(positions)

    def accessor(view: int, kind: str, length: int, component: int = FLOAT, **extra: Any) -> dict:
        return {"bufferView": view, "componentType": component, "count": length, "type": kind, **extra}

    low, high = (getattr(positions, f)(axis=0).astype(float).tolist() for f in ("min", "max"))
    tree = {
        "asset": {"version": "2.0", "generator": f"img2mesh {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [
            {
                "name": name,
                "primitives": [
                    {
                        "attributes": {"POSITION": 1, "NORMAL": 2, "TEXCOORD_0": 3},
                        "indices": 0,
                        "material": 0,
                        "mode": 4,
                    }
                ],
            }
        ],
        "materials": [
            {
                "name": name,
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "baseColorFactor": [1.0, 1.0, 1.0, 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.9,
                },
                "alphaMode": "OPAQUE",
                "doubleSided": False,
            }
        ],
        "textures": [{"sampler": 0, "source": 0}],
        "images": [{"bufferView": 4, "mimeType": "image/png", "name": "texture"}],
        "samplers": [{"magFilter": LINEAR, "minFilter": MIPMAP, "wrapS": CLAMP, "wrapT": CLAMP}],
        "accessors": [
            accessor(0, "SCALAR", faces.size, UINT),
            accessor(1, "VEC3", count, min=low, max=high),
            accessor(2, "VEC3", count),
            accessor(3, "VEC2", count),
        ],
        "bufferViews": buffer_views,
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(data)
    return (
        struct.pack("<4sII", b"glTF", 2, total)
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(data), b"BIN\0")
        + data
    )
