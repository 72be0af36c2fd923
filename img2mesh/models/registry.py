"""The weights we know by name: where they are, how large, under which licence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One published model.

    Attributes:
        name: what the user types.
        repo: owner/name on the Hugging Face Hub.
        gigabytes: about how much a download takes.
        licence: short; `note` says what follows from it for the user.
        variant: meaning of the fourth pose element, or Zero123++'s version; `auto` where the files decide.
        commercial: False where the licence forbids commercial use, None where it is not known.
    """

    name: str
    repo: str
    gigabytes: float | None
    licence: str
    variant: str = "original"
    commercial: bool | None = True
    note: str = ""


_STABLE_LICENCE = "Stability AI non-commercial research community licence"
_STABLE_NOTE = "non-commercial research use only; commercial use needs a licence from Stability AI"

KNOWN = (
    Entry("zero123-xl", "kxic/zero123-xl", 5.0, "MIT", note="trained on Objaverse-XL"),
    Entry("zero123-165000", "kxic/zero123-165000", 5.0, "MIT", note="trained on Objaverse, 165,000 steps"),
    Entry("zero123-105000", "kxic/zero123-105000", 5.0, "MIT", note="the paper's default, 105,000 steps"),
    Entry(
        "stable-zero123",
        "kxic/stable-zero123",
        5.0,
        _STABLE_LICENCE,
        variant="stable",
        commercial=False,
        note=_STABLE_NOTE,
    ),
    Entry(
        "zero123plus-v1.2",
        "sudo-ai/zero123plus-v1.2",
        5.6,
        "CC-BY-NC-4.0",
        variant="v1.2",
        commercial=False,
        note="Zero123++, six fixed views; the model is for non-commercial use, what it draws is free",
    ),
    Entry(
        "zero123plus-v1.1",
        "sudo-ai/zero123plus-v1.1",
        3.9,
        "OpenRAIL",
        variant="v1.1",
        commercial=None,
        note="Zero123++, six fixed views; read the licence on its page",
    ),
)
ALIASES = {"zero123plus": "zero123plus-v1.2"}

# What `--model auto` takes where it is present: models whose licence leaves the user free.
PREFERRED = ("zero123-xl", "zero123-165000", "zero123-105000")


def guess_variant(name: str) -> str:
    """`stable` for names that say Stable Zero123 in any spelling: state dicts alone cannot tell."""
    squeezed = name.lower().replace("-", "").replace("_", "")
    return "stable" if "stablezero123" in squeezed else "original"


def is_version(variant: str) -> bool:
    """Whether a variant is a version of Zero123++, and no meaning of Zero-1-to-3's pose."""
    return re.fullmatch(r"v\d+\.\d+", variant) is not None


def lookup(name: str) -> Entry | None:
    """The entry of a known name or of a Hub `owner/name`; None for anything else."""
    name = ALIASES.get(name, name)
    for entry in KNOWN:
        if name in (entry.name, entry.repo):
            return entry
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is None:
        return None
    if guess_variant(name) == "stable":
        return Entry(name, name, None, _STABLE_LICENCE, "stable", False, _STABLE_NOTE)
    return Entry(name, name, None, "unknown: see its page", "auto", commercial=None)


def find_cached(entry: Entry) -> Path | None:
    """The model's folder in the Hugging Face cache if it is there whole, found without the network."""
    from img2mesh.errors import Img2MeshError
    from img2mesh.models.recognise import check_folder, module_folders
    from img2mesh.models.safetensors_file import check_whole
    from img2mesh.models.state_dict import weights_file

    folder = cached_snapshot(entry.repo)
    if folder is None:
        return None
    try:
        check_folder(folder)
        for part in module_folders(folder).values():
            check_whole(weights_file(part)[0])
    except (Img2MeshError, OSError):
        return None
    return folder


def cached_snapshot(repo: str) -> Path | None:
    """The folder of the cache's `main`, else of the newest revision it holds of a repository."""
    from huggingface_hub import constants

    home = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    reference = home / "refs" / "main"
    if reference.is_file():
        folder = home / "snapshots" / reference.read_text().strip()
        if folder.is_dir():
            return folder
    found = sorted((home / "snapshots").glob("*/"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None
