"""The photos of files and folders, each with a name that stays the same when the folder moves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from img2mesh.core.marks import DERIVED, is_ours, kind_of
from img2mesh.errors import Img2MeshError
from img2mesh.segment.read import SUFFIXES

LISTS = (".csv", ".jsonl")
_IGNORED = (
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    "@eadir",
)  # what systems leave in folders, beside hidden files
_OWN = (".png", ".apng", ".gif")  # kinds of photos that may be this program's own pictures
_NAMED = 5  # files that one sentence names


@dataclass(frozen=True)
class Found:
    """A photo and its place below the input that led to it, with `/` between folders."""

    path: Path
    source: str


def find_photos(
    inputs: Sequence[Path], recursive: bool = False, but: Sequence[Path] = ()
) -> tuple[list[Found], list[Path]]:
    """All photos of files and folders, by name, and what else is there and was passed over.

    Hidden files, those that systems leave and what this program wrote are neither; capital suffixes count too; links
    are followed. Its own previews and textures are no photos, its cutouts are. A file that is named itself is taken
    whatever it is called.

    Args:
        recursive: look into sub-folders, each once however many links lead there.
        but: folders that are left out.

    Raises:
        Img2MeshError: a folder cannot be read, or is not there.
    """
    photos: list[Found] = []
    skipped: list[Path] = []
    seen: set[str] = set()
    left_out = {os.path.realpath(path) for path in but}
    for place in inputs:
        if not place.exists() and place.suffix.lower() not in SUFFIXES:  # a folder that went away
            raise Img2MeshError(f"No such photo or folder: {place}.")
        if not place.is_dir():
            found = [Found(place, place.name)]
        else:
            found, passed = _look_through(place, recursive, left_out)
            skipped += passed
        for photo in found:
            where = os.path.abspath(photo.path)
            if where not in seen:
                seen.add(where)
                photos.append(photo)
    return _distinct(photos), skipped


def no_photos(inputs: Sequence[Path], skipped: Sequence[Path]) -> Img2MeshError:
    """The sentence for inputs without a photo."""
    told = f" {skipped_sentence(skipped)}" if skipped else ""
    more = " --recursive looks into folders." if any(path.is_dir() for path in skipped) else ""
    return Img2MeshError(f"No pictures ({', '.join(SUFFIXES)}) in {', '.join(map(str, inputs))}.{told}{more}")


def skipped_sentence(skipped: Sequence[Path]) -> str:
    """What a folder holds that was not read."""
    names = [f"{path.name}/" if path.is_dir() else path.name for path in skipped]
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    files = "file" if len(names) == 1 else "files"
    return f"{len(names)} {files} skipped: {shown}."


def _look_through(top: Path, recursive: bool, left_out: set[str]) -> tuple[list[Found], list[Path]]:
    photos: list[Found] = []
    skipped: list[Path] = []
    for path in _walk(top, recursive, {os.path.realpath(top)} | left_out, skipped):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.suffix.lower() not in _OWN or not _derived(path):
                photos.append(Found(path, path.relative_to(top).as_posix()))
        elif not is_ours(path):
            skipped.append(path)
    return photos, skipped


def _walk(folder: Path, recursive: bool, seen: set[str], skipped: list[Path]) -> Iterator[Path]:
    """Files by name, then those of the sub-folders."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise Img2MeshError(f"Cannot read the folder {folder}: {error.strerror}.") from None
    folders = []
    for path in entries:
        if path.name.startswith(".") or path.name.lower() in _IGNORED:
            continue
        if not path.is_dir():
            yield path
        elif os.path.realpath(path) in seen:
            continue
        elif recursive:
            folders.append(path)
        else:
            skipped.append(path)
    for path in folders:
        where = os.path.realpath(path)
        if where not in seen:  # a link before it may have led here
            seen.add(where)
            yield from _walk(path, recursive, seen, skipped)


def _derived(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return _kind(str(path), status.st_size, status.st_mtime_ns) in DERIVED


@lru_cache(1 << 16)
def _kind(path: str, size: int, mtime_ns: int) -> str | None:
    """`kind_of`, asked once for each state of a file: folders that are watched are looked through again and again."""
    return kind_of(path)


def _distinct(photos: list[Found]) -> list[Found]:
    """Photos of several inputs that would have one name get their folders' names, too."""
    taken: set[str] = set()
    distinct = []
    for photo in photos:
        parts, source = photo.path.absolute().parts, photo.source
        depth = len(Path(source).parts)
        while source in taken and depth < len(parts):
            depth += 1
            source = "/".join(parts[-depth:]).replace("//", "/")
        taken.add(source)
        distinct.append(Found(photo.path, source))
    return distinct
