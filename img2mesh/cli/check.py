"""`img2mesh check FILE...`: what a slicer, an engine or a viewer would find wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import Verbose
from img2mesh.errors import Img2MeshError

LEVELS = ("error", "warning", "note", "never")
READABLE = (*checks.MESHES, ".gltf")


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Meshes of any origin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="|".join(LEVELS), help="Exit with 1 from this severity on.")
    ] = "error",
    bed: Annotated[
        str, typer.Option("--bed", metavar="WxDxH", help="Printing bed in mm; empty: any size fits.")
    ] = "",
    min_wall: Annotated[
        str, typer.Option("--min-wall", metavar="LENGTH", help="Name walls that are thinner than this.")
    ] = "0.8mm",
    verbose: Verbose = False,
) -> None:
    """Judge meshes: closed, one solid, without crossings, thick enough, stable, small enough.

    Units are taken as each format says: 3MF tells them, STL is in millimetres, all others are in metres. Errors are
    what makes a file no solid (holes, crossings, ...); warnings what makes it print badly (thin walls, a small
    contact, ...).
    """
    if fail_on not in LEVELS:
        raise Img2MeshError(f"--fail-on must be one of {', '.join(LEVELS)}, not {fail_on!r}.")
    from img2mesh.quantities import parse_bed, parse_length

    wall = (parse_length(min_wall, "min_wall") or 0.0) * 1000
    size = parse_bed(bed) if bed else None
    for path in files:
        checks.check_input(path, "mesh")
        if path.suffix.lower() not in READABLE:
            raise Img2MeshError(f"Cannot read {path}: meshes are {', '.join(READABLE)}.")

    from img2mesh.finish import judge
    from img2mesh.mesh import read_mesh

    found: list[dict[str, Any]] = []
    failed = False
    for path in files:
        try:
            judgement = judge(read_mesh(path), size, wall)
        except Img2MeshError as error:
            found.append({"file": str(path), "verdict": "unreadable", "findings": [], "error": str(error)})
            failed |= fail_on != "never"
        else:
            found.append({"file": str(path), **judgement.as_dict()})
            worst = judgement.worst()
            failed |= (
                worst is not None and LEVELS.index(worst) <= LEVELS.index(fail_on) and fail_on != "never"
            )
        if not as_json:
            print(_text(found[-1]))
    if as_json:
        import json

        print(json.dumps(found, indent=2, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)


def _text(row: dict[str, Any]) -> str:
    lines = [f"{row['file']}: {row['verdict']}"]
    if "error" in row:
        lines.append(f"  error: {row['error']}")
    lines += [f"  {f['severity']}: {f['text']} [{f['name']}]" for f in row["findings"]]
    if row.get("size_mm"):
        width, depth, height = row["size_mm"]
        told = [f"{width:g} x {depth:g} x {height:g} mm", f"{row['faces']} triangles"]
        if row.get("volume_cm3") is not None:
            told.append(f"{row['volume_cm3']:g} cm3")
        if row.get("wall_p5_mm") is not None:
            told.append(f"walls from {row['wall_p5_mm']:g} mm (5th percentile)")
        if row.get("overhang_mm2") is not None:
            told.append(f"overhang {row['overhang_mm2']:g} mm2")
            told.append(
                f"contact {row['contact_mm2']:g} mm2 ({100 * row['contact_share']:.2g} % of the footprint)"
            )
            told.append("stable" if row["stable"] else "unstable")
        lines.append("  " + ", ".join(told))
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("check")(check)
