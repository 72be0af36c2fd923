"""`img2mesh preview MESH -o PICTURE`: look at a mesh without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import Overwrite, Verbose
from img2mesh.core.marks import kind_of
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import Output, check_outputs


def preview(
    mesh: Annotated[
        Path, typer.Argument(metavar="MESH", help="A .glb, .obj, .ply, .stl, .3mf or .usdz file.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help=".png contact sheet, .gif or .mp4 turntable."),
    ] = Path("preview.png"),
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Draw a mesh from all sides."""
    checks.check_input(mesh, "mesh")
    if mesh.is_dir():
        raise Img2MeshError(f"{mesh} is a folder; preview takes one mesh.")
    if mesh.suffix.lower() not in checks.MESHES:
        raise Img2MeshError(f"Cannot read {mesh}: meshes are {', '.join(checks.MESHES)}.")
    checks.check_output(output, checks.PREVIEWS, "-o")
    check_outputs([Output("-o", output)], [mesh, *_beside(mesh)], overwrite)

    from img2mesh.mesh import read_mesh
    from img2mesh.preview import write_preview

    write_preview(read_mesh(mesh), output)
    print(output)


def _beside(mesh: Path) -> list[Path]:
    """Textures and materials that an .obj may use: none of them is to be drawn over."""
    if mesh.suffix.lower() != ".obj":
        return []
    try:
        neighbours = list(mesh.absolute().parent.iterdir())
    except OSError:
        return []
    return [path for path in neighbours if path.suffix == ".mtl" or kind_of(path) == "texture"]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("preview")(preview)
