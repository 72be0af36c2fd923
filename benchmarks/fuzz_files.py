"""Small whole files of every kind that is read, and mutations of them, for `fuzz.py`.

Mutations keep what would be refused at once: PNG's checksums, GLB's lengths, JSON's grammar, an archive's directory.
"""

from __future__ import annotations

import io
import json
import random
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

ODD = [None, True, -1, 0, 1, 1e308, 5e-324, 2**31, 2**64, -0.5, float("nan"), float("inf")]
ODD += ["", "a", "\0", "\ud800", [], {}, [[]]]


def pictures() -> list[bytes]:
    import tifffile
    from PIL import Image, ImageCms

    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (20, 18, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = []
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"):
        made.append(_saved(image, format=kind))
        if kind not in ("BMP", "GIF"):
            made.append(_saved(image, format=kind, exif=exif, icc_profile=profile))
    for mode in ("RGBA", "LA", "L", "P", "1", "I;16"):
        made.append(
            _saved(image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode), format="PNG")
        )
    made += [_saved(image.convert("CMYK"), format="JPEG"), _saved(image, format="JPEG", progressive=True)]
    made.append(_saved(image, format="GIF", save_all=True, append_images=[image.rotate(90)]))
    deep = np.asarray(image).astype(np.uint16) * 200
    for pixels, options in (
        (deep, {"photometric": "rgb", "compression": "zlib"}),
        (np.moveaxis(deep, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (deep[..., 0], {"photometric": "miniswhite"}),
        (np.asarray(image).astype(np.float32) / 255, {"photometric": "rgb", "bigtiff": True}),
    ):
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream, bigtiff=options.pop("bigtiff", False)) as file:
            file.write(np.asarray(image)[:16, :16], photometric="rgb", subifds=1)
            file.write(pixels, **options)
        made.append(stream.getvalue())
    return made


def _saved(image: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def scene() -> dict[str, bytes]:
    from PIL import Image

    rgba = np.full((20, 24, 4), 200, np.uint8)
    rgba[:4, :, 3] = 0
    matrix = [[1, 0, 0, 0], [0, 0, -1, -2], [0, 1, 0, 0], [0, 0, 0, 1]]
    lens = {"fl_x": 30, "fl_y": 30, "cx": 12, "cy": 10, "w": 24, "h": 20, "k1": 0.1, "p1": 0.01}
    frame = {"file_path": "a.png", "mask_path": "a.png", "full_path": "a.png", "transform_matrix": matrix}
    frame |= {"kind": "photo", "weight": 1.0, "certainty": 0.5, "azimuth_deg": 0.0}
    document = {
        "camera_model": "OPENCV",
        "camera_angle_x": 0.8,
        "ortho_scale": 2.0,
        **lens,
        "frames": [frame, frame],
    }
    document["img2mesh"] = {"facts": {"seed": 1}, "body": "body.npz"}
    stream = io.BytesIO()
    np.savez_compressed(
        stream, occupancy=np.ones((3, 3, 3), np.float16), half=0.5, mirror=[0.0, 0.0], elevation_deg=1
    )
    return {
        "a.png": _saved(Image.fromarray(rgba, "RGBA"), format="PNG"),
        "body.npz": stream.getvalue(),
        "transforms.json": json.dumps(document).encode(),
    }


def scenes() -> list[bytes]:
    document = json.loads(scene()["transforms.json"])
    others = document | {"camera_model": "ORTHOGRAPHIC"}
    plain = {key: value for key, value in document.items() if key != "img2mesh"}
    other = {
        "file_path": "a.png",
        "transform_matrix": [[0, 0, 1, 2], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
    }
    plain["frames"] = [document["frames"][0], other]
    return [*scene().values(), *pictures()[:4], json.dumps(others).encode(), json.dumps(plain).encode()]


def meshes() -> list[bytes]:
    import trimesh

    from img2mesh.mesh import TexturedMesh, write_mesh

    box = trimesh.creation.box()
    uv = np.abs(np.asarray(box.vertices)[:, :2])
    textured = TexturedMesh(
        np.asarray(box.vertices), np.asarray(box.faces), uv, np.full((8, 8, 3), 90, np.uint8)
    )
    box.visual.vertex_colors = np.full((8, 4), 77, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write_mesh(textured, Path(folder) / f"a{kind}")[0]
            for kind in (".glb", ".obj", ".ply", ".stl", ".3mf")
        ]
        made = [path.read_bytes() for path in files]
    for kind in ("glb", "ply"):
        made.append(bytes(box.export(file_type=kind)))
    made += [
        box.export(file_type="ply", encoding="ascii"),
        b"solid a\n" + box.export(file_type="stl_ascii").encode()[6:],
    ]
    return made


def checkpoints() -> list[bytes]:
    import torch

    made = []
    for content in (
        {"state_dict": {"a.weight": torch.zeros(3, 2), "b": torch.ones(4).half(), "c": torch.tensor(3)}},
        {
            "a": torch.zeros(2, 3).T,
            "b": torch.nn.Parameter(torch.ones(2)),
            "optimizer": [1, "x", {2: (3.0, None)}],
        },
    ):
        stream = io.BytesIO()
        torch.save(content, stream)
        made.append(stream.getvalue())
    return made


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """libFuzzer's mutation of a part of a file, put back with lengths and checksums made right."""
    import atheris

    dice = random.Random(seed)
    if dice.random() < 0.15:
        return bytes(atheris.Mutate(data, min(most, len(data) + 64)))
    try:
        if data[:1] == b"{":
            return json.dumps(_odd_json(json.loads(data), dice)).encode()[:most]
        if data[:4] == b"glTF":
            return _glb(data, dice)[:most]
        if data[:2] == b"PK":
            return _archive(data, dice)[:most]
        if data[:4] == b"\x89PNG":
            return _png(bytes(atheris.Mutate(data, min(most, len(data) + 64))))[:most]
    except (
        ValueError,
        KeyError,
        IndexError,
        struct.error,
        zipfile.BadZipFile,
        RecursionError,
        NotImplementedError,
        EOFError,
    ):
        pass
    return bytes(atheris.Mutate(data, min(most, len(data) + 64)))


def _odd_json(tree: Any, dice: random.Random) -> Any:
    """One or more places of a document replaced, left out or doubled."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        spots: list[tuple[Any, Any]] = []
        stack = [tree]
        while stack:
            node = stack.pop()
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            spots += [(node, key) for key in keys]
            stack += [node[key] for key in keys if isinstance(node[key], (dict, list))]
        if not spots:
            return tree
        node, key = dice.choice(spots)
        how = dice.random()
        if how < 0.2:
            del node[key]
        elif how < 0.35 and isinstance(node, list):
            node.append(node[key])
        elif how < 0.5:
            other, at = dice.choice(spots)
            try:
                node[key] = json.loads(json.dumps(other[at]))
            except (KeyError, IndexError):
                pass
        elif how < 0.65 and isinstance(node[key], (int, float)):
            node[key] = node[key] * dice.choice((-1, 2, 1e3, 1e-3, 1e18)) + dice.choice((0, 1, -1))
        else:
            node[key] = dice.choice(ODD)
    return tree


def _glb(data: bytes, dice: random.Random) -> bytes:
    import atheris

    length = struct.unpack("<I", data[12:16])[0]
    header, rest = data[20 : 20 + length], data[20 + length + 8 :]
    if dice.random() < 0.75:
        header = json.dumps(_odd_json(json.loads(header), dice)).encode()
    else:
        rest = bytes(atheris.Mutate(rest, len(rest) + 16))
    header += b" " * (-len(header) % 4)
    rest += b"\0" * (-len(rest) % 4)
    body = struct.pack("<I", len(header)) + b"JSON" + header + struct.pack("<I", len(rest)) + b"BIN\0" + rest
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


def _archive(data: bytes, dice: random.Random) -> bytes:
    import atheris

    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        chosen = dice.choice([name for name in names if name.endswith((".pkl", ".npy", ".model"))] or names)
        for name in names:
            content = old.read(name)
            new.writestr(
                name, bytes(atheris.Mutate(content, len(content) + 32)) if name == chosen else content
            )
    return stream.getvalue()


def _png(data: bytes) -> bytes:
    """With the checksums of its chunks made right."""
    at, made = 8, data[:8]
    while at + 12 <= len(data):
        length = min(struct.unpack(">I", data[at : at + 4])[0], len(data) - at - 12)
        chunk = data[at + 4 : at + 8 + length]
        made += struct.pack(">I", length) + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return made
