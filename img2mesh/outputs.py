"""Every path that a run will write, known and checked before anything is computed.

No output is an input, none stands twice, and none is an existing file that this program did not write
(`marks.is_ours`). Names are compared as the least careful file system does: capitals and the two ways of writing an
accent do not count.
"""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.core.files import NAME_BYTES
from img2mesh.core.marks import is_ours
from img2mesh.errors import Img2MeshError

STEM_BYTES = 180  # of names made from a photo's: room for suffixes, also where a file system encrypts names
_SPARE = 20_000_000  # bytes that a disk should have beside what a run writes


@dataclass(frozen=True)
class Output:
    """A file that will be written, and the option that asks for it."""

    option: str
    path: Path


def key(path: str | Path) -> str:
    """Equal for two paths that may be one file: links followed, capitals and composed accents made alike."""
    return folded(os.path.realpath(path))


def folded(text: str) -> str:
    """Equal for names that a file system may take for one: capitals and composed accents made alike."""
    return unicodedata.normalize("NFC", text).casefold()


def mesh_outputs(path: Path, option: str = "-o", settings: Any = None) -> list[Output]:
    """A mesh and what lies beside it: an .obj's .mtl and texture, and what the purpose in the settings adds."""
    from img2mesh.exports import export_paths

    return [Output(option, each) for each in export_paths(path, settings)]


def view_outputs(folder: Path, number: int, option: str = "-o", animation: str | None = None) -> list[Output]:
    """The folder of `img2mesh.views.save_views`, and of `write_ring` where there is an animation.

    Args:
        number: of synthesized views; pictures of more that lie there already are listed, too.
    """
    names = ["transforms.json", "photo.png", "photo-full.png", "body.npz", "points3D.ply"]
    if animation is not None:
        names += ["contact.png", "orbit.gif", "orbit.mp4"]
    names += [f"images/{index:03d}.png" for index in range(number)]
    return [Output(option, folder / name) for name in names]


def kept_outputs(folder: Path | None, views: int, photos: int = 1) -> list[Output]:
    """What `--keep` leaves in a folder."""
    if folder is None:
        return []
    own = [Output("--keep", folder / name) for name in ("cutout.png", "field.npz", "mesh.glb", "sources.png")]
    own += [Output("--keep", folder / f"cutout-{k}.png") for k in range(1, photos)]
    further = [f"photo-{k}{end}.png" for k in range(1, photos) for end in ("", "-full")]
    own += [Output("--keep", folder / "views" / name) for name in further]
    return own + view_outputs(folder / "views", max(views, 64), "--keep")


def inputs_of(path: str | Path) -> list[Path]:
    """The file itself, and the files that it names if it is a transforms.json or a folder with one."""
    path = Path(path)
    scene = path / "transforms.json" if path.is_dir() else path
    found = [path, scene]
    if scene.suffix.lower() == ".json" and scene.is_file():
        try:
            for text in _texts(json.loads(scene.read_bytes())):
                found += [scene.parent / name for name in (text, f"{text}.png")]
        except (OSError, ValueError, RecursionError):
            pass  # the reader will say what is wrong with it
    return [each for each in found if _is_file(each)]


def check_outputs(outputs: Sequence[Output], inputs: Iterable[str | Path], overwrite: bool = False) -> None:
    """Refuse a run that would cost the user a file, or that the file system would refuse at the end.

    Args:
        overwrite: allow to replace existing files that this program did not write; inputs are never replaced.

    Raises:
        Img2MeshError: names the option and the file at fault.
    """
    taken = {key(path): path for path in inputs}
    seen: dict[str, Output] = {}
    foreign = []
    for output in outputs:
        _check_length(output)
        place = key(output.path)
        if place in taken:
            raise Img2MeshError(
                f"{output.option} would write {output.path} over the input {taken[place]}: choose another place for it."
            )
        if place in seen:
            first = seen[place]
            raise Img2MeshError(
                f"{output.option} {output.path} is the same file as {first.option} {first.path}."
            )
        seen[place] = output
        if not overwrite and _is_foreign(output.path):
            foreign.append(output)
    if foreign:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise Img2MeshError(
            f"{foreign[0].option} would replace {foreign[0].path}{more}, which img2mesh did not write: choose another "
            "place, or give --overwrite."
        )


def check_room(folder: Path, needed: int) -> None:
    """The disk has room for so many bytes and a little more.

    Raises:
        Img2MeshError: it has not.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return
    if free < needed + _SPARE:
        raise Img2MeshError(
            f"The disk of {folder} is nearly full: {free / 1e6:.0f} MB are free and about "
            f"{(needed + _SPARE) / 1e6:.0f} MB may be needed."
        )


def run_bytes(settings: Any, keep: bool = False) -> int:
    """About how many bytes one photo's files take at most, from `Settings`."""
    mesh = settings.texture_size**2 * 3 + settings.faces * 80
    return int(mesh * (2 if keep else 1) + (settings.views * 200_000 + 20_000_000 if keep else 0))


def short_stem(stem: str, limit: int = STEM_BYTES) -> str:
    """The name, or where it has more bytes than `limit` its beginning and a few letters that stand for the rest."""
    data = os.fsencode(stem)
    if len(data) <= limit:
        return stem
    import hashlib  # loads OpenSSL: not for `--help`

    return f"{os.fsdecode(_whole(data[: limit - 9]))}-{hashlib.sha256(data).hexdigest()[:8]}"


def output_names(
    photos: Sequence[Path],
    files: Callable[[str], Iterable[Path]] = lambda name: (Path(name),),
    taken: set[str] | None = None,
) -> list[str]:
    """A name without suffix for each photo; no two give a common file, even where capitals do not count.

    It is the photo's name without its suffix (`a.1.png` gives `a.1`); where two photos would share it they
    keep their suffix (`a.png` and `a.jpg` give `a.png` and `a.jpg`), and where even those are taken, a number
    follows.

    Args:
        files: the files that a name leads to.
        taken: files that have their names already, as `folded` texts; those of the new names are added.
    """

    def keys(name: str) -> set[str]:
        return {folded(str(path)) for path in files(name)}

    stems = [short_stem(photo.stem) for photo in photos]
    count: dict[str, int] = {}
    for stem in stems:
        count[folded(stem)] = count.get(folded(stem), 0) + 1
    names: list[str | None] = [None] * len(photos)
    taken = set() if taken is None else taken
    # Names that nobody disputes are settled first, whatever the order of the photos.
    for index, stem in enumerate(stems):
        if count[folded(stem)] == 1 and not keys(stem) & taken:
            names[index] = stem
            taken |= keys(stem)
    for index, photo in enumerate(photos):
        if names[index] is None:
            whole = short_stem(photo.name)
            name, number = whole, 2
            while keys(name) & taken:
                name, number = f"{whole}-{number}", number + 1
            taken |= keys(name)
            names[index] = name
    return [name for name in names if name is not None]


def _whole(data: bytes) -> bytes:
    """Without a character that was cut in two."""
    while data and data[-1] & 0xC0 == 0x80:
        data = data[:-1]
    return data[:-1] if data and data[-1] >= 0xC0 else data


def _check_length(output: Output) -> None:
    size = len(os.fsencode(output.path.name))
    if size > NAME_BYTES:
        raise Img2MeshError(
            f"{output.option}: the file name {output.path.name[:40]}... has {size} bytes; at most {NAME_BYTES} "
            "are possible."
        )
    if len(os.fsencode(output.path.absolute())) > 4000:
        raise Img2MeshError(f"{output.option}: the path {str(output.path)[:60]}... is too long.")


def _is_foreign(path: Path) -> bool:
    """An existing file with content that this program did not write."""
    try:
        return path.is_file() and path.stat().st_size > 0 and not is_ours(path)
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text of any kind need not be a name
        return False


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree] if 0 < len(tree) < 4096 else []
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [text for part in parts for text in _texts(part)]
