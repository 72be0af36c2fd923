"""What a dataset folder holds: finished objects, packs of them, a picture of a part of them."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.files import atomic_file
from img2mesh.core.images import composite, contact_sheet, save_png

SHOWN = 48  # objects on a contact sheet, four views of each


def finished_ids(folder: Path) -> set[str]:
    """Ids of objects that lie in folders or in packs."""
    found = {
        path.parent.name for path in folder.glob("*/cameras.json") if not path.parent.name.startswith(".")
    }
    for archive in sorted(folder.glob("*.tar")):
        with tarfile.open(archive, "r:") as stream:
            found |= {name.rpartition("/")[0] for name in stream.getnames() if name.endswith("/cameras.json")}
    return found


def pack(folder: Path, names: Sequence[str], shard: int = 0) -> Path:
    """Move objects' folders into a new uncompressed tar, the next free `renders-SSS-KKK.tar` of this shard.

    Equal objects give equal bytes: members are sorted and carry no dates or owners. The folders are removed once
    the pack is complete.
    """
    number = 0
    while (path := folder / f"renders-{shard:03d}-{number:03d}.tar").exists():
        number += 1
    with atomic_file(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(names):
            for file in sorted((folder / name).iterdir()):
                content, member = file.read_bytes(), tarfile.TarInfo(f"{name}/{file.name}")
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
    for name in names:
        shutil.rmtree(folder / name)
    return path


def contact_sheet_of(folder: Path, names: Sequence[str], path: Path) -> None:
    """Write a PNG with four views each of up to `SHOWN` of the objects, taken evenly from the list."""
    picked = [
        names[i] for i in sorted({round(k) for k in np.linspace(0, len(names) - 1, min(SHOWN, len(names)))})
    ]
    packed = _packed_views(folder, {name for name in picked if not (folder / name).is_dir()})
    strips = []
    for name in picked:
        files = packed.get(name) or [file.read_bytes() for file in sorted((folder / name).glob("*.webp"))]
        chosen = [files[k * len(files) // 4] for k in range(4)] if len(files) >= 4 else files
        views = [composite(np.asarray(_thumbnail(content))) for content in chosen]
        strips.append(np.concatenate(views, axis=1))
    save_png(contact_sheet(strips, labels=list(picked)), path)


def _thumbnail(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGBA").resize((112, 112), Image.Resampling.BOX)


def _content(stream: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = stream.extractfile(member)
    return b"" if file is None else file.read()


def _packed_views(folder: Path, names: set[str]) -> dict[str, list[bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for archive in sorted(folder.glob("*.tar")) if names else ():
        with tarfile.open(archive, "r:") as stream:
            for member in stream:
                name, _, file = member.name.rpartition("/")
                if name in names and file.endswith(".webp"):
                    found.setdefault(name, {})[file] = _content(stream, member)
    return {name: [files[key] for key in sorted(files)] for name, files in found.items()}
