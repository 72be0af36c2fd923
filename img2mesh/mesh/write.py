"""Mesh files: glb, obj with its material and texture, ply with vertex colours, stl, 3mf, usdz."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from img2mesh.core.files import atomic_file
from img2mesh.core.marks import PLY_COMMENT, png_mark
from img2mesh.core.rasterise import sample_bilinear
from img2mesh.errors import Img2MeshError
from img2mesh.mesh.axes import place, to_gltf, to_stl, to_z_up
from img2mesh.mesh.glb import GlbOptions, glb_bytes
from img2mesh.mesh.gltf_compression import chosen_compression
from img2mesh.mesh.pictures import picture_bytes, png_bytes
from img2mesh.mesh.side_files import side_files
from img2mesh.mesh.tangents import tangents
from img2mesh.mesh.textured_mesh import TexturedMesh, surface, weld
from img2mesh.settings import Settings

SUFFIXES = (".glb", ".obj", ".ply", ".stl", ".3mf", ".usdz")
LOSSES = {  # what a format cannot hold
    ".stl": "STL has no colours; .3mf has.",
    ".ply": "PLY has colours at vertices only; .glb has the texture.",
}


def check_mesh_path(path: str | Path) -> Path:
    """The path, if its suffix names a format that `write_mesh` knows.

    Raises:
        Img2MeshError: it does not.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise Img2MeshError(f"Cannot write a mesh as {path.name}: use one of {', '.join(SUFFIXES)}.")
    return path


def write_mesh(
    mesh: TexturedMesh, path: str | Path, settings: Settings | None = None, name: str | None = None
) -> list[Path]:
    """Write a mesh in the format of the path's suffix; axes and units: docs/conventions.md, "Files".

    - .glb: binary glTF 2.0, +Y up, the photo's side towards +Z, metres, texture inside.
    - .obj: same axes; NAME.mtl and NAME_texture.png beside it (`side_files`).
    - .usdz: same axes, metres (the extra [usd]).
    - .ply: +Z up, the photo's side towards -Y, metres, binary, vertex colours, no copies of vertices at seams.
    - .stl: the same axes, binary, millimetres, no colours.
    - .3mf: the same axes, millimetres, one object, its texture, or vertex colours where there is no more.

    Args:
        settings: `height`, `ground` and `base` place the mesh, `texture_format` and `compression` are for .glb;
            None: as it is, PNG, none.
        name: of the object in the file; default: the file's name.

    Returns:
        The files written. They appear whole or not at all, and equal meshes give equal bytes.

    Raises:
        Img2MeshError: unknown suffix, a missing extra, or the folder cannot be written.
    """
    path = check_mesh_path(path)
    placed = place(mesh.vertices, settings)
    suffix, name = path.suffix.lower(), path.stem if name is None else name
    if suffix == ".obj":
        return _write_obj(mesh, placed, path)
    if suffix == ".glb":
        data = _glb(mesh, placed, settings, name)
    elif suffix == ".usdz":
        from img2mesh.mesh.usdz import usdz_bytes

        data = usdz_bytes(mesh, to_gltf(placed), to_gltf(mesh.normals()), name)
    elif suffix == ".ply":
        data = _ply(mesh, placed)
    elif suffix == ".3mf":
        data = _threemf(mesh, placed, name, settings)
    else:
        data = _stl(placed, mesh.faces)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    return [path]


def _glb(mesh: TexturedMesh, placed: np.ndarray, settings: Settings | None, name: str) -> bytes:
    normals, frame = mesh.normals(), None
    if mesh.normal_map is not None:
        frame = tangents(placed, mesh.faces, mesh.uv, normals)
        frame = np.column_stack([to_gltf(frame[:, :3]), frame[:, 3]])
    options = GlbOptions(name)
    if settings is not None:
        options = GlbOptions(name, settings.texture_format, chosen_compression(settings.compression))
    return glb_bytes(
        to_gltf(placed), to_gltf(normals), mesh.uv, mesh.faces, mesh.texture, options, mesh.normal_map, frame
    )


def vertex_colours(mesh: TexturedMesh) -> np.ndarray:
    """(V, 3) uint8, the texture at each vertex."""
    height, width = mesh.texture.shape[:2]
    pixels = np.stack([mesh.uv[:, 0] * width, (1 - mesh.uv[:, 1]) * height], axis=1)
    return (sample_bilinear(mesh.texture, pixels) + 0.5).astype(np.uint8)


def _write_obj(mesh: TexturedMesh, placed: np.ndarray, path: Path) -> list[Path]:
    # trimesh's own writer repeats vertices along seams, which opens the surface for editors.
    positions, faces = weld(placed.astype(np.float32), mesh.faces)
    material, picture = side_files(path)
    normals = mesh.normals()
    lines = ["# img2mesh, +Y up, metres", f"mtllib {material.name}", f"o {material.stem}"]
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in to_gltf(positions).tolist()]
    lines += [f"vt {u:.7f} {v:.7f}" for u, v in mesh.uv.tolist()]
    lines += [f"vn {x:.5f} {y:.5f} {z:.5f}" for x, y, z in to_gltf(normals).tolist()]
    lines.append("usemtl texture")
    lines += [
        "f " + " ".join(f"{p + 1}/{t + 1}/{t + 1}" for p, t in zip(corner, copies, strict=True))
        for corner, copies in zip(faces.tolist(), mesh.faces.tolist(), strict=True)
    ]
    description = (
        f"# img2mesh\nnewmtl texture\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nillum 1\nmap_Kd {picture.name}\n"
    )
    with ExitStack() as stack:  # all three exist complete before the first is renamed
        obj, mtl, png = (stack.enter_context(atomic_file(p)) for p in (path, material, picture))
        png.write_bytes(png_bytes(mesh.texture, png_mark("texture")))
        mtl.write_text(description, encoding="utf-8")
        obj.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [path, material, picture]


def _ply(mesh: TexturedMesh, placed: np.ndarray) -> bytes:
    positions, faces = weld(placed.astype(np.float32), mesh.faces)
    solid = surface(to_z_up(positions), faces)
    solid.visual.vertex_colors = _welded_colours(mesh, faces, len(positions))
    data = solid.export(file_type="ply", vertex_normal=False)
    return data.replace(b"\n", b"\n" + PLY_COMMENT + b", metres\n", 1)


def _welded_colours(mesh: TexturedMesh, faces: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) uint8 of welded vertices, whose faces stand in the same order as the mesh's."""
    colours = np.zeros((count, 3), np.uint8)
    colours[faces] = vertex_colours(mesh)[mesh.faces]
    return colours


def _threemf(mesh: TexturedMesh, placed: np.ndarray, name: str, settings: Settings | None) -> bytes:
    from img2mesh.mesh.corner_colours import has_corner_colours
    from img2mesh.mesh.threemf import Paint, threemf_bytes

    positions, faces = weld(to_stl(placed).astype(np.float32), mesh.faces)
    if has_corner_colours(mesh):
        paint = Paint(faces, _welded_colours(mesh, faces, len(positions)))
    else:
        kind = "jpeg" if settings is not None and settings.texture_format == "jpeg" else "png"
        paint = Paint(mesh.faces, uv=mesh.uv, picture=picture_bytes(mesh.texture, kind))
    return threemf_bytes(positions, faces, paint, name)


def _stl(placed: np.ndarray, faces: np.ndarray) -> bytes:
    data = surface(to_stl(placed), faces).export(file_type="stl")
    header = b"img2mesh, millimetres, +Z up".ljust(80, b"\0")
    return header + data[len(header) :]
