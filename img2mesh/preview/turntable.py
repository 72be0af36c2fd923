"""A mesh seen from all around: a contact sheet or an animation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.images import contact_sheet, save_png, write_animation
from img2mesh.errors import Img2MeshError
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.preview.raster import develop, render_mesh, take

FOV_DEG = 30.0  # longer than the photo's lens: less perspective, calmer pictures
ELEVATION_DEG = 15.0
SHEET_VIEWS, SHEET_COLUMNS, SHEET_SIZE = 8, 4, 256
FRAMES, FRAME_SIZE, FPS = 48, 320, 16
SUFFIXES = (".png", ".gif", ".mp4")


def check_preview_path(path: str | Path) -> Path:
    """The path, if its suffix names a format that `write_preview` knows.

    Raises:
        Img2MeshError: it does not.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise Img2MeshError(f"Cannot write a preview as {path.name}: use one of {', '.join(SUFFIXES)}.")
    return path


def write_preview(mesh: TexturedMesh, path: str | Path, sources: bool = False) -> Path:
    """Write what the mesh looks like from all around, starting at the photo's side.

    - .png: eight views, each with its texture above and as clay below.
    - .gif, .mp4: one turn under a soft light at the camera.

    Args:
        mesh: of any size and place; it is framed.
        sources: show which source each texel has its colour from instead of the colours, where the mesh knows it.
        path: its suffix decides; the file appears whole or not at all, equal meshes give equal bytes.

    Raises:
        Img2MeshError: unknown suffix, or no ffmpeg for .mp4.
    """
    path = check_preview_path(path)
    if sources and mesh.sources is not None:
        mesh = replace(mesh, texture=mesh.sources)
    if path.suffix.lower() == ".png":
        save_png(preview_sheet(mesh), path)
    else:
        write_animation(turntable_frames(mesh), path, FPS)
    return path


def write_poster(mesh: TexturedMesh, path: str | Path, size: int) -> Path:
    """Write one square picture, (size, size) with a transparent background, from a little beside the photo's side."""
    framed, radius = _centred(mesh)
    save_png(render_mesh(framed, _camera(20.0, radius, size), background=None, shade="soft"), path)
    return Path(path)


def preview_sheet(mesh: TexturedMesh, size: int = SHEET_SIZE) -> np.ndarray:
    """(H, W, 3) uint8: eight views in two bands of four; each band has textures above and clay below."""
    framed, radius = _centred(mesh)
    normals = framed.normals()
    bands, labels = [], []
    for start in range(0, SHEET_VIEWS, SHEET_COLUMNS):
        azimuths = [360 / SHEET_VIEWS * k for k in range(start, start + SHEET_COLUMNS)]
        shots = [take(framed, _camera(azimuth, radius, size), normals=normals) for azimuth in azimuths]
        for shade in ("none", "clay"):
            bands += [develop(shot, shade) for shot in shots]
            labels += [f"{azimuth:g}°" if shade == "none" else "" for azimuth in azimuths]
    return contact_sheet(bands, SHEET_COLUMNS, labels)


def turntable_frames(
    mesh: TexturedMesh, frames: int | None = None, size: int = FRAME_SIZE
) -> list[np.ndarray]:
    """`frames` (default 48) pictures (size, size, 4) uint8 of one turn, the first from the photo's side."""
    frames = frames or FRAMES
    framed, radius = _centred(mesh)
    normals = framed.normals()
    cameras = [_camera(360 / frames * k, radius, size) for k in range(frames)]
    return [render_mesh(framed, camera, shade="soft", normals=normals) for camera in cameras]


def _centred(mesh: TexturedMesh) -> tuple[TexturedMesh, float]:
    """The mesh with its bounding box centred at the origin, and the radius of the ball around it."""
    vertices = mesh.vertices - mesh.bounds.mean(axis=0)
    return replace(mesh, vertices=vertices), float(np.linalg.norm(vertices, axis=1).max()) or 1.0


def _camera(azimuth_deg: float, radius: float, size: int) -> Camera:
    distance = 1.03 * radius / math.sin(math.radians(FOV_DEG / 2))  # the ball just fits
    return orbit_camera(ELEVATION_DEG, azimuth_deg, distance, FOV_DEG, size)
