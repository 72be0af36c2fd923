"""`img2mesh repair IN -o OUT`: a broken mesh made one closed solid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import Overwrite, Verbose
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import check_outputs, mesh_outputs


def repair(
    mesh: Annotated[Path, typer.Argument(metavar="IN", help="A mesh of any origin.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="Mesh to write; its suffix may be another one."),
    ],
    overwrite: Overwrite = False,
    verbose: Verbose = False,
) -> None:
    """Make a mesh one closed surface: holes filled, crossings united, inner shells and crumbs left out.

    Says what was done. What is beyond repair is said so, and nothing is written (exit code 1).
    """
    checks.check_input(mesh, "mesh")
    if mesh.suffix.lower() not in (*checks.MESHES, ".gltf"):
        raise Img2MeshError(f"Cannot read {mesh}: meshes are {', '.join((*checks.MESHES, '.gltf'))}.")
    checks.check_output(output, checks.MESHES, "-o")
    check_outputs(mesh_outputs(output), [mesh], overwrite)

    from img2mesh.finish import judge
    from img2mesh.finish.repair import repair as repaired
    from img2mesh.mesh import read_mesh, write_mesh

    found = read_mesh(mesh)
    try:
        made, done = repaired(found)
    except Img2MeshError as error:
        print(f"{mesh}: {error}")
        raise typer.Exit(1) from None
    write_mesh(made, output)
    for sentence in done or ["Nothing was wrong."]:
        print(sentence)
    left = [f.text for f in judge(read_mesh(output), standing=False).findings if f.severity == "error"]
    for text in left:
        print(f"still wrong: {text}")
    print(output)
    if left:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("repair")(repair)
