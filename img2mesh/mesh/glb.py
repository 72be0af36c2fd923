"""A self-contained binary glTF 2.0 file, byte by byte."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2mesh.mesh.pictures import FORMATS, picture_bytes

FLOAT, UINT, USHORT, BYTE = 5126, 5125, 5123, 5120  # component types
ARRAY, ELEMENTS = 34962, 34963  # buffer targets
CLAMP, LINEAR, MIPMAP = 33071, 9729, 9987  # sampler
ROUGHNESS = 0.9  # a photo does not tell it; most things are matt
SHORT_INDICES = 65535  # vertices; the last number of 16 bits is reserved


@dataclass(frozen=True)
class GlbOptions:
    """Choices of a .glb file.

    Attributes:
        name: of the node, the mesh, the material and the pictures.
        texture_format: png, jpeg or webp (needs EXT_texture_webp of its reader).
        compression: none, meshopt (EXT_meshopt_compression) or draco (KHR_draco_mesh_compression).
    """

    name: str = "img2mesh"
    texture_format: str = "png"
    compression: str = "none"


class Buffers:
    """Collects buffer views and accessors."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.extensions: set[str] = set()
        self.fallback = 0  # bytes that a reader with compression never reads

    def add(self, block: bytes, **more: Any) -> int:
        """Append bytes; the number of their view."""
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(block), **more})
        self.data += block + b"\0" * (-len(block) % 4)
        return len(self.views) - 1

    def accessor(self, view: int | None, kind: str, count: int, component: int = FLOAT, **extra: Any) -> int:
        """Describe what a view holds; the number of the accessor."""
        item = {"componentType": component, "count": count, "type": kind, **extra}
        self.accessors.append(item if view is None else {"bufferView": view, **item})
        return len(self.accessors) - 1

    def buffers(self) -> list[dict[str, Any]]:
        """glTF's `buffers`."""
        found: list[dict[str, Any]] = [{"byteLength": len(self.data)}]
        if self.fallback:
            found.append(
                {
                    "byteLength": self.fallback,
                    "extensions": {"EXT_meshopt_compression": {"fallback": True}},
                }
            )
        return found


def glb_bytes(
    positions: np.ndarray,
    normals: np.ndarray,
    uv: np.ndarray,
    faces: np.ndarray,
    texture: np.ndarray,
    options: GlbOptions | None = None,
    normal_map: np.ndarray | None = None,
    tangents: np.ndarray | None = None,
) -> bytes:
    """One mesh with one opaque, rough, non-metallic material (Khronos glTF 2.0 specification).

    Args:
        positions, normals: (V, 3) in glTF's axes, metres. uv: (V, 2), (0, 0) lower left. faces: (F, 3).
        texture: (T, T', 3) uint8 sRGB. normal_map: (T, T', 3) uint8, with tangents (V, 4) in glTF's axes.

    Returns:
        The file's bytes: the same input gives the same bytes.
    """
    from img2mesh import __version__

    options = options or GlbOptions()
    flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)  # glTF counts v from the top
    attributes: dict[str, np.ndarray] = {"POSITION": positions, "NORMAL": normals, "TEXCOORD_0": flipped}
    if normal_map is not None and tangents is not None:
        attributes["TANGENT"] = tangents
    buffers = Buffers()
    if options.compression == "none":
        primitive, node = _plain(buffers, attributes, faces)
    else:
        from img2mesh.mesh.gltf_compression import draco, meshopt

        primitive, node = (meshopt if options.compression == "meshopt" else draco)(buffers, attributes, faces)
    name = options.name
    material: dict[str, Any] = {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "baseColorFactor": [1.0, 1.0, 1.0, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": ROUGHNESS,
        },
        "alphaMode": "OPAQUE",
        "doubleSided": False,
    }
    pictures = [(f"{name} base colour", texture, False)]
    if "TANGENT" in attributes and normal_map is not None:
        material["normalTexture"] = {"index": 1}
        pictures.append((f"{name} normals", normal_map, True))
    kind, images, textures = options.texture_format, [], []
    for number, (title, picture, normal) in enumerate(pictures):
        view = buffers.add(picture_bytes(picture, kind, normal))
        images.append({"bufferView": view, "mimeType": FORMATS[kind], "name": title})
        if kind == "webp":
            buffers.extensions.add("EXT_texture_webp")
            textures.append({"sampler": 0, "extensions": {"EXT_texture_webp": {"source": number}}})
        else:
            textures.append({"sampler": 0, "source": number})
    tree: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"img2mesh {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name, **node}],
        "meshes": [{"name": name, "primitives": [{**primitive, "material": 0, "mode": 4}]}],
        "materials": [material],
        "textures": textures,
        "images": images,
        "samplers": [{"magFilter": LINEAR, "minFilter": MIPMAP, "wrapS": CLAMP, "wrapT": CLAMP}],
        "accessors": buffers.accessors,
        "bufferViews": buffers.views,
        "buffers": buffers.buffers(),
    }
    if buffers.extensions:
        tree["extensionsUsed"] = tree["extensionsRequired"] = sorted(buffers.extensions)
    return _packed(tree, bytes(buffers.data))


def extent(positions: np.ndarray) -> dict[str, list[float]]:
    """`min` and `max` of an accessor."""
    return {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}


def _plain(
    buffers: Buffers, attributes: dict[str, np.ndarray], faces: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes in single precision, indices in 16 bits where they fit."""
    count = len(attributes["POSITION"])
    short = count <= SHORT_INDICES
    view = buffers.add(np.ascontiguousarray(faces, "<u2" if short else "<u4").tobytes(), target=ELEMENTS)
    indices = buffers.accessor(view, "SCALAR", faces.size, USHORT if short else UINT)
    numbers = {}
    for name, values in attributes.items():
        values = np.ascontiguousarray(values, dtype="<f4")
        view = buffers.add(values.tobytes(), target=ARRAY)
        more: dict[str, Any] = extent(values.astype(float)) if name == "POSITION" else {}
        numbers[name] = buffers.accessor(view, f"VEC{values.shape[1]}", count, **more)
    return {"attributes": numbers, "indices": indices}, {}


def _packed(tree: dict[str, Any], data: bytes) -> bytes:
    """The container: header, JSON, binary."""
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
