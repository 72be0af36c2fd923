"""Every photo of a folder, one after the other, with one loaded model. One bad photo never stops the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.pipeline import Result, image_to_mesh, load_named_model
from img2mesh.settings import Settings

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


@dataclass(frozen=True)
class Outcome:
    """What became of one photo: `error` is None where `mesh` was written."""

    photo: Path
    mesh: Path
    seconds: float
    error: str | None = None
    report: dict[str, Any] | None = None


def photos_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, by name, hidden files left out; capital suffixes count too.

    Raises:
        Img2MeshError: the folder cannot be read or has no picture.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise Img2MeshError(f"Cannot read the folder {folder}: {error.strerror}.") from None
    found = [
        path
        for path in entries
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise Img2MeshError(f"No pictures ({', '.join(SUFFIXES)}) in {folder}.")
    return found


def output_names(photos: Sequence[Path]) -> list[str]:
    """A name without suffix for each photo, all different even where capitals do not count.

    It is the photo's name without its suffix (`a.1.png` gives `a.1`); where two photos would share it they
    keep their suffix (`a.png` and `a.jpg` give `a.png` and `a.jpg`), and where even those are taken, a number
    follows.
    """
    stems = [photo.stem for photo in photos]
    count: dict[str, int] = {}
    for stem in stems:
        count[stem.casefold()] = count.get(stem.casefold(), 0) + 1
    # Names that nobody disputes are settled first, whatever the order of the photos.
    names = [stem if count[stem.casefold()] == 1 else None for stem in stems]
    taken = {name.casefold() for name in names if name is not None}
    for index, photo in enumerate(photos):
        if names[index] is None:
            name, number = photo.name, 2
            while name.casefold() in taken:
                name, number = f"{photo.name}-{number}", number + 1
            taken.add(name.casefold())
            names[index] = name
    return [name for name in names if name is not None]


def convert_photos(
    photos: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    suffix: str = ".glb",
    keep: Path | None = None,
    progress: Progress | None = None,
    on_done: Callable[[int, Outcome, Result | None], None] | None = None,
) -> list[Outcome]:
    """Convert each photo into `folder/NAME + suffix`; each is independent of the others and of their order.

    Args:
        keep: folder for the products of every stage, in a sub-folder per photo.
        on_done: called with the photo's number, its outcome and, after a success, its result.

    Raises:
        Img2MeshError: the model cannot be loaded. What is wrong with a photo is in its outcome instead.
    """
    from img2mesh.core.device import resolve_device, use_threads
    from img2mesh.mesh import write_mesh

    progress = progress or Progress()
    use_threads()
    model = load_named_model(settings, resolve_device(settings.device), progress)
    outcomes = []
    for index, (photo, name) in enumerate(zip(photos, output_names(photos), strict=True)):
        progress.note(f"[{index + 1}/{len(photos)}] {photo.name}")
        start, target = time.perf_counter(), folder / f"{name}{suffix}"
        result, error = None, None
        try:
            place = None if keep is None else keep / name
            result = image_to_mesh(photo, settings, keep=place, progress=progress, model=model)
            write_mesh(result.mesh, target, settings)
        except Img2MeshError as problem:
            error = str(problem)
        except Exception as problem:  # a defect of ours must not cost the other photos either
            error = f"unexpected {type(problem).__name__}: {problem}"
        seconds = round(time.perf_counter() - start, 2)
        report = None if result is None or error else result.report
        outcome = Outcome(photo, target, seconds, error, report)
        if error:
            progress.warn(f"{photo.name}: {error}")
        outcomes.append(outcome)
        if on_done is not None:
            on_done(index, outcome, None if error else result)
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line per photo that failed, and a last line that counts."""
    failed = [outcome for outcome in outcomes if outcome.error]
    lines = [f"failed: {outcome.photo.name}: {outcome.error}" for outcome in failed]
    lines.append(f"{len(outcomes) - len(failed)} of {len(outcomes)} photos converted.")
    return "\n".join(lines)
