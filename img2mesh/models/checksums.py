"""Whether the bytes of a model folder are those that its makers published."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from img2mesh.errors import Img2MeshError

SUMS = "SHA256SUMS"


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file's contents."""
    with path.open("rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _old(file)
        )


def _old(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def write_checksums(folder: Path) -> None:
    """Write `SHA256SUMS` over every weights file of a folder, in the format of the `sha256sum` command."""
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".safetensors", ".bin"))
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def expected_checksums(folder: Path) -> dict[Path, str]:
    """What is known of a folder's files: its `SHA256SUMS`, else the names of the Hugging Face cache's blobs,
    which are the digests the Hub gave for large files."""
    listing = folder / SUMS
    if listing.is_file():
        rows = [
            line.split(maxsplit=1)
            for line in listing.read_text(encoding="utf-8").splitlines()
            if line.strip()
        ]
        if any(len(row) != 2 or not re.fullmatch(r"[0-9a-f]{64}", row[0]) for row in rows):
            raise Img2MeshError(f"{listing} is not a list of SHA-256 digests.")
        return {folder / name.strip().lstrip("*"): digest for digest, name in rows}
    known = {}
    for path in folder.rglob("*"):
        if path.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", path.resolve().name):
            known[path] = path.resolve().name
    return known


def check_checksums(folder: Path) -> int:
    """Compare every file whose digest is known; how many were compared.

    Raises:
        Img2MeshError: a file is missing or differs.
    """
    known = expected_checksums(folder)
    for path, digest in known.items():
        if not path.is_file():
            raise Img2MeshError(f"{path} is missing.")
        if sha256(path) != digest:
            raise Img2MeshError(f"{path} is not what was published (its SHA-256 differs): fetch it again.")
    return len(known)
