"""`img2mesh PHOTO... -o MESH`: the main job, for one photo or many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from img2mesh.cli.one import Wanted, convert_one
from img2mesh.cli.options import ALL, Overwrite, Verbose, with_settings
from img2mesh.cli.prompt import Candidates, Prompt, TextModel, wish_of
from img2mesh.errors import Img2MeshError
from img2mesh.exports import default_suffix
from img2mesh.outputs import short_stem
from img2mesh.settings import Settings

Photos = Annotated[
    list[Path] | None,
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


@with_settings(*ALL)
def convert(
    settings: Settings,
    photos: Photos = None,
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
    poses: several.Poses = None,
    format: Format = None,
    preview: Preview = None,
    preview_sources: PreviewSources = None,
    keep: Keep = None,
    report: Report = None,
    prompt: Prompt = None,
    text_model: TextModel = None,
    candidates: Candidates = None,
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
    photos = photos or []
    for path in photos:
        checks.check_input(path)
    checks.check_model(settings.model)
    kind = _format(format)
    if keep is not None:
        checks.check_folder(keep, "--keep")
    if report is not None:
        checks.check_output(report, (".json",), "--report")
    wanted = Wanted(kind, preview, preview_sources, keep, report, config, overwrite, verbose)
    many = Many(jobs, timeout, recursive, watch, retry_failed, group_by, ray)
    sides = {"back": back, "left": left, "right": right, "top": top, "bottom": bottom}
    turning = turntable or clockwise is not None
    wish = wish_of(
        prompt,
        text_model,
        candidates,
        {
            "a photo": bool(photos),
            **{f"--{side}": path is not None for side, path in sides.items()},
            "--photo": bool(photo),
            "--turntable": turning,
            "--poses": poses is not None,
            "--box": bool(settings.box),
            "--point": bool(settings.point),
        },
    )
    if wish is not None:
        many.refuse_for_one()
        own = output or Path(wish.stem + (wanted.kind or default_suffix(settings)))
        return convert_one(wish, own, settings, wanted)
    if not photos:
        raise Img2MeshError("Missing photo: give one, or describe the object with --prompt TEXT.")
    group = several.gathered(photos, sides, photo)
    stem = photos[0].name if photos[0].is_dir() else photos[0].stem
    own = output or Path(short_stem(stem or "mesh") + (wanted.kind or default_suffix(settings)))
    single = len(photos) == 1 and photos[0].is_file() and photos[0].suffix.lower() not in LISTS
    if (settings.box or settings.point) and (group or turntable or poses or not single):
        raise Img2MeshError("--box and --point say where the object is in one photo, not in several.")
    if turning and poses is None:
        many.refuse_for_one()
        convert_one(several.turn_of(photos, group, turntable), own, settings, wanted, clockwise)
    elif poses is not None:
        many.refuse_for_one()
        convert_one(several.scan_of(photos, group, turning), own, settings, wanted)
    elif single:
        many.refuse_for_one()
        convert_one(group or photos[0], own, settings, wanted)
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
