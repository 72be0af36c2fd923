"""How many pictures are drawn, by which model unless another is named, and where they are kept."""

from __future__ import annotations

from pathlib import Path

from img2mesh.errors import Img2MeshError

DEFAULT = "stable-diffusion-v1-5"
MOST = 16


def check_candidates(number: int) -> int:
    """The number.

    Raises:
        Img2MeshError: it is not between 1 and 16.
    """
    if not 1 <= number <= MOST:
        raise Img2MeshError(f"--candidates must lie between 1 and {MOST}, not {number}.")
    return number


def kept(folder: Path | None, number: int) -> list[Path]:
    """The files that the candidates are kept in, none without a folder."""
    return [] if folder is None else [folder / f"candidate-{index}.png" for index in range(number)]
