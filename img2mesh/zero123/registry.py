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
        variant: meaning of the fourth pose element.
        commercial: False where the licence forbids commercial use, None where it is not known.
    """

    name: str
    repo: str
    gigabytes: float | None
    licence: str
    variant: str = "original"
    commercial: bool | None = True
    note: str = ""


_STABLE_NOTE = "non-commercial research use only; commercial use needs a licence from Stability AI"

KNOWN = (
    Entry("zero123-xl", "kxic/zero123-xl", 5.0, "MIT", note="trained on Objaverse-XL"),
    Entry("zero123-165000", "kxic/zero123-165000", 5.0, "MIT", note="trained on Objaverse, 165,000 steps"),
    Entry("zero123-105000", "kxic/zero123-105000", 5.0, "MIT", note="the paper's default, 105,000 steps"),
    Entry(
        "stable-zero123",
        "kxic/stable-zero123",
        5.0,
        "Stability AI non-commercial research community licence",
        variant="stable",
        commercial=False,
        note=_STABLE_NOTE,
    ),
)

# What `--model auto` takes where it is present: models whose licence leaves the user free.
PREFERRED = ("zero123-xl", "zero123-165000", "zero123-105000")


def guess_variant(name: str) -> str:
    """`stable` for names that say Stable Zero123 in any spelling: state dicts alone cannot tell."""
    squeezed = name.lower().replace("-", "").replace("_", "")
    return "stable" if "stablezero123" in squeezed else "original"


def lookup(name: str) -> Entry | None:
    """The entry of a known name or of a Hub `owner/name`; None for anything else."""
    for entry in KNOWN:
        if name in (entry.name, entry.repo):
            return entry
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is None:
        return None
    if guess_variant(name) == "stable":
        return Entry(name, name, None, KNOWN[-1].licence, "stable", False, _STABLE_NOTE)
    return Entry(name, name, None, "unknown: see its page", commercial=None)


def find_cached(entry: Entry) -> Path | None:
    """The model's folder in the Hugging Face cache if it is there whole, found without the network."""
    from img2mesh.errors import Img2MeshError
    from img2mesh.zero123.recognise import check_folder, pose_folder
    from img2mesh.zero123.safefile import check_whole
    from img2mesh.zero123.state import weights_file

    folder = _snapshot(entry.repo)
    if folder is None:
        return None
    try:
        check_folder(folder)
        for part in (folder / "unet", folder / "vae", folder / "image_encoder", pose_folder(folder)):
            check_whole(weights_file(part)[0])
    except (Img2MeshError, OSError):
        return None
    return folder


def _snapshot(repo: str) -> Path | None:
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
