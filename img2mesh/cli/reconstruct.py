"""`img2mesh reconstruct DIR -o MESH`: a mesh from views at known cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.one import draw, previews
from img2mesh.cli.options import SURFACE, Overwrite, Verbose, with_settings
from img2mesh.exports import check_export, export
from img2mesh.outputs import (
    Output,
    check_outputs,
    check_room,
    inputs_of,
    kept_outputs,
    mesh_outputs,
    run_bytes,
)
from img2mesh.settings import Settings


@with_settings(*SURFACE)
def reconstruct(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with a transforms.json, or that file.")
    ],
    settings: Settings,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Mesh to write (.glb .obj .ply .stl .3mf .usdz)."
        ),
    ] = Path("mesh.glb"),
    preview: Annotated[
        Path | None, typer.Option("--preview", metavar="FILE", help="Also draw the mesh (.png .gif .mp4).")
    ] = None,
    preview_sources: Annotated[
        Path | None,
        typer.Option(
            "--preview-sources", metavar="FILE", help="Like --preview, coloured by where the texture is from."
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the field and the mesh.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a JSON report.")
    ] = None,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Make a textured mesh from a transforms.json set with alpha, masks or a plain white background.

    Understands ours, nerfstudio's and Blender's files. The scene is centred and scaled to the unit object;
    the report's `world_to_unit` says how.
    """
    checks.check_input(source, "folder or file")
    checks.check_output(output, checks.MESHES, "-o")
    drawn = previews(preview, preview_sources)
    if report is not None:
        checks.check_output(report, (".json",), "--report")
    if keep is not None:
        checks.check_folder(keep, "--keep")
    reports = [] if report is None else [Output("--report", report)]
    planned = [*mesh_outputs(output, settings=settings), *drawn, *reports, *kept_outputs(keep, 0)]
    check_outputs(planned, inputs_of(source), overwrite)
    check_export(output, settings)
    check_room(output.parent, run_bytes(settings, keep is not None))

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(verbose)
    progress.note(f"seed {settings.seed}, preset {settings.preset}")

    from img2mesh import pipeline

    result = pipeline.reconstruct(source, settings, keep=keep, progress=progress)
    export(result, output, settings, progress)
    draw(drawn, result.mesh, progress)
    if report is not None:
        from img2mesh.report import write_report

        write_report({"source": str(source.name), "output": output.name, **result.report}, report)
    print(output)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("reconstruct")(reconstruct)
