"""Segmentation networks by name: which there are, where rembg would keep them, how to fetch one."""

from __future__ import annotations

import functools
import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.core.files import atomic_file, user_path
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import own_network

_ADDRESS = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/{name}.onnx"
_IMAGENET = (0.485, 0.456, 0.406)


@dataclass(frozen=True)
class Model:
    """A network that this program runs by itself, with the preprocessing it was trained with.

    Attributes:
        size: side of the square that the photo is stretched to.
        mean, std: per channel, of values in [0, 1].
        megabytes: to download.
    """

    name: str
    md5: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    megabytes: int


_RESNET = (0.229, 0.224, 0.225)
# In the order in which `auto` prefers them.
MODELS = {
    model.name: model
    for model in (
        Model("isnet-general-use", "fc16ebd8b0c10d971d3513d564d01e29", 1024, _IMAGENET, (1.0, 1.0, 1.0), 179),
        Model("u2net", "60024c5c889badc19c04ad937298a77b", 320, _IMAGENET, _RESNET, 176),
        Model("silueta", "55e59e0d8062d2f5d013f4725ee84782", 320, _IMAGENET, _RESNET, 44),
        Model("u2netp", "8e83ca70e441ab06c318d82300c84806", 320, _IMAGENET, _RESNET, 5),
    )
}
DOWNLOADED_BY_AUTO = "u2net"
# rembg's own sessions that compute on this machine. Those that send the photo to a server are left out on purpose.
REMBG_ONLY = (
    "u2net_human_seg",
    "isnet-anime",
    "birefnet-general",
    "birefnet-general-lite",
    "birefnet-portrait",
    "birefnet-dis",
    "birefnet-hrsod",
    "birefnet-cod",
    "birefnet-massive",
    "bria-rmbg",
)


def homes() -> list[Path]:
    """Folders where rembg keeps models, those of the environment first; they need not exist. Without a home: none."""
    places = (("U2NET_HOME", ""), ("REMBG_HOME", ""), ("XDG_DATA_HOME", "rembg"))
    found = [(user_path(os.environ.get(variable, "")), tail) for variable, tail in places]
    found.append((user_path("~/.rembg"), ""))
    return [folder / tail for folder, tail in found if folder is not None]


def find_model(name: str) -> Path | None:
    """The file of a model of `MODELS`, or None.

    Looks for `models/NAME/NAME.onnx` in each of `homes()`, then for the older flat layout: `NAME.onnx` in the same
    folders, in `$XDG_DATA_HOME/.u2net` and in `~/.u2net`. A file whose MD5 sum is not the published one is passed
    over, unless the environment sets MODEL_CHECKSUM_DISABLED, as rembg has it.
    """
    legacy = [*homes()]
    data = user_path(os.environ.get("XDG_DATA_HOME", ""))
    legacy += [] if data is None else [data / ".u2net"]
    home = user_path("~/.u2net")
    legacy += [] if home is None else [home]
    places = [home / "models" / name / f"{name}.onnx" for home in homes()]
    places += [home / f"{name}.onnx" for home in legacy]
    return next((path for path in places if path.is_file() and _is_whole(path, MODELS[name].md5)), None)


def segmentation_models() -> list[dict]:
    """Every name that `--segmenter` takes beside auto, alpha and plain, for `img2mesh doctor`.

    Returns:
        Dicts with `name`, `runs_with` ("onnxruntime", "img2mesh" or "rembg"), `found` (bool) and
            `path` (str, "" if not found).
        For rembg's own sessions `found` says whether rembg is installed; whether their file is there is rembg's affair.
    """
    rows = []
    for name in MODELS:
        path = find_model(name)
        rows.append(
            {"name": name, "runs_with": "onnxruntime", "found": path is not None, "path": str(path or "")}
        )
    own = own_network.find_weights()
    rows.append(
        {"name": own_network.NAME, "runs_with": "img2mesh", "found": own is not None, "path": str(own or "")}
    )
    installed = has_rembg()
    return rows + [
        {"name": name, "runs_with": "rembg", "found": installed, "path": ""} for name in REMBG_ONLY
    ]


def has_rembg() -> bool:
    """Whether the extra is installed; it is not imported, as its first import compiles for up to a minute."""
    import importlib.util

    return importlib.util.find_spec("rembg") is not None


def fetch_model(name: str, progress: Progress) -> Path:
    """Download a model of `MODELS` into rembg's folder, whole and with its checksum verified, or not at all.

    Raises:
        Img2MeshError: no connection within five seconds, ten seconds of silence, or a wrong checksum.
    """
    model = MODELS[name]
    if name in _unreachable:  # once per process: a folder of photos must not wait for each of them
        raise Img2MeshError(_unreachable[name])
    if not homes():
        raise Img2MeshError("There is no home folder for the segmentation model: set U2NET_HOME to a folder.")
    target = homes()[0] / "models" / name / f"{name}.onnx"
    progress.note(f"downloading the segmentation model {name} ({model.megabytes} MB) to {target}")
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with atomic_file(target) as temporary, temporary.open("wb") as out:
            with _open(_ADDRESS.format(name=name)) as answer:
                while block := answer.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            if digest.hexdigest() != model.md5:
                raise OSError("its checksum is wrong")
    except OSError as error:  # URLError, timeouts and HTTP errors are OSErrors
        reason = " ".join(str(getattr(error, "reason", error)).split())
        _unreachable[name] = f"The segmentation model {name} could not be downloaded: {reason}."
        raise Img2MeshError(_unreachable[name]) from None
    return target


_unreachable: dict[str, str] = {}


def _open(address: str) -> Any:
    return urllib.request.urlopen(address, timeout=8)


def _is_whole(path: Path, md5: str) -> bool:
    if os.environ.get("MODEL_CHECKSUM_DISABLED"):
        return True
    try:
        stat = path.stat()
        return _md5(str(path), stat.st_size, stat.st_mtime_ns) == md5
    except OSError:
        return False


@functools.lru_cache(maxsize=32)
def _md5(path: str, size: int, changed: int) -> str:
    """Of a file's content; `size` and `changed` make the cache notice another file at the same path."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
