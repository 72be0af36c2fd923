"""`img2mesh train`: the recipe of Zero-1-to-3 at any size, from a folder of renders to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[
        Path,
        typer.Option(help="Recipe: configs/train-mini.toml, train-cutout.toml or finetune-zero123.toml."),
    ],
    data: Annotated[str | None, typer.Option(help="Dataset folder (see `img2mesh render`).")] = None,
    run: Annotated[
        str | None, typer.Option(help="Folder for states, log and pictures; resumes from it.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the model folder here; --stage occupancy replaces that part, --stage cutout writes its own.",
        ),
    ] = None,
    stage: Annotated[
        str,
        typer.Option(
            help="autoencoder, decoder, denoiser, finish, occupancy, cutout, or all (all but cutout)."
        ),
    ] = "all",
    minutes: Annotated[float | None, typer.Option(help="Stop each stage after so long; 0: no limit.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads; 0: PyTorch's choice.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda.")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Folder of LPIPS weights; empty: no perceptual loss.")
    ] = None,
    export: Annotated[bool, typer.Option(help="Only write the run's present weights to --output.")] = False,
) -> None:
    """Train the mini or the cutout network from nothing, or fine-tune a checkpoint; stops and resumes at any time."""
    from img2mesh.errors import Img2MeshError
    from img2mesh.train.config import load_config

    recipe = load_config(
        config, data=data, run=run, minutes=minutes, threads=threads, device=device, metrics=metrics
    )
    from img2mesh.train import loop as training

    if not export:
        training.train(recipe, stage, output)
        return
    if output is None:
        raise Img2MeshError("Say where to write the weights with --output.")
    exports = {"occupancy": training.export_occupancy, "cutout": training.export_cutout}
    done = exports.get(stage, training.export)(recipe, output)
    typer.echo(f"{output}: the averaged weights after {done} steps")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("train")(train)
