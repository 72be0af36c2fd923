"""`img2mesh PHOTO... -o MESH`: the main job, for one photo or many."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2mesh.cli import checks, several
from img2mesh.cli.many import (
    LISTS,
    GroupBy,
    Jobs,
    Many,
    Ray,
    Recursive,
    RetryFailed,
    Timeout,
    Watch,
    convert_many,
)
from img2mesh.cli.options import ALL, Overwrite, Verbose, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.exports import check_export, default_suffix, export
from img2mesh.outputs import (
    Output,
    check_outputs,
    check_room,
    kept_outputs,
    mesh_outputs,
    run_bytes,
    short_stem,
)
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.photos.photo import Photo

Photos = Annotated[
    list[Path],
    typer.Argument(metavar="PHOTO...", help="A photo, several, folders or lists (.csv .jsonl) of them."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="Mesh to write (.glb .obj .ply .stl .3mf .usdz); a folder for many photos.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="glb|obj|ply|stl|3mf|usdz", help="Kind of mesh where -o does not tell."),
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
PreviewSources = Annotated[
    Path | None,
    typer.Option(
        "--preview-sources",
        metavar="PATH",
        help="Like --preview, coloured by where the texture is from: photo green, mirrored photo blue, fill grey.",
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


@dataclass(frozen=True)
class _Wanted:
    """What the command line asks for beside the mesh."""

    kind: str | None
    preview: Path | None
    preview_sources: Path | None
    keep: Path | None
    report: Path | None
    config: Path | None
    overwrite: bool
    verbose: bool

    def reports(self) -> list[Output]:
        return [] if self.report is None else [Output("--report", self.report)]

    def inputs(self, photos: list[Path], settings: Settings) -> list[Path]:
        """Every file that the run reads and that a careless name could strike."""
        others = [self.config, Path(settings.model) if Path(settings.model).suffix else None]
        return [*photos, *(path for path in others if path is not None)]


@with_settings(*ALL)
def convert(
    photos: Photos,
    settings: Settings,
    config: Path | None = None,
    output: Out = None,
    back: several.Back = None,
    left: several.Left = None,
    right: several.Right = None,
    top: several.Top = None,
    bottom: several.Bottom = None,
    photo: several.More = None,
    turntable: several.Turntable = False,
    clockwise: several.Clockwise = None,
    format: Format = None,
    preview: Preview = None,
    preview_sources: PreviewSources = None,
    keep: Keep = None,
    report: Report = None,
    jobs: Jobs = None,
    timeout: Timeout = None,
    recursive: Recursive = False,
    watch: Watch = False,
    retry_failed: RetryFailed = False,
    group_by: GroupBy = "none",
    ray: Ray = None,
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Turn one photo of an object into a textured mesh, or several of its sides, or every photo of a folder.

    The mesh goes to -o, or into the current folder under the photo's name. A folder, a list, or several photos, make
    a folder of meshes (-o, default `meshes`) with reports: names are kept, a bad photo is reported and skipped, and
    the exit code is 1 if any failed. The same command again makes what is missing or changed. Settings come from the
    preset, then --config, then the options. No photo and no other file that img2mesh did not write is ever replaced,
    unless --overwrite says so.
    """
    for path in photos:
        checks.check_input(path)
    checks.check_model(settings.model)
    kind = _format(format)
    if keep is not None:
        checks.check_folder(keep, "--keep")
    if report is not None:
        checks.check_output(report, (".json",), "--report")
    wanted = _Wanted(kind, preview, preview_sources, keep, report, config, overwrite, verbose)
    many = Many(jobs, timeout, recursive, watch, retry_failed, group_by, ray)
    sides = {"back": back, "left": left, "right": right, "top": top, "bottom": bottom}
    group = several.gathered(photos, sides, photo)
    stem = photos[0].name if photos[0].is_dir() else photos[0].stem
    own = output or Path(short_stem(stem or "mesh") + (wanted.kind or default_suffix(settings)))
    single = len(photos) == 1 and photos[0].is_file() and photos[0].suffix.lower() not in LISTS
    if (settings.box or settings.point) and (group or turntable or not single):
        raise Img2MeshError("--box and --point say where the object is in one photo, not in several.")
    if turntable or clockwise is not None:
        many.refuse_for_one()
        _one(several.turn_of(photos, group, turntable), own, settings, wanted, clockwise)
    elif single:
        many.refuse_for_one()
        _one(group or photos[0], own, settings, wanted)
    else:
        if preview_sources is not None:
            raise Img2MeshError(
                "--preview-sources is for one photo; for many, --keep writes each one's sources.png."
            )
        convert_many(
            photos,
            output or Path("meshes"),
            settings,
            many,
            kind=kind or default_suffix(settings),
            preview=preview,
            keep=keep,
            report=report,
            others=wanted.inputs([], settings),
            overwrite=overwrite,
            verbose=verbose,
        )


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("convert")(convert)


def _format(name: str | None) -> str | None:
    if name is None:
        return None
    suffix = "." + name.lower().lstrip(".")
    if suffix not in checks.MESHES:
        raise Img2MeshError(f"--format must be one of glb, obj, ply, stl, 3mf, usdz, not {name!r}.")
    return suffix


def _one(
    photo: Path | list[Photo] | several.Turn,
    output: Path,
    settings: Settings,
    wanted: _Wanted,
    clockwise: bool | None = None,
) -> None:
    files = (
        [photo] if isinstance(photo, Path) else [Path(str(getattr(each, "source", each))) for each in photo]
    )
    kind, report = wanted.kind, wanted.report
    pictures = {"--preview": wanted.preview, "--preview-sources": wanted.preview_sources}
    drawn = [Output(option, path) for option, path in pictures.items() if path is not None]
    if kind is not None and not output.suffix and output.name and not output.is_dir():
        output = output.with_name(output.name + kind)
    checks.check_output(output, checks.MESHES, "-o")
    if kind is not None and output.suffix.lower() != kind:
        raise Img2MeshError(f"--format {kind[1:]} contradicts the suffix of -o {output}.")
    for picture in drawn:
        checks.check_output(picture.path, checks.PREVIEWS, picture.option)
    planned = [
        *mesh_outputs(output, settings=settings),
        *drawn,
        *wanted.reports(),
        *kept_outputs(wanted.keep, settings.views, len(files)),
    ]
    check_outputs(planned, wanted.inputs(files, settings), wanted.overwrite)
    check_export(output, settings)
    check_room(output.parent, run_bytes(settings, wanted.keep is not None))

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(wanted.verbose)
    progress.note(f"seed {settings.seed}, preset {settings.preset}")

    from img2mesh.pipeline import image_to_mesh, turntable_to_mesh

    if isinstance(photo, several.Turn):
        result = turntable_to_mesh(files, settings, clockwise=clockwise, keep=wanted.keep, progress=progress)
    else:
        result = image_to_mesh(photo, settings, keep=wanted.keep, progress=progress)
    # Everything is made before anything is written, so an interrupted run leaves nothing.
    export(result, output, settings, progress, files[0].stem)
    for picture in drawn:
        from img2mesh.preview import write_preview

        with progress.stage(picture.option.removeprefix("--")):
            write_preview(result.mesh, picture.path, sources=picture.option == "--preview-sources")
    if report is not None:
        from img2mesh.report import write_report

        write_report({"photo": files[0].name, "output": output.name, **result.report}, report)
    progress.count_warnings()
    print(output)
