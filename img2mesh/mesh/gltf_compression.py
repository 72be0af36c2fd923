"""Smaller geometry for a .glb: quantised, then packed by meshoptimizer or Draco (the extra [compact])."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.mesh.glb import BYTE, FLOAT, SHORT_INDICES, UINT, USHORT, Buffers, extent

PACKAGES = {"meshopt": "meshoptimizer", "draco": "DracoPy"}
POSITION_BITS, UV_BITS, NORMAL_BITS = 14, 12, 10  # Draco's


def chosen_compression(name: str) -> str:
    """`auto` as meshopt where it is installed, else none.

    Raises:
        Img2MeshError: the one that is asked for is not installed.
    """
    if name == "auto":
        return "meshopt" if find_spec(PACKAGES["meshopt"]) else "none"
    if name != "none" and find_spec(PACKAGES[name]) is None:
        raise Img2MeshError(f"--compression {name} needs an extra: pip install 'img2mesh[compact]'.")
    return name


def meshopt(
    buffers: Buffers, attributes: dict[str, np.ndarray], faces: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """EXT_meshopt_compression over KHR_mesh_quantization; the node undoes the quantisation of positions."""
    import meshoptimizer

    buffers.extensions |= {"EXT_meshopt_compression", "KHR_mesh_quantization"}
    positions = attributes["POSITION"]
    low, size = positions.min(axis=0), float(np.ptp(positions, axis=0).max()) or 1.0
    count = len(positions)
    indices = np.ascontiguousarray(faces, np.uint32).ravel()
    ordered = np.empty_like(indices)
    meshoptimizer.optimize_vertex_cache(ordered, indices, len(indices), count)
    # Vertices in the order of their first use pack best.
    used, first = np.unique(ordered, return_index=True)
    order = used[np.argsort(first)]
    number = np.zeros(count, np.uint32)
    number[order] = np.arange(len(order))
    ordered, count = number[ordered], len(order)
    quantised = {
        "POSITION": np.round((positions - low) / size * 65535).astype("<u2"),
        "NORMAL": np.round(attributes["NORMAL"] * 127).astype("<i1"),
        "TEXCOORD_0": np.round(np.clip(attributes["TEXCOORD_0"], 0, 1) * 65535).astype("<u2"),
    }
    if "TANGENT" in attributes:
        quantised["TANGENT"] = np.round(attributes["TANGENT"] * 127).astype("<i1")
    meshoptimizer.encode_vertex_version(0)  # what EXT_meshopt_compression says
    meshoptimizer.encode_index_version(1)

    def view(packed: bytes, stride: int, count: int, mode: str, target: int) -> int:
        start = len(buffers.data)
        buffers.data += packed + b"\0" * (-len(packed) % 4)
        whole = stride * count
        ours = {"buffer": 0, "byteOffset": start, "byteLength": len(packed), "byteStride": stride}
        item = {"buffer": 1, "byteOffset": buffers.fallback, "byteLength": whole, "target": target}
        if mode == "ATTRIBUTES":
            item["byteStride"] = stride
        extension = {**ours, "count": count, "mode": mode}
        buffers.views.append({**item, "extensions": {"EXT_meshopt_compression": extension}})
        buffers.fallback += whole + -whole % 4
        return len(buffers.views) - 1

    short = count <= SHORT_INDICES
    packed = meshoptimizer.encode_index_buffer(ordered, len(ordered), count)
    at = view(bytes(packed), 2 if short else 4, len(ordered), "TRIANGLES", 34963)
    primitive: dict[str, Any] = {
        "indices": buffers.accessor(at, "SCALAR", len(ordered), USHORT if short else UINT),
        "attributes": {},
    }
    for name, values in quantised.items():
        values = values[order]
        wide = -(-values.shape[1] * values.itemsize // 4) * 4
        block = np.zeros((count, wide), np.uint8)
        block[:, : values.shape[1] * values.itemsize] = np.ascontiguousarray(values).view(np.uint8)
        packed = meshoptimizer.encode_vertex_buffer(block, count, wide)
        at = view(bytes(packed), wide, count, "ATTRIBUTES", 34962)
        more: dict[str, Any] = extent(values.astype(int)) if name == "POSITION" else {"normalized": True}
        kind = BYTE if values.itemsize == 1 else USHORT
        primitive["attributes"][name] = buffers.accessor(at, f"VEC{values.shape[1]}", count, kind, **more)
    return primitive, {"translation": low.astype(float).tolist(), "scale": [size / 65535] * 3}


def draco(
    buffers: Buffers, attributes: dict[str, np.ndarray], faces: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """KHR_draco_mesh_compression."""
    import DracoPy

    buffers.extensions.add("KHR_draco_mesh_compression")
    more = (
        {"TANGENT": np.ascontiguousarray(attributes["TANGENT"], np.float32)}
        if "TANGENT" in attributes
        else None
    )
    packed = DracoPy.encode(
        np.ascontiguousarray(attributes["POSITION"], np.float32),
        np.ascontiguousarray(faces, np.uint32),
        quantization_bits=POSITION_BITS,
        compression_level=7,
        tex_coord=np.ascontiguousarray(attributes["TEXCOORD_0"], np.float64),
        normals=np.ascontiguousarray(attributes["NORMAL"], np.float64),
        generic_attributes=more,
        tex_coord_quantization_bits=UV_BITS,
        normal_quantization_bits=NORMAL_BITS,
    )
    back = DracoPy.decode(packed)
    kinds = {0: "POSITION", 1: "NORMAL", 3: "TEXCOORD_0"}
    numbers = {kinds.get(a["attribute_type"], "TANGENT"): a["unique_id"] for a in back.attributes}
    count = len(back.points)
    view = buffers.add(bytes(packed))
    primitive: dict[str, Any] = {
        "indices": buffers.accessor(
            None, "SCALAR", back.faces.size, USHORT if count <= SHORT_INDICES else UINT
        ),
        "attributes": {
            name: buffers.accessor(
                None,
                f"VEC{values.shape[1]}",
                count,
                FLOAT,
                **(extent(np.asarray(back.points, np.float32).astype(float)) if name == "POSITION" else {}),
            )
            for name, values in attributes.items()
        },
        "extensions": {"KHR_draco_mesh_compression": {"bufferView": view, "attributes": numbers}},
    }
    return primitive, {}
