"""`img2mesh weights list | download | convert | verify`: the models by name, and what to do with their files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

weights = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, download, convert and verify model weights."
)


@weights.command("list")
def list_models() -> None:
    """Name every known model with its size, licence and whether it is here."""
    from img2mesh.core.files import data_folder
    from img2mesh.models.hub import describe
    from img2mesh.models.recognise import model_record
    from img2mesh.models.registry import KNOWN, find_cached

    mini = data_folder("weights") / "mini"
    record = model_record(mini)
    if record:
        size = sum(path.stat().st_size for path in mini.rglob("*") if path.is_file())
        licence = record.get("licence", "unknown")
        print(f"mini: {size / 1e6:.0f} MB, shipped with img2mesh, licence: {licence}\n  here: {mini}")
    for entry in KNOWN:
        folder = find_cached(entry)
        print(describe(entry))
        print(f"  here: {folder}" if folder else f"  not here: img2mesh weights download {entry.name}")


@weights.command("download")
def download_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A listed name or a Hub owner/name.")],
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before downloading.")] = False,
) -> None:
    """Fetch a model into the Hugging Face cache; a broken download goes on where it stopped."""
    import sys

    from img2mesh.core.progress import ConsoleProgress
    from img2mesh.errors import Img2MeshError
    from img2mesh.models.hub import download
    from img2mesh.models.registry import lookup

    entry = lookup(name)
    if entry is None:
        raise Img2MeshError(f"There is no model {name!r}: `img2mesh weights list` names them.")
    ask = None
    if not yes and sys.stdin.isatty():

        def ask(line: str) -> bool:
            return typer.confirm("Download?", default=True, err=True)

    print(download(entry, offline=offline, progress=ConsoleProgress(), confirm=ask))


@weights.command("convert")
def convert_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar="IN.ckpt", help="An original checkpoint.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to write.")],
    variant: Annotated[str, typer.Option(help="auto (by name), original or stable.")] = "auto",
    full: Annotated[bool, typer.Option("--fp32", help="Keep 32 bits per weight instead of 16.")] = False,
) -> None:
    """Make a model folder of an original checkpoint, which is read but never executed."""
    from img2mesh.errors import Img2MeshError

    if variant not in ("auto", "original", "stable"):
        raise Img2MeshError(f"--variant must be auto, original or stable, not {variant!r}.")
    from img2mesh.core.progress import ConsoleProgress
    from img2mesh.models.convert import convert

    progress = ConsoleProgress()
    which = convert(checkpoint, output, variant=variant, half=not full, progress=progress)
    progress.note(f"weights of the U-Net: {which}")
    print(output)


@weights.command("verify")
def verify_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, a .ckpt, mini or a listed name.")],
) -> None:
    """Check names, shapes, values and checksums of a model's weights; exit code 2 at the first fault."""
    from img2mesh.core.files import data_folder
    from img2mesh.core.progress import ConsoleProgress
    from img2mesh.errors import Img2MeshError
    from img2mesh.models.registry import find_cached, lookup
    from img2mesh.models.verify import verify

    path = data_folder("weights") / "mini" if model == "mini" else Path(model)
    if not path.exists():
        entry = lookup(model)
        found = None if entry is None else find_cached(entry)
        if found is None:
            raise Img2MeshError(f"{model} is neither a file, nor a folder, nor a model in the cache.")
        path = found
    verdict = verify(path, ConsoleProgress())
    print(
        f"{path}: in order; {verdict.tensors} tensors, {verdict.parameters / 1e6:.1f} M parameters, "
        f"{verdict.checksums} checksums compared, weights: {verdict.weights}, variant: {verdict.variant}"
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(weights, name="weights")
