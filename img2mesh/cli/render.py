"""`img2mesh render`: 3D models to a dataset of views for `img2mesh train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def render(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODELS...", help="Models (.glb .gltf .obj .ply .dae), folders, .txt lists of paths."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Dataset folder; what it holds is kept.")],
    views: Annotated[int, typer.Option(help="Views per object.")] = 12,
    elevation_min: Annotated[float, typer.Option(help="Lowest camera, degrees.")] = -20.0,
    elevation_max: Annotated[float, typer.Option(help="Highest camera, degrees.")] = 75.0,
    distance: Annotated[
        tuple[float, float], typer.Option(help="Nearest and farthest camera, in longest sides of the object.")
    ] = (1.5, 2.2),
    seed: Annotated[int, typer.Option(help="Random seed of cameras and light.")] = 0,
    engine: Annotated[str, typer.Option(help="embree, or blender (extra [blender]).")] = "embree",
    up: Annotated[
        str, typer.Option(help="Up axis of the files: y, z, or auto (y; .dae says its own).")
    ] = "auto",
    shard: Annotated[str, typer.Option(help="i/n: render the i-th of n shares (i from 0).")] = "0/1",
    size: Annotated[int, typer.Option(help="Side of the views, pixels; training wants 128 or 256.")] = 256,
    pack: Annotated[bool, typer.Option("--pack", help="Gather the objects in one .tar file.")] = False,
    w2c: Annotated[
        bool, typer.Option("--w2c", help="Also write the paper's 3x4 camera files (.npy).")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks.")] = False,
) -> None:
    """Render 3D models from random cameras: a dataset to train on. Run it again to go on where it stopped."""
    from img2mesh.cli import collect_garbage_as_usual
    from img2mesh.cli.checks import check_folder
    from img2mesh.core.progress import ConsoleProgress
    from img2mesh.synthetic.dataset import RenderOptions, render_dataset

    options = RenderOptions(
        views=views,
        elevation_deg=(elevation_min, elevation_max),
        distance=distance,
        seed=seed,
        engine=engine,
        up=up,
        size=size,
        w2c=w2c,
    )
    check_folder(output, "--output")
    collect_garbage_as_usual()
    outcome = render_dataset(
        models, output, options, shard=shard, packed=pack, progress=ConsoleProgress(verbose)
    )
    typer.echo(
        f"{output}: {len(outcome.rendered)} objects rendered, {len(outcome.skipped)} were there, "
        f"{len(outcome.broken)} broken (seed {seed})"
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("render")(render)
