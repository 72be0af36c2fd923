"""Text-to-image models: the default one, those of the Hub, folders; their files and licences."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from img2mesh.core.files import user_path
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models import hub
from img2mesh.models.registry import Entry, cached_snapshot
from img2mesh.models.safetensors_file import check_whole
from img2mesh.text_to_image.candidates import DEFAULT

STANDARD = Entry(
    DEFAULT,
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    2.7,
    "CreativeML OpenRAIL-M",
    note="what you make is yours, to sell too; the licence lists uses that it forbids",
)
INDEX = "model_index.json"
_UNKNOWN = "unknown: read its page"
_WEIGHTS = re.compile(r"(?P<stem>.*?)(\.(?P<variant>fp16|bf16))?(-\d{5}-of-\d{5})?\.safetensors")
_SMALL = (".json", ".txt", ".model")  # configurations and vocabularies


def find(name: str, offline: bool, progress: Progress) -> tuple[Path, Entry]:
    """The folder of a model, fetched into the Hugging Face cache if need be, and what is known of it.

    Args:
        name: of the default model, `owner/name` on the Hub, or a folder in diffusers' layout.
        progress: told name, size and licence before anything large is fetched.

    Raises:
        Img2MeshError: no such model, no whole one, or it would have to be fetched and the network is switched off.
    """
    folder = user_path(name) or Path(name)
    if folder.is_dir():
        check_folder(folder)
        return folder, Entry(
            folder.name, str(folder), None, licence_in(folder) or "unknown: see where it is from"
        )
    entry = lookup(name)
    cached = find_cached(entry)
    if cached is None and entry.commercial is None and not offline:
        entry = replace(entry, licence=hub.licence(entry.repo) or _UNKNOWN)
    found = cached or hub.fetch(
        entry,
        choose_files,
        find_cached,
        offline=offline,
        missing=(
            f"The text-to-image model {entry.name} is not in the Hugging Face cache and the network is switched off: "
            "run once without --offline, or give --text-model a folder in diffusers' layout."
        ),
        instead="give --text-model a folder in diffusers' layout",
        progress=progress,
    )
    return found, entry if entry.commercial else replace(entry, licence=licence_in(found) or _UNKNOWN)


def lookup(name: str) -> Entry:
    """The entry of the default's name or of an `owner/name`.

    Raises:
        Img2MeshError: it is neither.
    """
    if name in (STANDARD.name, STANDARD.repo):
        return STANDARD
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is None:
        raise Img2MeshError(
            f"No such text-to-image model: {name}; give {DEFAULT}, an owner/name of the Hugging Face Hub, or a "
            "folder in diffusers' layout."
        )
    return Entry(name, name, None, _UNKNOWN, commercial=None)


def find_cached(entry: Entry) -> Path | None:
    """The model's folder in the Hugging Face cache if it is there whole, found without the network."""
    folder = cached_snapshot(entry.repo)
    try:
        if folder is not None:
            check_folder(folder)
    except Img2MeshError:
        return None
    return folder


def choose_files(sizes: dict[str, int]) -> dict[str, int]:
    """What to fetch of a repository: configurations and vocabularies, and of each part's weights the smallest kind.

    Args:
        sizes: path in the repository to bytes.

    Raises:
        Img2MeshError: the repository holds no pipeline whose weights are safetensors.
    """
    chosen = {path: size for path, size in sizes.items() if path in (INDEX, "README.md")}
    if INDEX not in chosen:
        raise Img2MeshError(
            "The repository holds no pipeline in diffusers' layout: it has no model_index.json."
        )
    for path, size in sizes.items():
        if path.count("/") == 1 and path.endswith(_SMALL) and not path.endswith(".index.json"):
            chosen[path] = size
    parts = {path.split("/")[0] for path in sizes if path.count("/") == 1}
    weights = {part: weights_of([p for p in sizes if p.startswith(f"{part}/")]) for part in parts}
    if not any(weights.values()):
        raise Img2MeshError("The repository holds no weights as safetensors.")
    for paths in weights.values():
        chosen |= {path: sizes[path] for path in paths}
    return chosen


def weights_of(paths: list[str]) -> list[str]:
    """Of a part's files its weights of one kind, half precision before full, with their index if they are several."""
    kinds: dict[tuple[int, str, str], list[str]] = {}
    for path in paths:
        match = _WEIGHTS.fullmatch(path.rpartition("/")[2])
        if match is not None and match["stem"] in ("model", "diffusion_pytorch_model"):
            variant = match["variant"] or ""
            kinds.setdefault((("fp16", "", "bf16").index(variant), match["stem"], variant), []).append(path)
    if not kinds:
        return []
    (_, stem, variant), found = min(kinds.items())
    dot = f".{variant}" if variant else ""
    return [*found, *(path for path in paths if path.endswith(f"/{stem}.safetensors.index{dot}.json"))]


def check_folder(folder: Path) -> dict[str, Any]:
    """The pipeline's index, of a folder that holds all of its parts.

    Raises:
        Img2MeshError: it is no pipeline in diffusers' layout, or not a whole one.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        parts = [key for key, value in index.items() if isinstance(value, list) and value[:1] != [None]]
    except (OSError, ValueError, AttributeError):
        raise Img2MeshError(
            f"{folder} holds no text-to-image pipeline in diffusers' layout: it has no readable {INDEX}."
        ) from None
    for part in parts:
        if not (folder / part).is_dir():
            raise Img2MeshError(f"{folder} holds no whole text-to-image pipeline: {part}/ is missing.")
        _check_weights(folder / part)
    return index


def _check_weights(part: Path) -> None:
    """Networks, which have a `config.json`, have their weights, all files of them."""
    found = {path.name for path in part.glob("*.safetensors")}
    if (part / "config.json").is_file() and not found:
        raise Img2MeshError(f"{part} holds no weights as safetensors.")
    for name in found:
        check_whole(part / name)
    for path in part.glob("*.safetensors.index*.json"):
        try:
            named = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError, AttributeError, TypeError):
            raise Img2MeshError(f"{path} cannot be read.") from None
        if named - found:
            raise Img2MeshError(f"{part} holds half a download: {min(named - found)} is missing.")


def variant_of(folder: Path) -> str | None:
    """`fp16` where any part's weights are stored so; diffusers takes the plain ones of the others."""
    return "fp16" if any(folder.glob("*/*.fp16*.safetensors")) else None


def licence_in(folder: Path) -> str:
    """What the head of a model's README says of its licence; empty where it says nothing."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:4000]
    except OSError:
        return ""
    head = text.split("\n---", 1)[0] if text.startswith("---") else ""
    found = {m[1]: m[2].strip(" \"'") for m in re.finditer(r"^(license|license_name):\s*(.+)$", head, re.M)}
    return found.get("license_name") or found.get("license") or ""
