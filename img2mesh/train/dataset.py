"""Rendered views of many objects, read from folders or from uncompressed tar packs of such folders.

Format, one folder per object: `<id>/000.webp ...` (256 x 256 RGBA, straight alpha, sRGB) and `<id>/cameras.json` with
`fov_deg` and, per frame, `file`, `elevation`, `azimuth` (radians), `radius` and `c2w` (docs/conventions.md). Where
the inside of an object is known, `solid.npz` holds it (`train.solids`), in the folder or in a pack `solids.tar`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.voxelize import SOLID_FILE
from img2mesh.train.solids import Solid, read_solid

OPEN_FILES = 256  # at most so many at once
HELDOUT_LIST = Path(__file__).with_name("heldout.json")
SOLIDS_PACK = "solids.tar"
CLASS_WEIGHTS = {  # how often an object of a class is drawn: scans and household things resemble photos most
    "scan_household": 8.0,
    "scan_museum": 8.0,
    "household": 5.0,
    "groceries": 5.0,
    "sample_asset": 3.0,
    "furniture": 2.0,
    "props_vehicles_furniture": 2.0,
    "props": 2.0,
    "character": 2.0,
    "controllers": 1.0,
    "stylised": 1.0,
    "lowpoly_mixed": 0.6,
}


@dataclass
class RenderedObject:
    """One object's views.

    Attributes:
        id, group: objects of the same group are the same thing or recolours of it.
        angles: (n, 3) float32 elevation, azimuth (radians) and radius of each view.
        places: where each encoded image lies, (file, offset, size).
        weight: how often to draw it; 1 is average.
        solid: where the file with its inside lies, if there is one.
    """

    id: str
    group: str
    angles: np.ndarray
    places: list[tuple[str, int, int]]
    weight: float = 1.0
    facts: dict = field(default_factory=dict)
    solid: tuple[str, int, int] | None = None


class RenderSet:
    """All objects below a folder, with random access to their views."""

    def __init__(self, objects: list[RenderedObject]) -> None:
        if not objects:
            raise Img2MeshError("The training set holds no objects.")
        self.objects = objects
        self._handles: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def views(self) -> int:
        """Number of views of all objects."""
        return sum(len(item.places) for item in self.objects)

    def read(self, item: int, view: int) -> np.ndarray:
        """(S, S, 4) uint8 RGBA of one view, straight alpha; S is 256 as a rule."""
        with Image.open(io.BytesIO(self._content(*self.objects[item].places[view]))) as image:
            return np.asarray(image.convert("RGBA"))

    def solid(self, item: int) -> Solid | None:
        """What is inside of an object; None if unknown."""
        place = self.objects[item].solid
        return None if place is None else read_solid(self._content(*place))

    def _content(self, path: str, offset: int, size: int) -> bytes:
        if path not in self._handles:
            if len(self._handles) >= OPEN_FILES:  # packs are few, but pictures in folders are many
                os.close(self._handles.pop(next(iter(self._handles))))
            self._handles[path] = os.open(path, os.O_RDONLY)
        return os.pread(self._handles[path], size, offset)

    @property
    def key(self) -> str:
        """Names this list of objects: caches of them carry it."""
        names = json.dumps([item.id for item in self.objects])
        return hashlib.sha256(names.encode()).hexdigest()[:12]

    def probabilities(self) -> np.ndarray:
        """(objects,) drawing probabilities, from the objects' weights."""
        weights = np.array([item.weight for item in self.objects], dtype=np.float64)
        return weights / weights.sum()

    def split(self, validation: float = 0.02) -> tuple[RenderSet, RenderSet]:
        """Training and validation part; a group stays on one side, chosen by a hash of its name.

        Where the hashes leave a side empty, the group of the lowest hash is held out; a single group serves both.
        """
        import zlib

        hashes = {item.group: zlib.crc32(item.group.encode()) / 2**32 for item in self.objects}
        held = {group for group, value in hashes.items() if value < validation}
        if not held or len(held) == len(hashes):
            held = {min(hashes, key=lambda name: hashes[name])}
        if len(hashes) == 1:
            return self, self
        return (
            RenderSet([item for item in self.objects if item.group not in held]),
            RenderSet([item for item in self.objects if item.group in held]),
        )


def load_renders(folder: str | Path, limit: int | None = None) -> RenderSet:
    """Index a dataset: object folders, or `renders-*.tar` packs of them (in `folder` or `folder/train`).

    `objects.jsonl`, in the folder, gives groups, classes and licences where it is there. Objects of the held-out
    list never enter (`heldout.json`), nor do fragments (nearly empty views) and scenes.

    Args:
        folder: the dataset.
        limit: read at most this many packs.

    Raises:
        Img2MeshError: nothing to train on is there, or a camera file is broken.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise Img2MeshError(f"No such dataset folder: {folder}.")
    table = _read_table(folder / "objects.jsonl")
    forbidden = heldout_ids(folder)
    packs = sorted([*folder.glob("renders-*.tar"), *folder.glob("train/renders-*.tar")])[:limit]
    objects = []
    for pack in packs:
        objects += _index_tar(pack, table)
    for cameras in sorted([*folder.glob("*/cameras.json"), *folder.glob("train/*/cameras.json")]):
        objects.append(_index_folder(cameras, table))
    solids = _index_solids(folder / SOLIDS_PACK)
    for item in objects:
        item.solid = item.solid or solids.get(item.id)
    kept = [item for item in objects if item.id not in forbidden and item.weight > 0]
    if not kept:
        raise Img2MeshError(f"{folder} holds neither renders-*.tar packs nor <object>/cameras.json folders.")
    return RenderSet(kept)


def _index_solids(pack: Path) -> dict[str, tuple[str, int, int]]:
    """Where each object's solid lies in a pack of `<id>/solid.npz`; empty where there is none."""
    if not pack.is_file():
        return {}
    try:
        with tarfile.open(pack, "r:") as archive:
            return {
                member.name.removeprefix("./").rpartition("/")[0]: (
                    str(pack),
                    member.offset_data,
                    member.size,
                )
                for member in archive
                if member.isfile() and member.name.endswith(SOLID_FILE)
            }
    except (tarfile.TarError, OSError) as error:
        raise Img2MeshError(f"Cannot read the pack {pack}: {error}.") from None


def heldout_ids(folder: Path | None = None) -> set[str]:
    """Names that are never trained on: the shipped list and `heldout/objects.json` beside the data."""
    names = set(json.loads(HELDOUT_LIST.read_text()))
    if folder is not None and (folder / "heldout" / "objects.json").is_file():
        names |= {item["id"] for item in json.loads((folder / "heldout" / "objects.json").read_text())}
    return names


def _read_table(path: Path) -> dict[str, dict]:
    if not path.is_file():
        return {}
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {row["id"]: row for row in rows}


def _weight(row: dict, cameras: dict) -> float:
    coverage = cameras.get("coverage", row.get("coverage", 0.15))
    if not 0.015 < coverage < 0.75:
        return 0.0
    weight = CLASS_WEIGHTS.get(row.get("cls", ""), 1.0)
    return weight * (1.0 if cameras.get("coloured", True) else 0.3)


def _object(cameras: dict, name: str, places: dict[str, tuple[str, int, int]], table: dict) -> RenderedObject:
    row = table.get(name, {})
    try:
        frames = [f for f in cameras["frames"] if f["file"] in places]
        angles = np.array([[f["elevation"], f["azimuth"], f["radius"]] for f in frames], dtype=np.float32)
    except (KeyError, TypeError):
        raise Img2MeshError(
            f"The camera file of {name} lacks frames with elevation, azimuth, radius."
        ) from None
    found = [places[f["file"]] for f in frames]
    weight = _weight(row, cameras) if len(found) > 1 else 0.0
    solid = places.get(SOLID_FILE)
    return RenderedObject(name, row.get("group", name), angles, found, weight, row, solid)


def _index_tar(pack: Path, table: dict) -> list[RenderedObject]:
    members: dict[str, dict[str, tuple[str, int, int]]] = {}
    try:
        with tarfile.open(pack, "r:") as archive:
            for member in archive:
                if member.isfile():
                    name, _, file = member.name.removeprefix("./").rpartition("/")
                    members.setdefault(name, {})[file] = (str(pack), member.offset_data, member.size)
    except (tarfile.TarError, OSError) as error:
        raise Img2MeshError(f"Cannot read the pack {pack}: {error}.") from None
    objects = []
    with open(pack, "rb") as stream:
        for name, places in members.items():
            if "cameras.json" in places:
                _, offset, size = places["cameras.json"]
                stream.seek(offset)
                objects.append(_object(json.loads(stream.read(size)), name, places, table))
    return objects


def _index_folder(cameras: Path, table: dict) -> RenderedObject:
    files = [p for p in cameras.parent.iterdir() if p.suffix in (".webp", ".png") or p.name == SOLID_FILE]
    places = {p.name: (str(p), 0, p.stat().st_size) for p in files}
    try:
        content = json.loads(cameras.read_text())
    except ValueError:
        raise Img2MeshError(f"{cameras} is not valid JSON.") from None
    return _object(content, cameras.parent.name, places, table)
