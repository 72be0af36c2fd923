"""`img2mesh views PHOTO --n 36 -o DIR`: novel views at known cameras, for people who want them themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import SAMPLE, SEGMENT, Overwrite, Verbose, numbers, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import check_outputs, view_outputs
from img2mesh.settings import Settings


@with_settings(
    *SAMPLE,
    *SEGMENT,
    "elevation",
    "symmetry",
    "texture_size",
    rename={"elevation": "input-elevation"},
)
def views(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo of one object.")],
    settings: Settings,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to write.")] = Path(
        "views"
    ),
    n: Annotated[
        int | None, typer.Option("--n", metavar="N", help="Number of views in all, default 36 [1..1000].")
    ] = None,
    elevations: Annotated[
        str | None,
        typer.Option(
            "--elevations",
            metavar="X,Y,...",
            help="Rings at these degrees above the horizon; default: one ring at the photo's own.",
        ),
    ] = None,
    azimuth: Annotated[
        list[float] | None,
        typer.Option(
            "--azimuth", metavar="X", help="With --elevation, one view in place of rings; repeat the pair."
        ),
    ] = None,
    elevation: Annotated[
        list[float] | None,
        typer.Option("--elevation", metavar="X", help="Goes with --azimuth; degrees above the horizon."),
    ] = None,
    raw: Annotated[
        bool | None,
        typer.Option(
            "--raw/--rendered",
            help="The model's own drawings, or pictures of the reconstructed, textured shape; default: renders where "
            "the model is unsure of what it draws, as the shipped one is.",
        ),
    ] = None,
    size: Annotated[
        int, typer.Option("--size", metavar="N", help="Side of rendered pictures in pixels [64..2048].")
    ] = 256,
    fps: Annotated[float, typer.Option("--fps", metavar="X", help="Speed of the animation.")] = 12.0,
    animation: Annotated[
        str, typer.Option("--animation", metavar="gif|mp4|none", help="Kind of the orbit animation.")
    ] = "gif",
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Views of the object from all around: RGBA pictures, transforms.json (nerfstudio), contact.png and orbit.gif.

    Azimuth 0 is the photo's camera and grows to the camera's right. The photo itself is the first frame, photo.png.
    Rendered views come with points3D.ply, from which trainers of Gaussian splats start.
    """
    checks.check_input(photo)
    if photo.is_dir():
        raise Img2MeshError(f"{photo} is a folder; views takes one photo.")
    checks.check_folder(output, "-o")
    checks.check_model(settings.model)
    if animation not in ("gif", "mp4", "none"):
        raise Img2MeshError(f"--animation must be gif, mp4 or none, not {animation!r}.")
    if not 0.1 <= fps <= 120:
        raise Img2MeshError(f"--fps must lie between 0.1 and 120, not {fps:g}.")
    if not 64 <= size <= 2048:
        raise Img2MeshError(f"--size must lie between 64 and 2048, not {size}.")
    if raw and size != 256:
        raise Img2MeshError("--size is for rendered views; with --raw the model decides.")
    directions = _directions(n, elevations, azimuth or [], elevation or [])
    check_outputs(view_outputs(output, max(64, len(directions)), animation=animation), [photo], overwrite)

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(verbose)
    progress.note(f"seed {settings.seed}, {len(directions)} views")

    from img2mesh.pipeline import synthesize_views
    from img2mesh.views.orbit import write_ring

    made = synthesize_views(
        photo,
        settings,
        directions=directions,
        rendered=None if raw is None else not raw,
        size=size,
        progress=progress,
    )
    if made.facts.get("rendered"):
        progress.note("these are renders of the reconstructed shape; --raw gives the model's own drawings")
    elif size != 256:
        progress.warn("--size is for rendered views (--rendered); these are the model's own drawings.")
    write_ring(made, output, None if animation == "none" else animation, fps)
    print(output)


def _directions(
    n: int | None, elevations: str | None, azimuth: list[float], elevation: list[float]
) -> list[tuple[float | None, float]]:
    import math

    if len(azimuth) != len(elevation):
        raise Img2MeshError(
            "--azimuth and --elevation come in pairs, "
            f"not {len(azimuth)} of one and {len(elevation)} of the other."
        )
    if azimuth and (n is not None or elevations is not None):
        raise Img2MeshError("Give either --azimuth/--elevation pairs or rings (--n, --elevations), not both.")
    rings = None if elevations is None else numbers(elevations, "--elevations")
    for value in (*elevation, *(rings or ())):
        if not -90 <= value <= 90:  # NaN fails too
            raise Img2MeshError(f"An elevation must lie between -90 and 90 degrees, not {value:g}.")
    if not all(math.isfinite(value) for value in azimuth):
        raise Img2MeshError("An azimuth must be a finite number of degrees.")
    if n is not None and not 1 <= n <= 1000:
        raise Img2MeshError(f"--n must lie between 1 and 1000, not {n}.")
    if azimuth:
        return list(zip(elevation, azimuth, strict=True))

    from img2mesh.views.orbit import ring_directions

    return ring_directions(36 if n is None else n, rings)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("views")(views)
