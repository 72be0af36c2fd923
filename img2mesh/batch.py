"""Every photo of a folder, one after the other, with one loaded model. One bad photo never stops the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.core.device import own_random_state
from img2mesh.core.files import FULL
from img2mesh.core.marks import DERIVED, is_ours, kind_of
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.exports import check_export, export
from img2mesh.outputs import (
    Output,
    check_outputs,
    check_room,
    kept_outputs,
    mesh_outputs,
    output_names,
    run_bytes,
)
from img2mesh.pipeline import image_to_mesh
from img2mesh.segment.read import SUFFIXES
from img2mesh.settings import Settings
from img2mesh.stages import Result, load_named_model

_NAMED = 5  # files of a sort that one sentence names


@dataclass(frozen=True)
class Outcome:
    """What became of one photo: `error` is None where everything asked for was written."""

    photo: Path
    mesh: Path
    seconds: float
    error: str | None = None
    report: dict[str, Any] | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the cutout was called doubtful."""
        return self.report is not None and bool((self.report.get("cutout") or {}).get("doubtful"))


def look_through(folder: Path) -> tuple[list[Path], list[Path]]:
    """The photos directly in a folder, by name, and what else is there and was passed over.

    Hidden files and what this program wrote are neither; capital suffixes count too. Its own previews and textures
    are no photos, its cutouts are.

    Raises:
        Img2MeshError: the folder cannot be read or has no photo.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise Img2MeshError(f"Cannot read the folder {folder}: {error.strerror}.") from None
    photos, skipped = [], []
    for path in entries:
        if path.name.startswith("."):
            continue
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if kind_of(path) not in DERIVED:
                photos.append(path)
        elif path.is_dir() or not is_ours(path):
            skipped.append(path)
    if not photos:
        told = f" {skipped_sentence(skipped)}" if skipped else ""
        raise Img2MeshError(f"No pictures ({', '.join(SUFFIXES)}) in {folder}.{told}")
    return photos, skipped


def photos_in(folder: Path) -> list[Path]:
    """The photos of `look_through`."""
    return look_through(folder)[0]


def skipped_sentence(skipped: Sequence[Path]) -> str:
    """What a folder holds that was not read."""
    names = [f"{path.name}/" if path.is_dir() else path.name for path in skipped]
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    files = "file" if len(names) == 1 else "files"
    return f"{len(names)} {files} skipped: {shown}."


def planned_outputs(
    photos: Sequence[Path],
    folder: Path,
    settings: Settings,
    suffix: str = ".glb",
    preview: str | None = None,
    keep: Path | None = None,
) -> tuple[list[str], list[Output]]:
    """The name of each photo's mesh without its suffix, and all files that a batch will write."""

    def files(name: str) -> list[Output]:
        drawn = [] if preview is None else [Output("--preview", folder / f"{name}{preview}")]
        kept = [] if keep is None else kept_outputs(keep / name, settings.views)
        return [*mesh_outputs(folder / f"{name}{suffix}", settings=settings), *drawn, *kept]

    names = output_names(photos, lambda name: [output.path for output in files(name)])
    return names, [output for name in names for output in files(name)]


@own_random_state()
def convert_photos(
    photos: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    suffix: str = ".glb",
    preview: str | None = None,
    keep: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    on_done: Callable[[int, Outcome, Result | None], None] | None = None,
) -> list[Outcome]:
    """Convert each photo into `folder/NAME + suffix`; each is independent of the others and of their order.

    A full disk ends the batch: the outcomes of the photos that were left say so.

    Args:
        preview: suffix of a picture to draw of each mesh (.png, .gif, .mp4), or None.
        keep: folder for the products of every stage, in a sub-folder per photo.
        overwrite: replace existing files that this program did not write; photos are never replaced.
        on_done: called with the photo's number, its outcome and, after a success, its result. What it raises becomes a
            warning.

    Raises:
        Img2MeshError: a file would be lost (`outputs.check_outputs`), or the model cannot be loaded. What is wrong
            with a photo is in its outcome instead.
    """
    names, planned = planned_outputs(photos, folder, settings, suffix, preview, keep)
    check_outputs(planned, photos, overwrite)
    check_export(folder / f"mesh{suffix}", settings)
    check_room(folder, run_bytes(settings, keep is not None))

    from img2mesh.core.device import resolve_device, use_threads

    progress = progress or Progress()
    use_threads()
    model = load_named_model(settings, resolve_device(settings.device), progress)
    outcomes: list[Outcome] = []
    for index, (photo, name) in enumerate(zip(photos, names, strict=True)):
        progress.note(f"[{index + 1}/{len(photos)}] {photo.name}")
        start, target = time.perf_counter(), folder / f"{name}{suffix}"
        result, error, full = None, None, False
        try:
            place = None if keep is None else keep / name
            result = image_to_mesh(photo, settings, keep=place, progress=progress, model=model)
            _write(result, target, settings, preview, progress)
        except Img2MeshError as problem:
            error = str(problem)
        except OSError as problem:
            full = problem.errno in FULL
            error = "the disk is full." if full else f"unexpected {type(problem).__name__}: {problem}"
        except Exception as problem:  # a defect of ours must not cost the other photos either
            error = f"unexpected {type(problem).__name__}: {problem}"
        seconds = round(time.perf_counter() - start, 2)
        report = None if result is None or error else result.report
        outcomes.append(Outcome(photo, target, seconds, error, report))
        if error:
            progress.warn(f"{photo.name}: {error}")
        if on_done is not None:
            try:
                on_done(index, outcomes[-1], None if error else result)
            except Exception as problem:
                progress.warn(f"{photo.name}: {type(problem).__name__}: {problem}")
        if full:
            rest = zip(photos[index + 1 :], names[index + 1 :], strict=True)
            outcomes += [
                Outcome(p, folder / f"{n}{suffix}", 0.0, "not tried: the disk is full.") for p, n in rest
            ]
            break
    return outcomes


def as_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """For the report of a batch: a dict per photo."""
    return [
        {
            "photo": outcome.photo.name,
            "output": outcome.mesh.name,
            "seconds": outcome.seconds,
            "error": outcome.error,
            "report": outcome.report,
        }
        for outcome in outcomes
    ]


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line per photo that failed, one for doubtful cutouts, and a last line that counts."""
    failed = [outcome for outcome in outcomes if outcome.error]
    doubtful = [outcome.photo.name for outcome in outcomes if outcome.doubtful]
    lines = [f"failed: {outcome.photo.name}: {outcome.error}" for outcome in failed]
    if doubtful:
        shown = ", ".join(doubtful[:_NAMED]) + (", ..." if len(doubtful) > _NAMED else "")
        cutouts = "1 cutout is" if len(doubtful) == 1 else f"{len(doubtful)} cutouts are"
        lines.append(f"{cutouts} doubtful: {shown}.")
    lines.append(f"{len(outcomes) - len(failed)} of {len(outcomes)} photos converted.")
    return "\n".join(lines)


def _write(result: Result, target: Path, settings: Settings, preview: str | None, progress: Progress) -> None:
    export(result, target, settings, progress)
    if preview is not None:
        from img2mesh.preview import write_preview

        try:
            write_preview(result.mesh, target.with_name(target.name[: -len(target.suffix)] + preview))
        except (OSError, Img2MeshError):
            raise
        except Exception as problem:
            text = " ".join(str(problem).split())
            raise Img2MeshError(f"{target.name} was written, but its preview failed: {text}.") from problem
