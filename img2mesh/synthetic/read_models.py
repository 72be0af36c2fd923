"""Reads glTF, OBJ, PLY and COLLADA into world axes, with their textures and colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from img2mesh.core.srgb import to_linear
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.model import Material, Model

UPS = ("auto", "y", "z")
LARGEST_TEXTURE = 1024  # pixels; an object is about 200 pixels wide in a render
GREY = 0.75  # sRGB, of what has no colour
_AXES = {  # rows: world x, y, z as combinations of the file's axes; the front is +Z of y-up and -Y of z-up files
    "y": np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=np.float64),
    "z": np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float64),
}


def read_model(path: str | Path, up: str = "auto") -> Model:
    """A model in world axes, not yet centred or scaled.

    Args:
        path: .glb, .gltf, .obj, .ply or .dae (needs the package pycollada).
        up: which axis of the file is up: `y`, `z`, or `auto`: +Y, as glTF prescribes and most OBJ files (ours
            among them) have it, except where a .dae file names another.

    Raises:
        Img2MeshError: the file cannot be read, or holds no triangles.
    """
    import trimesh

    path = Path(path)
    if path.suffix.lower() == ".dae":
        _need_collada()
    try:
        scene = trimesh.load_scene(path, process=False)
        parts = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    except Exception as error:  # whatever a foreign file makes a reader do, it is the file that is broken
        text = " ".join(str(error).split())[:200]
        raise Img2MeshError(f"Cannot read {path.name}: {type(error).__name__} {text}") from None
    if not parts:
        raise Img2MeshError(f"{path.name} holds no triangles.")
    model = _joined([_part(part, path.suffix.lower()) for part in parts])
    axes = _AXES[_up_axis(path, up)]
    faces, uv, colour, material = _usable(model)
    return Model(model.vertices @ axes.T, faces, uv, colour, material, model.materials)


def _up_axis(path: Path, up: str) -> str:
    if up not in UPS:
        raise Img2MeshError(f"The up axis must be one of {', '.join(UPS)}, not {up!r}.")
    if up == "auto" and path.suffix.lower() == ".dae":
        found = re.search(rb"<up_axis>\s*Z_UP\s*</up_axis>", path.read_bytes())
        return "z" if found else "y"
    return "y" if up == "auto" else up


def _need_collada() -> None:
    from importlib.util import find_spec

    if find_spec("collada") is None:
        raise Img2MeshError("Reading .dae files needs the package pycollada.")


def _usable(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Faces, uv, colour and material without faces that have no area or a vertex that is no number."""
    corners = model.vertices[model.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    good = np.isfinite(corners).all(axis=(1, 2)) & (np.abs(cross).max(axis=1) > 0)
    if not good.any():
        raise Img2MeshError("All faces of the model are degenerate.")
    return model.faces[good], model.uv, model.colour, model.material[good]


def _joined(parts: list[Model]) -> Model:
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    return Model(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)]),
        np.concatenate([part.uv for part in parts]),
        np.concatenate([part.colour for part in parts]),
        np.concatenate([part.material + i for i, part in enumerate(parts)]),
        tuple(part.materials[0] for part in parts),
    )


def _part(mesh: Any, suffix: str) -> Model:
    """One trimesh mesh with one material, in the file's axes."""
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    uv, colour = np.zeros((len(vertices), 2)), np.ones((len(vertices), 4), dtype=np.float32)
    linear = suffix in (
        ".glb",
        ".gltf",
    )  # glTF's factors and vertex colours are linear, elsewhere they are sRGB
    visual, material = mesh.visual, Material(np.array([*[to_linear(np.array(GREY))] * 3, 1.0]))
    given, own = None, getattr(visual, "material", None)
    if visual.kind == "texture":
        material = _material(own, linear)
        given = getattr(visual, "vertex_attributes", {}).get("color")
        if getattr(visual, "uv", None) is not None and len(visual.uv) == len(vertices):
            uv = np.nan_to_num(np.asarray(visual.uv, dtype=np.float64)[:, :2])
        elif material.texture is not None:
            material = Material(material.colour)
    elif visual.kind == "vertex":
        given, material = visual.vertex_colors, Material(np.ones(4))
    elif visual.kind == "face":
        # One colour per face: no vertex is shared any more.
        vertices, colour = vertices[faces].reshape(-1, 3), colour[:0]
        given, material = np.repeat(visual.face_colors, 3, axis=0), Material(np.ones(4))
        uv, faces = np.zeros((len(vertices), 2)), np.arange(len(vertices)).reshape(-1, 3)
    if given is not None and len(given) == len(vertices):
        colour = _unit(np.asarray(given))
        if not linear:
            colour[:, :3] = to_linear(colour[:, :3])
    return Model(vertices, faces, uv, colour, np.zeros(len(faces), dtype=np.int64), (material,))


def _unit(colour: np.ndarray) -> np.ndarray:
    """(N, 3 or 4) of any type to (N, 4) float32 in [0, 1]."""
    scale = np.iinfo(colour.dtype).max if colour.dtype.kind in "ui" else 1
    rgba = np.ones((len(colour), 4), dtype=np.float32)
    rgba[:, : colour.shape[1]] = colour[:, :4] / scale
    return np.clip(np.nan_to_num(rgba), 0, 1)


def _material(source: Any, linear: bool) -> Material:
    """From trimesh's `PBRMaterial` (glTF, COLLADA) or `SimpleMaterial` (OBJ)."""
    import trimesh

    if isinstance(source, trimesh.visual.material.PBRMaterial):
        factor = source.baseColorFactor
        colour = np.ones(4) if factor is None else _unit(np.asarray(factor)[None])[0].astype(np.float64)
        picture, mode = source.baseColorTexture, (source.alphaMode or "OPAQUE").lower()
        cutoff = 0.5 if source.alphaCutoff is None else float(source.alphaCutoff)
    else:
        picture, mode, cutoff = getattr(source, "image", None), "opaque", 0.5
        colour = np.ones(4)
        if picture is None:  # with a texture, writers leave anything in Kd, black too
            diffuse = getattr(source, "diffuse", None)
            colour = np.ones(4) if diffuse is None else _unit(np.asarray(diffuse)[None])[0].astype(np.float64)
    if not linear:
        colour[:3], colour[3] = (
            to_linear(colour[:3]),
            1.0,
        )  # transparency is written the wrong way round too often
    texture = None if picture is None else _texture(picture)
    if texture is not None and not linear and (texture[..., 3] < 16).mean() > 0.01:
        mode = "mask"  # leaves and grids: formats without an alpha mode mean it so
    return Material(colour, texture, mode if mode in ("mask", "blend") else "opaque", cutoff)


def _texture(picture: Any) -> np.ndarray:
    """(H, W, 4) uint8, reduced to `LARGEST_TEXTURE`."""
    from PIL import Image

    picture = picture.convert("RGBA")
    longest = max(picture.size)
    if longest > LARGEST_TEXTURE:
        size = [max(1, round(side * LARGEST_TEXTURE / longest)) for side in picture.size]
        picture = picture.resize(size, Image.Resampling.BOX)
    return np.asarray(picture)
