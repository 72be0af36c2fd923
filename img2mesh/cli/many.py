"""`img2mesh PHOTOS... -o FOLDER`: options for many photos, and what they come to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import Output
from img2mesh.settings import Settings

LISTS = (".csv", ".jsonl")
Jobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N|auto",
        envvar="IMG2MESH_JOBS",
        help="Many photos: worker processes; auto: as GPUs, cores and memory allow; 0: none, in this process.",
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="TIME", help="Many photos: longest time for one, such as 90s, 10m or 1h."
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Look into sub-folders; the meshes' folders are alike.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Go on looking for new photos until Ctrl-C.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run.")]
GroupBy = Annotated[
    str,
    typer.Option(
        "--group-by",
        metavar="none|stem|folder",
        help="Photos of one object: names with _front, _back, _left, _right, _top, _bottom; or a folder for each.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray", metavar="ADDRESS", help="Let a Ray cluster work: an address, auto, or local [extra ray]."
    ),
]


@dataclass(frozen=True)
class Many:
    """The options for many photos, as they were given."""

    jobs: str | None
    timeout: str | None
    recursive: bool
    watch: bool
    retry_failed: bool
    group_by: str
    ray: str | None

    def check(self) -> None:
        """Before anything slow begins.

        Raises:
            Img2MeshError: a value that cannot be.
        """
        self.workers()
        self.seconds()
        from img2mesh.batch.groups import WAYS

        if self.group_by not in WAYS:
            raise Img2MeshError(f"--group-by must be one of {', '.join(WAYS)}, not {self.group_by!r}.")
        if self.ray is not None:
            from importlib.util import find_spec

            if find_spec("ray") is None:
                raise Img2MeshError("--ray needs the extra: pip install 'img2mesh[ray]'.")

    def workers(self) -> int | None:
        """The number of worker processes; None: auto."""
        text = self.jobs or "auto"
        if text == "auto":
            return None
        if not text.isdecimal() or int(text) > 1024:
            raise Img2MeshError(f"--jobs must be auto or a number from 0 to 1024, not {text!r}.")
        return int(text)

    def seconds(self) -> float | None:
        """The time limit."""
        return None if self.timeout is None else seconds_of(self.timeout)

    def refuse_for_one(self) -> None:
        """Options that one photo has no use for.

        Raises:
            Img2MeshError: names the option.
        """
        given = {
            "--timeout": self.timeout,
            "--watch": self.watch,
            "--retry-failed": self.retry_failed,
            "--ray": self.ray,
        }
        for option, value in given.items():
            if value:
                raise Img2MeshError(f"{option} is for many photos: give a folder, a list or several.")


def seconds_of(text: str) -> float:
    """A time such as 90s, 10m or 1h.

    Raises:
        Img2MeshError: it is none.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(s|m|min|h)?", text.strip())
    if match is None or not float(match[1]) > 0:
        raise Img2MeshError(f"--timeout must be a time such as 90s, 10m or 1h, not {text!r}.")
    return float(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[match[2] or "s"]


def convert_many(
    inputs: list[Path],
    folder: Path,
    settings: Settings,
    many: Many,
    *,
    kind: str,
    preview: Path | None,
    keep: Path | None,
    report: Path | None,
    others: list[Path],
    overwrite: bool,
    verbose: bool,
) -> None:
    """Run the batch, print what it came to, and leave with 1 if a photo failed, 130 after Ctrl-C."""
    if folder.suffix.lower() in checks.MESHES and not folder.is_dir():
        raise Img2MeshError(f"-o {folder}: many photos need a folder to go to, not one mesh.")
    checks.check_folder(folder, "-o")
    drawing = None
    if preview is not None:
        drawing = (preview.suffix or f".{preview.name.lstrip('.')}").lower()
        if drawing not in checks.PREVIEWS or (preview.suffix and preview.stem):
            raise Img2MeshError(f"For many photos --preview is png, gif or mp4, not {str(preview)!r}.")
    many.check()

    from img2mesh.batch import Request, run_batch
    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(verbose)
    request = Request(
        inputs=tuple(inputs),
        settings=settings,
        suffix=kind,
        preview=drawing,
        keep=keep,
        recursive=many.recursive,
        group_by=many.group_by,
        overwrite=overwrite,
        retry_failed=many.retry_failed,
        watch=many.watch,
        others=tuple(others),
        reports=() if report is None else (Output("--report", report),),
    )
    summary = run_batch(
        request,
        folder,
        jobs=many.workers(),
        timeout=many.seconds(),
        ray=many.ray,
        report=report,
        progress=progress,
    )
    progress.count_warnings()
    print("\n".join(summary.lines()))
    if summary.interrupted:
        raise typer.Exit(130)
    if not summary.complete:
        raise typer.Exit(1)
