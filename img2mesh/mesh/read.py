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
    logging.getLogger("trimesh").addHandler(
        logging.NullHandler()
    )  # it logs tracebacks of textures that are missing
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise Img2MeshError(f"Cannot read a mesh from {path.name}: use one of {', '.join(READABLE)}.")
    if not path.is_file():
        raise Img2MeshError(f"No such mesh file: {path}.")
    try:
        mesh = _archive(path, suffix) if suffix in (".3mf", ".usdz") else _by_trimesh(path, suffix)
        _check(mesh.vertices, mesh.faces)
    except (Img2MeshError, MemoryError):
        raise
    except Exception as error:  # parsers raise whatever the bytes lead them to
        reason = " ".join(str(error).split()).rstrip(".")[:120] or type(error).__name__
        raise Img2MeshError(f"Cannot read {path.name} as a mesh: {reason}.") from None
    return mesh


def _by_trimesh(path: Path, suffix: str) -> TexturedMesh:
    import trimesh

    scene = trimesh.load_scene(path, process=False)
    parts = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    for part in parts:
        _check(part.vertices, part.faces)
    if not parts:
        raise Img2MeshError(f"{path.name} holds no triangles.")
    mesh = _join([_part(part) for part in parts])
    back = from_stl if suffix == ".stl" else from_z_up if _z_up(path, suffix) else from_gltf
    return TexturedMesh(back(mesh.vertices), mesh.faces, mesh.uv, mesh.texture)


def _check(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Positions and triangles are what they should be.

    Raises:
        ValueError: they are not.
    """
    if np.ndim(vertices) != 2 or np.shape(vertices)[1] != 3 or not np.isfinite(vertices).all():
        raise ValueError("its vertices are no points in space")
    if np.ndim(faces) != 2 or np.shape(faces)[1] != 3 or not len(faces):
        raise ValueError("it holds no triangles")
    if np.min(faces) < 0 or np.max(faces) >= len(vertices):
        raise ValueError("its triangles name vertices that are not there")


def _archive(path: Path, suffix: str) -> TexturedMesh:
    """3MF and USDZ, which trimesh does not read by itself."""
    if suffix == ".usdz":
        from img2mesh.mesh.usdz import read_usdz

        return read_usdz(path)
    from img2mesh.mesh.read_threemf import read_threemf

    parts = read_threemf(path)
    for part in parts:
        _check(part.vertices, part.faces)
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
        uv = None if visual.uv is None else np.asarray(visual.uv, dtype=np.float64)
        fits = uv is not None and uv.ndim == 2 and len(uv) == len(vertices) and uv.shape[1] >= 2
        if picture is not None and uv is not None and fits and np.isfinite(uv[:, :2]).all():
            return _wrapped(vertices, faces, uv[:, :2], picture)
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
    try:
        picture = None if image is None else np.asarray(image.convert("RGB"))
    except Exception:  # the triangles are there all the same
        picture = None
    if picture is None:
        return None, factor
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
