"""A second opinion on glTF: a minimal reader that shares no code with the writer."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TYPES = {5123: "<u2", 5125: "<u4", 5126: "<f4"}


class Glb:
    def __init__(self, path: Path) -> None:
        raw = Path(path).read_bytes()
        magic, version, length = struct.unpack_from("<4sII", raw)
        assert magic == b"glTF" and version == 2 and length == len(raw)
        chunks, at = {}, 12
        while at < len(raw):
            size, kind = struct.unpack_from("<I4s", raw, at)
            assert size % 4 == 0
            chunks[kind] = raw[at + 8 : at + 8 + size]
            at += 8 + size
        assert at == len(raw) and list(chunks) == [b"JSON", b"BIN\0"]
        self.tree, self.data = json.loads(chunks[b"JSON"]), chunks[b"BIN\0"]
        assert self.tree["buffers"] == [{"byteLength": len(self.data)}]

    def block(self, index: int) -> bytes:
        view = self.tree["bufferViews"][index]
        start = view.get("byteOffset", 0)
        assert start % 4 == 0 and start + view["byteLength"] <= len(self.data)
        return self.data[start : start + view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        item = self.tree["accessors"][index]
        width = WIDTHS[item["type"]]
        values = np.frombuffer(self.block(item["bufferView"]), TYPES[item["componentType"]])
        assert len(values) == item["count"] * width
        values = values.reshape(-1, width) if width > 1 else values
        if "min" in item:
            assert np.array_equal(values.min(axis=0), np.asarray(item["min"], values.dtype))
            assert np.array_equal(values.max(axis=0), np.asarray(item["max"], values.dtype))
        return values

    @property
    def primitive(self) -> dict:
        (mesh,) = self.tree["meshes"]
        (primitive,) = mesh["primitives"]
        return primitive

    def attribute(self, name: str) -> np.ndarray:
        return self.accessor(self.primitive["attributes"][name])

    @property
    def faces(self) -> np.ndarray:
        return self.accessor(self.primitive["indices"]).reshape(-1, 3).astype(np.int64)

    @property
    def material(self) -> dict:
        return self.tree["materials"][self.primitive["material"]]

    @property
    def texture(self) -> np.ndarray:
        (image,) = self.tree["images"]
        assert image["mimeType"] == "image/png"
        return np.asarray(Image.open(io.BytesIO(self.block(image["bufferView"]))))
