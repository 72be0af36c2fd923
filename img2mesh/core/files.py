"""Files that appear whole or not at all, and the places where shipped data lies."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from img2mesh.errors import Img2MeshError

FULL = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
)  # the disk, the user's share of it, or the largest file allowed
NAME_BYTES = 255  # of one file's name, on every common file system


def _check_parent(path: Path) -> None:
    parent = path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Img2MeshError(f"Cannot create the folder {parent}: {error.strerror}.") from None
    if not os.access(parent, os.W_OK | os.X_OK):
        raise Img2MeshError(f"Cannot write into {parent}: permission denied.")


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block ends without an exception.

    The temporary file keeps the suffix of `path`, so writers that look at the suffix work. Missing parent
    folders are created. On any exception, `KeyboardInterrupt` included, the temporary file is removed and
    `path` is as it was.

    Raises:
        Img2MeshError: the folder cannot be created or written, `path` is a folder, or its name is too long.
    """
    path = Path(path)
    if len(os.fsencode(path.name)) > NAME_BYTES:
        raise Img2MeshError(f"The file name {path.name[:40]}... is too long.")
    _check_parent(path)
    if path.is_dir():
        raise Img2MeshError(f"Cannot write {path}: it is a folder.")
    try:  # the temporary name is short: the wanted one may be as long as the system allows
        handle, name = tempfile.mkstemp(prefix=".img2mesh-", suffix=path.suffix[-40:], dir=path.parent)
    except OSError as error:
        raise Img2MeshError(f"Cannot write into {path.parent}: {error.strerror}.") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; move it to `path` when the block ends without an exception.

    An existing folder at `path` is kept and its files of the same names are replaced, one rename each.

    Raises:
        Img2MeshError: the parent cannot be created or written, or `path` is a file.
    """
    path = Path(path)
    _check_parent(path)
    if path.exists() and not path.is_dir():
        raise Img2MeshError(f"Cannot write the folder {path}: a file of that name exists.")
    temporary = Path(tempfile.mkdtemp(prefix=".img2mesh-", dir=path.parent))
    try:
        yield temporary
        if not path.exists():
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o777 & ~umask)
            os.replace(temporary, path)
            return
        for source in sorted(temporary.rglob("*")):
            target = path / source.relative_to(temporary)
            if source.is_dir():
                target.mkdir(exist_ok=True)
            else:
                os.replace(source, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def user_path(text: str) -> Path | None:
    """A path whose `~` is the user's home; None for an empty text, or where nobody knows the home (containers)."""
    if not text:
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return None


def data_folder(name: str) -> Path:
    """Folder `weights`, `configs` or `examples`: inside the installed package, else beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "_data" / name
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[2] / name
