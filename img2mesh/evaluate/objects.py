"""The objects to measure on: a folder of textured .glb meshes that nothing was trained on."""

from __future__ import annotations

import dataclasses
import json
import zlib
from pathlib import Path

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.ground_truth import Truth, load_truth


def load_objects(folder: str | Path, count: int | None = None) -> list[Path]:
    """The .glb files of a folder: those that its objects.json lists (`file` of each entry), or all, by name.

    Args:
        count: take that many, evenly spaced, always the same ones.

    Raises:
        Img2MeshError: no such folder, no models in it, a broken list, or a count below 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise Img2MeshError(f"No such folder of objects: {folder}.")
    listed = folder / "objects.json"
    if listed.is_file():
        try:
            listing = json.loads(listed.read_text(encoding="utf-8"))
            files = sorted({folder / item["file"] for item in listing})  # some lists name a file twice
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Img2MeshError(f"{listed} lists no objects with a `file` each: {error}.") from None
    else:
        files = sorted(folder.glob("*.glb"))
    if not files:
        raise Img2MeshError(f"No .glb models in {folder}.")
    if count is None:
        return files
    if count < 1:
        raise Img2MeshError(f"--objects must be at least 1, not {count}.")
    return [
        files[i] for i in sorted({round(k) for k in np.linspace(0, len(files) - 1, min(count, len(files)))})
    ]


def halves(folder: str | Path) -> dict[str, str]:
    """Name -> `dev` (even places in the order of names: choices are made on them) or `test` (odd: they are reported).

    Raises:
        Img2MeshError: as `load_objects`.
    """
    return {path.stem: ("dev", "test")[place % 2] for place, path in enumerate(load_objects(folder))}


def named_objects(folder: str | Path, count: int | None, names: str | None) -> list[Path]:
    """Those of `load_objects(folder)` whose name holds one of the comma-separated `names`, or `count` of all.

    Raises:
        Img2MeshError: as `load_objects`, or no object has such a name.
    """
    if not names:
        return load_objects(folder, count)
    files = [path for path in load_objects(folder) if any(name in path.stem for name in names.split(","))]
    if not files:
        raise Img2MeshError(f"No object of that name in {folder}.")
    return files


def read_object(path: Path) -> Truth:
    """The model with its bounding box centred at the origin and its longest side 1 (SyncDreamer does the same)."""
    truth = load_truth(path)
    used = truth.vertices[np.unique(truth.faces)]
    low, high = used.min(axis=0), used.max(axis=0)
    return dataclasses.replace(truth, vertices=(truth.vertices - (low + high) / 2) / (high - low).max())


def input_direction(name: str) -> tuple[float, float]:
    """(elevation in 0..45, azimuth in 0..360) degrees of an object's input view: fixed by its name, else arbitrary."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return float(rng.uniform(0, 45)), float(rng.uniform(0, 360))
