"""`img2mesh PHOTO... -o MESH`: the main job, for one photo or many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import ALL, Verbose, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings

Photos = Annotated[
    list[Path], typer.Argument(metavar="PHOTO...", help="A photo, several, or a folder of them.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="Mesh to write (.glb .obj .ply .stl); a folder for many photos.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="glb|obj|ply|stl", help="Kind of mesh where -o does not tell."),
]
Preview = Annotated[
    Path | None,
    typer.Option(
        "--preview",
        metavar="PATH",
        help="Also draw the mesh: a .png contact sheet, a .gif or .mp4 turntable; "
        "for many photos just png, gif or mp4.",
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", metavar="DIR", help="Keep each stage's product: cutout, views, field, mesh."),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write settings, times, checks and warnings as JSON."),
]


@with_settings(*ALL)
def convert(
    photos: Photos,
    settings: Settings,
    output: Out = None,
    format: Format = None,
    preview: Preview = None,
    keep: Keep = None,
    report: Report = None,
    verbose: Verbose = False,
) -> None:
    """Turn one photo of an object into a textured mesh, or every photo of a folder.

    The mesh goes to -o, or into the current folder under the photo's name. A folder, or several photos, make
    a folder of meshes (-o, default `meshes`): names are kept, a bad photo is reported and skipped, and the
    exit code is 1 if any failed. Settings come from the preset, then --config, then the options.
    """
    for path in photos:
        checks.check_input(path)
    checks.check_model(settings.model)
    kind = _format(format)
    if keep is not None:
        checks.check_folder(keep, "--keep")
    if report is not None:
        checks.check_output(report, (".json",), "--report")
    if len(photos) == 1 and photos[0].is_file():
        output = output or Path(photos[0].stem + (kind or ".glb"))
        _one(photos[0], output, kind, settings, preview, keep, report, verbose)
    else:
        _many(photos, output or Path("meshes"), kind or ".glb", settings, preview, keep, report, verbose)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("convert")(convert)


def _format(name: str | None) -> str | None:
    if name is None:
        return None
    suffix = "." + name.lower().lstrip(".")
    if suffix not in checks.MESHES:
        raise Img2MeshError(f"--format must be one of glb, obj, ply, stl, not {name!r}.")
    return suffix


def _one(
    photo: Path,
    output: Path,
    kind: str | None,
    settings: Settings,
    preview: Path | None,
    keep: Path | None,
    report: Path | None,
    verbose: bool,
) -> None:
    if kind is not None and not output.suffix:
        output = output.with_name(output.name + kind)
    checks.check_output(output, checks.MESHES, "-o")
    if kind is not None and output.suffix.lower() != kind:
        raise Img2MeshError(f"--format {kind[1:]} contradicts the suffix of -o {output}.")
    if preview is not None:
        checks.check_output(preview, checks.PREVIEWS, "--preview")
    checks.check_distinct([photo], [("-o", output), ("--preview", preview), ("--report", report)])

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(verbose)
    progress.note(f"seed {settings.seed}, preset {settings.preset}")

    from img2mesh.mesh import write_mesh
    from img2mesh.pipeline import image_to_mesh

    result = image_to_mesh(photo, settings, keep=keep, progress=progress)
    # Everything is made before anything is written, so an interrupted run leaves nothing.
    write_mesh(result.mesh, output, settings)
    if preview is not None:
        from img2mesh.preview import write_preview

        with progress.stage("preview"):
            write_preview(result.mesh, preview)
    if report is not None:
        from img2mesh.report import write_report

        write_report({"photo": photo.name, "output": output.name, **result.report}, report)
    print(output)


def _many(
    inputs: list[Path],
    folder: Path,
    kind: str,
    settings: Settings,
    preview: Path | None,
    keep: Path | None,
    report: Path | None,
    verbose: bool,
) -> None:
    if folder.suffix.lower() in checks.MESHES and not folder.is_dir():
        raise Img2MeshError(f"-o {folder}: many photos need a folder to go to, not one mesh.")
    checks.check_folder(folder, "-o")
    drawing = None
    if preview is not None:
        drawing = (preview.suffix or f".{preview.name.lstrip('.')}").lower()
        if drawing not in checks.PREVIEWS or (preview.suffix and preview.stem):
            raise Img2MeshError(f"For many photos --preview is png, gif or mp4, not {str(preview)!r}.")

    from img2mesh.batch import convert_photos, output_names, photos_in, summary

    photos: list[Path] = []
    for path in inputs:
        photos += photos_in(path) if path.is_dir() else [path]
    names = output_names(photos)
    checks.check_distinct(photos, [("-o", folder / f"{name}{kind}") for name in names])

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(verbose)
    progress.note(f"{len(photos)} photos, seed {settings.seed}, preset {settings.preset}")

    def draw(index: int, outcome, result) -> None:
        if drawing and result is not None:
            from img2mesh.preview import write_preview

            write_preview(result.mesh, folder / f"{names[index]}{drawing}")

    outcomes = convert_photos(
        photos, folder, settings, suffix=kind, keep=keep, progress=progress, on_done=draw
    )
    if report is not None:
        from img2mesh.report import write_report

        rows = [
            {
                "photo": o.photo.name,
                "output": o.mesh.name,
                "seconds": o.seconds,
                "error": o.error,
                "report": o.report,
            }
            for o in outcomes
        ]
        write_report({"settings": settings.as_dict(), "photos": rows}, report)
    print(summary(outcomes))
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)
