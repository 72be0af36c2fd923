"""What decides an item's bytes beside the content of its photos: settings, weights, version."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from img2mesh.core.files import data_folder, user_path
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.jobs.item import Item
from img2mesh.settings import Settings

# Where and how fast a mesh is made, not which.
INDIFFERENT = ("device", "offline", "batch", "low_vram", "compile")
_PARTS = 16


def job_description(settings: Settings, weights: str, suffix: str) -> dict[str, Any]:
    """What a job folder is for: plain values; two runs with equal ones can share it."""
    from img2mesh import __version__

    values = {name: value for name, value in settings.as_dict().items() if name not in INDIFFERENT}
    return {"version": __version__, "weights": weights, "format": suffix.lstrip("."), "settings": values}


def item_key(item: Item, job: dict[str, Any]) -> str:
    """Hexadecimal digest of all that decides an item but its photos' content."""
    parts = {
        **{name: value for name, value in job.items() if name not in ("settings", "threads")},
        "settings": _decisive(item.settings),
        "directions": [(picture.azimuth, picture.elevation) for picture in item.photos],
        "preview": item.preview.suffix if item.preview is not None else None,
        "keep": item.keep is not None,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(1024)
def _decisive(settings: Settings) -> str:
    """Most items have the same settings."""
    values = {name: value for name, value in settings.as_dict().items() if name not in INDIFFERENT}
    return json.dumps(values, sort_keys=True)


def weights_checksum(settings: Settings, progress: Progress | None = None) -> str:
    """A digest of the model's weights, taken from the checksums that lie beside them where there are any.

    A model that is not here is fetched, so that the workers need not.

    Raises:
        Img2MeshError: there is no such model, or it cannot be fetched.
    """
    place = locate(settings, progress)
    digest = hashlib.sha256()
    if place.is_file():
        digest.update(_of_file(place))
        return digest.hexdigest()[:16]
    from img2mesh.models.checksums import expected_checksums

    known = expected_checksums(place)
    weights = sorted(path for path in place.rglob("*") if path.suffix in (".safetensors", ".bin"))
    for path in weights:
        digest.update(path.relative_to(place).as_posix().encode())
        digest.update(known[path].encode() if path in known else _of_file(path))
    return digest.hexdigest()[:16]


def locate(settings: Settings, progress: Progress | None = None) -> Path:
    """The file or folder that `models.load_model` would read; a listed model is fetched first.

    Raises:
        Img2MeshError: there is none.
    """
    from img2mesh.models.registry import PREFERRED, find_cached, lookup

    name = settings.model
    if name == "auto":
        name = "mini"
        if settings.device in ("auto", "cuda"):
            from img2mesh.jobs.capacity import cuda_devices

            if cuda_devices():
                known = [(each, lookup(each)) for each in PREFERRED]
                name = next((n for n, entry in known if entry is not None and find_cached(entry)), "mini")
    if name == "mini":
        return data_folder("weights") / "mini"
    path = user_path(name) or Path(name)
    if path.exists():
        return path
    entry = lookup(name)
    if entry is None:
        raise Img2MeshError(
            f"There is no model {name!r}: give mini, a name of `img2mesh weights list`, a Hub owner/name, "
            "a folder or a .ckpt file."
        )
    cached = find_cached(entry)
    if cached is None:
        from img2mesh.models.hub import download

        cached = download(entry, offline=settings.offline, progress=progress or Progress())
    return cached


def _of_file(path: Path) -> bytes:
    """Of its size and of parts from all over it: a full-size checkpoint has gigabytes, and every run asks."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        for part in range(_PARTS):
            stream.seek(part * size // _PARTS)
            digest.update(stream.read(1 << 16))
    return digest.digest()
