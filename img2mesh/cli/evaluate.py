"""`img2mesh evaluate`: scores on held-out objects with true meshes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks, collect_garbage_as_usual
from img2mesh.cli.options import SAMPLE, SURFACE, Verbose, numbers, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings

_OWN = ("seed",)  # --seeds takes its place


@with_settings(
    *(name for name in (*SAMPLE, *SURFACE, "views", "elevations") if name not in _OWN),
    rename={"views": "number-of-views", "elevations": "rings"},
)
def evaluate(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="Folder of .glb models (and objects.json).")
    ],
    settings: Settings,
    views: Annotated[bool, typer.Option("--views", help="Novel views against true renders.")] = False,
    rendered: Annotated[
        bool,
        typer.Option("--rendered", help="--views: also what is rendered from the reconstructed shape."),
    ] = False,
    mesh: Annotated[
        bool, typer.Option("--mesh", help="Meshes from one image, SyncDreamer's protocol.")
    ] = False,
    oracle: Annotated[bool, typer.Option("--oracle", help="Reconstruction from true renders.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Tables (.md, .json) and pictures.")
    ] = None,
    objects: Annotated[
        int | None, typer.Option("--objects", metavar="N", help="Only so many objects, evenly spaced.")
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N,...", help="Random seeds to average over.")
    ] = "0",
    targets: Annotated[int, typer.Option("--targets", metavar="N", help="Target views of --views.")] = 8,
    estimate_elevation: Annotated[
        bool,
        typer.Option("--estimate-elevation", help="--mesh: do not tell a run the input's elevation, 30."),
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            metavar="DIR",
            help="Folder of lpips-vgg16.npz, or none; default: beside the checkout.",
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Measure the model and the reconstruction on objects with true meshes, with baselines beside them.

    Prints Markdown tables; -o also keeps them as files, with every single score and side-by-side pictures.
    """
    if not (views or mesh or oracle):
        raise Img2MeshError("Say what to evaluate: --views, --mesh or --oracle, or several.")
    chosen = numbers(seeds, "--seeds", int)
    if len(set(chosen)) != len(chosen) or min(chosen) < 0:
        raise Img2MeshError(f"--seeds must be different numbers from 0 up, not {seeds}.")
    if not 1 <= targets <= 360:
        raise Img2MeshError(f"--targets must lie between 1 and 360, not {targets}.")
    checks.check_model(settings.model)
    if output is not None:
        checks.check_folder(output, "--output")

    from img2mesh.evaluate.metrics import find_perceptual
    from img2mesh.evaluate.objects import halves, load_objects

    files, parts = load_objects(dataset, objects), halves(dataset)
    collect_garbage_as_usual()

    from img2mesh.core.device import resolve_device, use_threads
    from img2mesh.core.progress import ConsoleProgress

    progress, device = ConsoleProgress(verbose), resolve_device(settings.device)
    use_threads()
    perceptual = find_perceptual(metrics, device) if views else None
    model = None
    if views or mesh:
        from img2mesh.chosen_model import load_named_model

        model = load_named_model(settings, device, progress)
    tables = {}
    if views and model is not None:
        from img2mesh.evaluate.novel_views import novel_views

        tables["views"] = novel_views(
            files, model, settings, chosen, targets, perceptual, output, progress, rendered
        )
    if mesh and model is not None:
        from img2mesh.evaluate.one_image import ELEVATION, one_image_meshes

        told = settings.replace(elevation="auto" if estimate_elevation else f"{ELEVATION:g}")
        tables["mesh"] = one_image_meshes(files, model, told, chosen, output, progress, device)
    if oracle:
        from img2mesh.evaluate.oracle import oracle_meshes

        tables["oracle"] = oracle_meshes(files, settings, chosen, output, progress, device)
    for name, table in tables.items():
        table.halves = parts
        table.facts.update(
            settings=settings.as_dict(), seeds=list(chosen), objects=[file.stem for file in files]
        )
        if output is not None:
            table.write(output, name)
        typer.echo(table.markdown())


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("evaluate")(evaluate)
