"""Pictures of a mesh without a display: a z-buffer in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.rasterise import Fragments, rasterise_view, sample_bilinear
from img2mesh.mesh.tangents import tangents
from img2mesh.mesh.textured_mesh import TexturedMesh

SHADES = ("none", "soft", "clay")
CLAY = np.array([0.80, 0.79, 0.77], np.float32)
MAX_LEVEL = 3  # of the texture's pyramid: beyond, charts of an atlas run into each other


@dataclass(frozen=True, eq=False)
class Shot:
    """What a camera sees of a mesh, before shading: several shadings can share it.

    Attributes:
        camera: the picture's camera, (H, W).
        supersample: the buffers below have this many samples per pixel along each axis.
        fragments: faces and weights.
        colours: (N, 3) float32 texture colours at the samples that hit, in [0, 1].
        light: (N,) float32, cosine between the smooth normal and the direction to the camera, in [0, 1].
    """

    camera: Camera
    supersample: int
    fragments: Fragments
    colours: np.ndarray
    light: np.ndarray


def take(mesh: TexturedMesh, camera: Camera, supersample: int = 2, normals: np.ndarray | None = None) -> Shot:
    """Rasterise a mesh and look its texture up (bilinear, in a level that suits the size on the screen).

    `normals`, the mesh's own (V, 3), save their computation where several shots are taken.
    """
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    fragments = rasterise_view(mesh.vertices, mesh.faces, fine)
    texture = _level(mesh, fragments)
    height, width = texture.shape[:2]
    uv = fragments.interpolate(mesh.uv, mesh.faces)
    pixels = np.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], axis=1)
    colours = sample_bilinear(texture, pixels) / 255
    normals = mapped_normals(mesh, fragments, normals)
    points = fragments.interpolate(mesh.vertices, mesh.faces)
    towards = camera.position - points
    length = np.linalg.norm(normals, axis=1) * np.linalg.norm(towards, axis=1)
    light = np.einsum("ij,ij->i", normals, towards) / np.maximum(length, 1e-12)
    return Shot(camera, supersample, fragments, colours, np.clip(light, 0, 1).astype(np.float32))


def develop(
    shot: Shot, shade: str = "none", background: tuple[int, int, int] | None = (255, 255, 255)
) -> np.ndarray:
    """Shade a shot and average its samples.

    Args:
        shade: `none` (the texture as it is), `soft` (the texture under a wide light at the camera) or `clay`
            (the shape alone).
        background: a colour, or None for a transparent picture.

    Returns:
        (H, W, 4) uint8, straight alpha; opaque where there is a background.
    """
    if shade not in SHADES:
        raise ValueError(f"Unknown shade {shade!r}: use one of {', '.join(SHADES)}.")
    colours = shot.colours
    if shade == "soft":
        colours = colours * (0.55 + 0.45 * shot.light[:, None])
    elif shade == "clay":
        colours = CLAY * (0.18 + 0.82 * shot.light[:, None])
    height, width, n = shot.camera.height, shot.camera.width, shot.supersample
    samples = np.zeros((height * n, width * n, 4), np.float32)
    samples[shot.fragments.hit, :3] = colours
    samples[shot.fragments.hit, 3] = 1
    blocks = samples.reshape(height, n, width, n, 4)
    picture = blocks.mean(axis=(1, 3))  # premultiplied by coverage
    alpha = picture[..., 3:]
    if background is None:
        colour = picture[..., :3] / np.maximum(alpha, 1e-6)
    else:
        colour = picture[..., :3] + (1 - alpha) * (np.asarray(background, np.float32) / 255)
        alpha = np.ones_like(alpha)
    return (np.clip(np.concatenate([colour, alpha], axis=-1), 0, 1) * 255 + 0.5).astype(np.uint8)


def render_mesh(
    mesh: TexturedMesh,
    camera: Camera,
    background: tuple[int, int, int] | None = (255, 255, 255),
    supersample: int = 2,
    shade: str = "none",
    normals: np.ndarray | None = None,
) -> np.ndarray:
    """A picture of a mesh from outside it.

    Args:
        mesh: in world axes; both sides of its faces are drawn.
        camera: decides the picture's size.
        background: (3,) in 0..255, or None for straight alpha.
        supersample: samples per pixel along each axis.
        shade: `none`, `soft` or `clay`; see `develop`.
        normals: (V, 3) of the mesh, if they are at hand.

    Returns:
        (H, W, 4) uint8.
    """
    return develop(take(mesh, camera, supersample, normals), shade, background)


def mapped_normals(mesh: TexturedMesh, fragments: Fragments, normals: np.ndarray | None = None) -> np.ndarray:
    """(N, 3) normals of the fragments that hit, with the normal map's relief where there is one; not of unit length.

    `normals`: the mesh's own (V, 3), if they are at hand.
    """
    own = mesh.normals() if normals is None else normals
    smooth = fragments.interpolate(own, mesh.faces)
    if mesh.normal_map is None:
        return smooth
    frame = tangents(mesh.vertices, mesh.faces, mesh.uv, own)
    along = fragments.interpolate(frame, mesh.faces)
    across = np.where(along[:, 3:] < 0, -1.0, 1.0) * np.cross(smooth, along[:, :3])
    height, width = mesh.normal_map.shape[:2]
    uv = fragments.interpolate(mesh.uv, mesh.faces)
    pixels = np.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], axis=1)
    x, y, z = (sample_bilinear(mesh.normal_map, pixels) / 127.5 - 1).T[..., None]
    return x * along[:, :3] + y * across + z * smooth


def _level(mesh: TexturedMesh, fragments: Fragments) -> np.ndarray:
    """The texture halved until a sample on the screen is about as large as a texel."""
    import cv2

    texture = mesh.texture
    shown = np.bincount(fragments.face[fragments.hit], minlength=len(mesh.faces))
    seen = shown > 0
    if not seen.any():
        return texture
    a, b, c = (mesh.uv[mesh.faces[seen, k]] for k in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    texels = area.sum() * texture.shape[0] * texture.shape[1] / shown.sum()
    level = int(np.clip(np.floor(0.5 * np.log2(max(texels, 1e-9))), 0, MAX_LEVEL))
    level = min(level, int(np.log2(min(texture.shape[:2]))))
    if level == 0:
        return texture
    height, width = (side >> level for side in texture.shape[:2])
    whole = texture[: height << level, : width << level].astype(np.float32)
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)  # exact: means of 2^k squares
