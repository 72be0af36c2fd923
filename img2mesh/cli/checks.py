"""What can be known to be wrong before anything slow begins."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from img2mesh.core.files import user_path
from img2mesh.errors import Img2MeshError

MESHES = (".glb", ".obj", ".ply", ".stl", ".3mf", ".usdz")
PREVIEWS = (".png", ".gif", ".mp4")


def check_output(path: Path, suffixes: Iterable[str], option: str) -> None:
    """A file of that name could be written there.

    Raises:
        Img2MeshError: unknown suffix, a folder of that name, or a place where nothing can be written.
    """
    suffixes = tuple(suffixes)
    if path.suffix.lower() not in suffixes:
        what = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise Img2MeshError(f"{option} {path} has {what}; use one of {', '.join(suffixes)}.")
    if path.is_dir():
        raise Img2MeshError(f"{option} {path} is a folder.")
    check_writable(path.parent, option)


def check_folder(path: Path, option: str) -> None:
    """A folder of that name exists or could be made, and written into.

    Raises:
        Img2MeshError: a file of that name exists, or nothing can be written there.
    """
    if path.exists() and not path.is_dir():
        raise Img2MeshError(f"{option} {path} is a file, not a folder.")
    check_writable(path, option)


def check_writable(folder: Path, option: str) -> None:
    """Try to make a file in the folder, or in the nearest one above that exists; remove it again."""
    place = folder if str(folder) else Path(".")
    try:
        while not place.exists() and place != place.parent:
            if place.is_symlink():
                raise Img2MeshError(f"{option}: {place} is a link that leads nowhere.")
            place = place.parent
        if not place.is_dir():
            raise Img2MeshError(f"{option}: {place} is a file, not a folder.")
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise Img2MeshError(f"{option}: cannot write into {folder}: {error.strerror}.") from None


def check_input(path: Path, what: str = "photo") -> None:
    """The input exists.

    Raises:
        Img2MeshError: it does not, or is neither a file nor a folder.
    """
    try:
        if path.is_file() or path.is_dir():
            return
        exists = path.exists()
    except OSError as error:  # a name longer than the system allows
        raise Img2MeshError(f"Cannot read {str(path)[:80]}: {error.strerror}.") from None
    except ValueError:
        raise Img2MeshError("A file name must not contain a null character.") from None
    if exists:
        raise Img2MeshError(f"{path} is neither a file nor a folder.")
    raise Img2MeshError(f"No such {what}: {path}.")


def check_model(name: str) -> None:
    """A model given as a path exists.

    Raises:
        Img2MeshError: the path leads nowhere.
    """
    looks_like_path = name.endswith((".ckpt", ".safetensors", "/", "\\")) or name.startswith((".", "/", "~"))
    if looks_like_path and not (user_path(name) or Path(name)).exists():
        raise Img2MeshError(f"No such model: {name}.")
