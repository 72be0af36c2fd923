"""`img2mesh segment PHOTO -o CUTOUT`: the object without its background."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import SEGMENT, Overwrite, Verbose, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import Output, check_outputs
from img2mesh.settings import Settings


@with_settings(*SEGMENT)
def segment(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo of one object.")],
    settings: Settings,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="PNG to write.")] = Path(
        "cutout.png"
    ),
    size: Annotated[
        int, typer.Option("--size", metavar="N", help="Side in pixels; 0 keeps the photo's.")
    ] = 0,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Write one picture of what every method on this machine finds, side by side, with its confidence.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Cut the object out: a square RGBA picture at full resolution, recentred."""
    checks.check_input(photo)
    if photo.is_dir():
        raise Img2MeshError(f"{photo} is a folder; segment takes one photo.")
    checks.check_output(output, (".png",), "-o")
    check_outputs([Output("-o", output)], [photo], overwrite)
    if size != 0 and not 16 <= size <= 8192:
        raise Img2MeshError(f"--size must be 0 or lie between 16 and 8192, not {size}.")

    from img2mesh.core.images import save_png
    from img2mesh.core.progress import ConsoleProgress
    from img2mesh.segment import segment_photo

    progress = ConsoleProgress(verbose)
    if compare:
        from img2mesh.core.progress import Progress
        from img2mesh.segment.compare import opinions, side_by_side
        from img2mesh.segment.read import read_photo

        image = read_photo(photo)
        found = opinions(image, settings, Progress())
        save_png(side_by_side(image, found), output, "comparison")
        for name, what in found:
            progress.note(f"{name}: {what}" if isinstance(what, str) else f"{name}: {what.confidence:.2f}")
        print(output)
        return
    cutout = segment_photo(photo, settings, progress)
    save_png(cutout.resized(size) if size else cutout.rgba, output, "cutout")
    progress.note(f"method: {cutout.method}, confidence {cutout.confidence:.2f}")
    print(output)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("segment")(segment)
