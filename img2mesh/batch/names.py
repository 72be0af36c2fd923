"""A file name for every entry of a batch; one that an earlier run gave is kept, however the list has grown since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from img2mesh.batch.entry import Entry
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import folded, output_names


def assign(
    entries: Sequence[Entry],
    before: Mapping[str, str],
    files: Callable[[str], Iterable[Path]],
    reserved: Iterable[Path] = (),
) -> list[str]:
    """Names without suffix, with `/` between folders; no two give a common file.

    Args:
        before: name by source, of earlier runs.
        files: the files that a name leads to.
        reserved: files that the batch itself writes.

    Raises:
        Img2MeshError: a name that the user gave is another entry's, or leads to a file of the batch's.
    """
    names: dict[int, str] = {}
    own = {folded(str(path)): path for path in reserved}
    taken = set(own)
    for index, entry in enumerate(entries):  # what the user asked for, then what is there, then the rest
        if entry.asked:
            for clash in _keys(entry.wanted, files) & own.keys():
                raise Img2MeshError(
                    f"The output {entry.wanted} would be {own[clash].name}, which the batch writes itself: "
                    "give it another name."
                )
            names[index] = entry.wanted
            _claim(entry.wanted, files, taken)
    for index, entry in enumerate(entries):
        old = before.get(entry.source)
        if index not in names and old is not None and not _keys(old, files) & taken:
            names[index] = old
            _claim(old, files, taken)
    new = {entry.source for index, entry in enumerate(entries) if index not in names}
    for source, old in before.items():  # of entries that are not on the list now, but may come back
        if source not in new and not _keys(old, files) & taken:
            _claim(old, files, taken, check=False)
    rest: dict[str, list[int]] = {}
    for index, entry in enumerate(entries):
        if index not in names:
            rest.setdefault(str(PurePosixPath(entry.wanted).parent), []).append(index)
    for parent, indices in rest.items():
        place = PurePosixPath(parent)
        photos = [_like_a_photo(entries[index]) for index in indices]
        made = output_names(photos, lambda name, place=place: files(str(place / name)), taken)  # type: ignore[misc]
        for index, name in zip(indices, made, strict=True):
            names[index] = str(place / name)
    return [names[index] for index in range(len(entries))]


def _like_a_photo(entry: Entry) -> Path:
    """The wished name with the first photo's suffix, as `output_names` reads it."""
    return Path(PurePosixPath(entry.wanted).name + (entry.pictures[0].path.suffix or ".x"))


def _keys(name: str, files: Callable[[str], Iterable[Path]]) -> set[str]:
    return {folded(str(path)) for path in files(name)}


def _claim(name: str, files: Callable[[str], Iterable[Path]], taken: set[str], check: bool = True) -> None:
    keys = _keys(name, files)
    if check and keys & taken:
        raise Img2MeshError(f"The output {name} is another entry's, too.")
    taken |= keys
