"""Mesh files of any origin as one textured mesh in world axes."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.mesh.axes import from_gltf, from_stl, from_z_up
from img2mesh.mesh.corner_colours import corner_colours
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.mesh.write import SUFFIXES

if TYPE_CHECKING:
    from img2mesh.mesh.read_threemf import Part as ThreeMfPart

GREY = (186, 186, 190)  # of meshes that have no colours
READABLE = (*SUFFIXES, ".gltf")


def read_mesh(path: str | Path) -> TexturedMesh:
    """Read .glb, .gltf, .obj, .ply, .stl, .3mf or .usdz; scenes are flattened to one mesh with one texture.

    Axes and units are taken to be those that `write_mesh` writes (docs/conventions.md, "Files").

    Returns:
        The mesh in world axes, one unit a metre. Vertex colours become a texture of their own, a mesh without
        colours is grey.

    Raises:
        Img2MeshError: no such file, unknown suffix, not readable as its suffix says, or no faces inside.
    """
    import trimesh

    logging.getLogger("trimesh").addHandler(
        logging.NullHandler()
    )  # it logs tracebacks of textures that are missing
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise Img2MeshError(f"Cannot read a mesh from {path.name}: use one of {', '.join(READABLE)}.")
    if not path.is_file():
        raise Img2MeshError(f"No such mesh file: {path}.")
    if suffix in (".3mf", ".usdz"):
        return _archive(path, suffix)
    try:
        scene = trimesh.load_scene(path, process=False)
        parts = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    except Exception as error:  # trimesh's parsers raise whatever the bytes lead them to
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise Img2MeshError(f"Cannot read {path.name} as a mesh: {reason}.") from None
    if not parts or not all(np.isfinite(part.vertices).all() for part in parts):
        raise Img2MeshError(f"{path.name} holds no triangles.")
    if any(part.faces.min() < 0 or part.faces.max() >= len(part.vertices) for part in parts):
        raise Img2MeshError(
            f"Cannot read {path.name} as a mesh: its triangles name vertices that are not there."
        )
    mesh = _join([_part(part) for part in parts])
    back = from_stl if suffix == ".stl" else from_z_up if _z_up(path, suffix) else from_gltf
    return TexturedMesh(back(mesh.vertices), mesh.faces, mesh.uv, mesh.texture)


def _archive(path: Path, suffix: str) -> TexturedMesh:
    """3MF and USDZ, which trimesh does not read by itself."""
    try:
        if suffix == ".usdz":
            from img2mesh.mesh.usdz import read_usdz

            return read_usdz(path)
        from img2mesh.mesh.read_threemf import read_threemf

        parts = read_threemf(path)
    except Img2MeshError:
        raise
    except Exception as error:  # a damaged archive, or XML of any other shape
        raise Img2MeshError(f"Cannot read {path.name} as a mesh: {str(error)[:120]}.") from None
    for part in parts:
        if (
            not np.isfinite(part.vertices).all()
            or part.faces.min() < 0
            or part.faces.max() >= len(part.vertices)
        ):
            raise Img2MeshError(
                f"Cannot read {path.name} as a mesh: its triangles name vertices that are not there."
            )
    mesh = _join([_threemf_part(part) for part in parts])
    return TexturedMesh(from_z_up(mesh.vertices), mesh.faces, mesh.uv, mesh.texture)


def _threemf_part(part: ThreeMfPart) -> TexturedMesh:
    if part.uv is not None and part.picture is not None:
        loose = np.arange(3 * len(part.faces)).reshape(-1, 3)
        corners = part.vertices[part.faces].reshape(-1, 3)
        return _wrapped(corners, loose, part.uv.reshape(-1, 2), part.picture)
    if part.colours is not None:
        return corner_colours(part.vertices, part.faces, part.colours)
    return _plain(part.vertices, part.faces, GREY)


def _z_up(path: Path, suffix: str) -> bool:
    """Whether a .ply has +z up: ours of earlier versions had +y up, and say so."""
    if suffix != ".ply":
        return False
    with path.open("rb") as stream:
        return b"\ncomment img2mesh, +Y up" not in stream.read(4096)


def _part(part: Any) -> TexturedMesh:
    """One trimesh object as a mesh with a texture, in the file's axes."""
    vertices = np.asarray(part.vertices, dtype=np.float64)
    faces = np.asarray(part.faces, dtype=np.int64)
    visual = part.visual
    kind = getattr(visual, "kind", None)
    if kind == "texture":
        picture, factor = _picture(visual.material)
        uv = None if visual.uv is None else np.asarray(visual.uv, dtype=np.float64)[:, :2]
        if picture is not None and uv is not None and len(uv) == len(vertices):
            return _wrapped(vertices, faces, uv, picture)
        return _plain(vertices, faces, factor)
    if kind == "vertex":
        return corner_colours(vertices, faces, np.asarray(visual.vertex_colors)[faces][..., :3])
    if kind == "face":
        colours = np.asarray(visual.face_colors)[:, None, :3]
        return corner_colours(vertices, faces, np.broadcast_to(colours, (len(faces), 3, 3)))
    return _plain(vertices, faces, GREY)


def _picture(material: Any) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """A material's base colour texture times its factor, (H, W, 3) uint8 or None, and its factor."""
    image = getattr(material, "baseColorTexture", None)
    if image is None:
        image = getattr(material, "image", None)
    colour = getattr(material, "main_color", None)
    factor = tuple(int(c) for c in colour[:3]) if colour is not None else GREY
    if image is None:
        return None, factor
    picture = np.asarray(image.convert("RGB"))
    scale = getattr(material, "baseColorFactor", None)
    if scale is not None and tuple(scale[:3]) != (255, 255, 255):
        picture = (picture * (np.asarray(scale[:3], dtype=np.float32) / 255) + 0.5).astype(np.uint8)
    return picture, factor


def _wrapped(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, picture: np.ndarray) -> TexturedMesh:
    """Coordinates of a repeating texture moved into [0, 1], face by face."""
    if uv.min() >= -1e-4 and uv.max() <= 1 + 1e-4:
        return TexturedMesh(vertices, faces, np.clip(uv, 0, 1), picture)
    corners = uv[faces]
    corners = np.clip(corners - np.floor(corners.min(axis=1, keepdims=True) + 1e-6), 0, 1)
    loose = np.arange(3 * len(faces)).reshape(-1, 3)
    return TexturedMesh(vertices[faces].reshape(-1, 3), loose, corners.reshape(-1, 2), picture)


def _plain(vertices: np.ndarray, faces: np.ndarray, colour: tuple[int, ...]) -> TexturedMesh:
    texture = np.full((4, 4, 3), colour, np.uint8)
    return TexturedMesh(vertices, faces, np.full((len(vertices), 2), 0.5), texture)


def _join(parts: list[TexturedMesh]) -> TexturedMesh:
    """Several meshes as one: their textures, at their own sizes, in a grid of cells."""
    if len(parts) == 1:
        return parts[0]
    columns = math.ceil(math.sqrt(len(parts)))
    rows = math.ceil(len(parts) / columns)
    tall = max(part.texture.shape[0] for part in parts)
    wide = max(part.texture.shape[1] for part in parts)
    # Pictures of a scene with many parts are shrunk so that the whole stays within 8192 pixels.
    shrink = max(1, math.ceil(columns * wide / 8192), math.ceil(rows * tall / 8192))
    tall, wide = math.ceil(tall / shrink), math.ceil(wide / shrink)
    texture = np.zeros((rows * tall, columns * wide, 3), np.uint8)
    vertices, faces, uvs, start = [], [], [], 0
    for index, part in enumerate(parts):
        picture = part.texture[::shrink, ::shrink]
        height, width = picture.shape[:2]
        top, left = index // columns * tall, index % columns * wide
        texture[top : top + height, left : left + width] = picture
        # Half a texel in, so that lookups stay within the part's own picture.
        u = left + np.clip(part.uv[:, 0] * width, 0.5, max(0.5, width - 0.5))
        v = top + np.clip((1 - part.uv[:, 1]) * height, 0.5, max(0.5, height - 0.5))
        uvs.append(np.stack([u / texture.shape[1], 1 - v / texture.shape[0]], axis=1))
        vertices.append(part.vertices)
        faces.append(part.faces + start)
        start += len(part.vertices)
    return TexturedMesh(np.concatenate(vertices), np.concatenate(faces), np.concatenate(uvs), texture)
