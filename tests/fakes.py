"""Stand-ins for the expensive rooms: a sampler that knows the true object, a photo of it, a quick mesh."""

from __future__ import annotations

import io
import math
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np

from img2mesh.core.camera import DISTANCE, FOV_DEG, Camera, orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.progress import Progress
from img2mesh.core.shape import Shape
from img2mesh.models.sampler import RelativeViews
from img2mesh.photos.circular_motion import place_turn
from img2mesh.photos.silhouette_coherence import place

RADII = np.array([0.30, 0.42, 0.5])  # half axes of the ellipsoid along x, y, z
HALF, CELLS = 0.72, 32  # depth and cells of guessed bodies


def ellipsoid(camera: Camera, centre=(0.0, 0.0, 0.0), scale: float = 1.0) -> np.ndarray:
    """True picture (H, W, 4) uint8 of an ellipsoid whose colour is its position."""
    origins, directions = camera.rays()
    o = (origins - np.asarray(centre)) / (RADII * scale)
    d = directions / (RADII * scale)
    a, b, c = (d * d).sum(-1), (o * d).sum(-1), (o * o).sum(-1) - 1
    root = b * b - a * c
    hit = root > 0
    t = (-b - np.sqrt(np.where(hit, root, 0))) / a
    point = o + t[..., None] * d
    rgb = np.where(hit[..., None], 0.5 + 0.45 * point, 1.0)
    rgba = np.concatenate([rgb, hit[..., None]], -1)
    return np.round(np.clip(rgba, 0, 1) * 255).astype(np.uint8)


def ellipsoid_body(camera: Camera) -> Body:
    """What a perfect network would say about the ellipsoid, seen by a camera."""
    cell = (np.arange(CELLS) + 0.5) / CELLS
    depth, v, u = np.meshgrid(camera.distance + HALF * (2 * cell - 1), cell, cell, indexing="ij")
    pixels = np.stack([u * camera.width, v * camera.height], -1).reshape(-1, 2)
    origins, directions = camera.rays(pixels)
    axial = -directions @ camera.c2w[:3, 2]
    points = origins + directions * (depth.reshape(-1) / axial)[:, None]
    value = 1 - np.sqrt(((points / RADII) ** 2).sum(-1))  # above 0 inside
    chance = 1 / (1 + np.exp(-value / 0.05))
    return Body(chance.reshape(CELLS, CELLS, CELLS).astype(np.float32), camera, HALF)


def hollow_and_filled(camera: Camera) -> tuple[Body, Body]:
    """Faint guesses of the ellipsoid with nothing in it, and of the whole."""
    outer = ellipsoid_body(camera).occupancy
    inner = np.zeros_like(outer)
    inner[1:-1, 1:-1, 1:-1] = np.minimum.reduce(
        [np.roll(outer, k, axis) for axis in range(3) for k in (-2, 2)]
    )[1:-1, 1:-1, 1:-1]
    return Body(0.3 * (outer - 0.95 * inner), camera, HALF), Body(0.3 * outer, camera, HALF)


@lru_cache(maxsize=512)
def _from(elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """The ellipsoid as models draw it; hundreds of tests ask for the same dozens of views."""
    picture = ellipsoid(orbit_camera(elevation_deg, azimuth_deg))
    picture.flags.writeable = False
    return picture


class Counter(Progress):
    """Counts the steps that stages announce and those that they make."""

    def __init__(self) -> None:
        super().__init__()
        self.done = self.total = 0

    def _begin(self, name, total):
        self.total += total

        def step(n=1):
            self.done += n

        return step


class Listener(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.notes, self.warnings = [], []

    def note(self, text):
        self.notes.append(text)

    def warn(self, text):
        self.warnings.append(text)


class FakeModel(RelativeViews):
    """Answers `sample` with true pictures of the ellipsoid, seen by a photo camera at `elevation_deg`."""

    name, licence, source, dtype = "fake", "MIT", None, "float32"
    distance, fov_deg, default_steps, default_guidance = DISTANCE, FOV_DEG, 4, 1.0

    def __init__(self, elevation_deg: float = 30.0, predicts_alpha: bool = True) -> None:
        self.elevation_deg, self.alpha = elevation_deg, predicts_alpha
        self.calls: list[dict] = []

    @property
    def predicts_alpha(self) -> bool:
        return self.alpha

    def sample(self, image_rgba, poses, *, steps, guidance, seed, batch, input_elevation_deg=None, step=None):
        self.calls.append({"poses": poses, "seed": seed, "elevation": input_elevation_deg})
        pictures = []
        for polar, sine, cosine, _ in poses:
            elevation = self.elevation_deg - math.degrees(polar)
            rgba = _from(elevation, math.degrees(math.atan2(sine, cosine)))
            if not self.predicts_alpha:
                rgba = rgba.copy()
                rgba[rgba[..., 3] == 0] = 255
                rgba[..., 3] = 255
            pictures.append(rgba)
            if step is not None:
                step(steps)
        return np.stack(pictures)


class FakeCutout:
    """The ellipsoid's photo as the segment room hands it on."""

    method, warnings, confidence, doubtful, notes = "alpha", (), 1.0, False, ()

    def __init__(self, elevation_deg: float = 30.0, size: int = 512) -> None:
        self.rgba = ellipsoid(orbit_camera(elevation_deg, 0.0, size=size))

    def resized(self, size: int = 256) -> np.ndarray:
        from img2mesh.core.images import resize_rgba

        return resize_rgba(self.rgba, size, size)


def photo_file(path: Path, elevation_deg: float = 30.0, size: int = 320) -> Path:
    """Write the ellipsoid's photo, with its alpha channel."""
    path.write_bytes(_png(elevation_deg, size))
    return path


@cache
def _png(elevation_deg: float, size: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(ellipsoid(orbit_camera(elevation_deg, 0.0, size=size)), "RGBA").save(stream, "PNG")
    return stream.getvalue()


def ball(seed: int = 0):
    """A small closed textured mesh: the ellipsoid with a chart per octant seam left out."""
    from img2mesh.mesh import TexturedMesh

    n, m = 12, 16
    polar = np.linspace(0, np.pi, n + 1)
    turn = np.linspace(0, 2 * np.pi, m + 1)
    grid_p, grid_t = np.meshgrid(polar, turn, indexing="ij")
    unit = np.stack([np.sin(grid_p) * np.cos(grid_t), np.sin(grid_p) * np.sin(grid_t), np.cos(grid_p)], -1)
    unit[:, -1] = unit[:, 0]  # the seam and the poles are bitwise equal
    unit[0], unit[-1] = (0, 0, 1), (0, 0, -1)
    uv = np.stack([grid_t / (2 * np.pi), 1 - grid_p / np.pi], -1)
    faces = []
    for i in range(n):
        for j in range(m):
            a, b = i * (m + 1) + j, (i + 1) * (m + 1) + j
            if i > 0:
                faces.append((a, b, a + 1))
            if i < n - 1:
                faces.append((b, b + 1, a + 1))
    texture = np.random.default_rng(seed).integers(60, 200, (64, 64, 3), dtype=np.uint8)
    return TexturedMesh(
        unit.reshape(-1, 3) * RADII, np.array(faces, dtype=np.int64), uv.reshape(-1, 2), texture
    )


def fake_rooms(monkeypatch) -> None:
    """Let the pipeline segment for real, but synthesize, fit and mesh the ellipsoid within milliseconds.

    Its outline is round as a plate's, in which a picture could be framed; that question takes half a second, and the
    segment room's own tests ask it.
    """
    from img2mesh.timing import SamplerTime

    monkeypatch.setattr("img2mesh.segment.find.is_disc", lambda alpha: False)
    monkeypatch.setattr("img2mesh.models.load_model", lambda *a, **k: FakeModel(), raising=False)
    monkeypatch.setattr("img2mesh.timing.time_sampler", lambda *a, **k: SamplerTime(0.01, 0.01))
    monkeypatch.setattr("img2mesh.views.synthesize.find_elevation", _sure, raising=True)
    monkeypatch.setattr("img2mesh.views.orbit.find_elevation", _sure, raising=True)
    fake_reconstruction(monkeypatch)
    monkeypatch.setattr("img2mesh.preview.write_preview", _one_picture)
    monkeypatch.setattr("img2mesh.photos.place.place", partial(place, steps=3))
    monkeypatch.setattr("img2mesh.photos.place.MISFIT", 1.0)
    monkeypatch.setattr("img2mesh.photos.turntable.place_turn", partial(place_turn, steps=3))


def fake_reconstruction(monkeypatch) -> list:
    """Let whatever views there are give the ellipsoid; the list of view sets that a shape was asked for."""
    from types import SimpleNamespace

    asked = []
    field = SimpleNamespace(
        bounds=np.array([[-0.5] * 3, [0.5] * 3]),
        sdf=lambda points: (np.linalg.norm(points / RADII, axis=1) - 1) * 0.3,
        colour=lambda points: np.clip(points + 0.5, 0, 1),
        cells=0,
    )
    monkeypatch.setattr("img2mesh.timing.time_field", lambda *a, **k: 0.01)

    def shape_of(views, *arguments) -> Shape:
        asked.append(views)
        return Shape(field, views, {"backend": "fake"})

    monkeypatch.setattr("img2mesh.shape.reconstruct.shape_from_photo", shape_of)
    monkeypatch.setattr("img2mesh.multiview.reconstruct.shape_from_views", shape_of)
    monkeypatch.setattr("img2mesh.photos.reconstruct.shape_from_photos", shape_of)
    monkeypatch.setattr("img2mesh.mesh.build_mesh", lambda *a, **k: ball())
    return asked


def _one_picture(mesh, path, sources=False) -> None:
    """A preview of one small view in place of eight large ones or a whole turn."""
    from img2mesh.core.images import save_png, write_animation
    from img2mesh.preview import render_mesh

    picture = render_mesh(mesh, orbit_camera(20.0, 30.0, size=64))
    if Path(path).suffix == ".png":
        save_png(picture, path)
    else:
        write_animation([picture, picture], path)


def _sure(*arguments):
    return 30.0, {"elevation_confidence": 1.0, "elevation_source": "estimated", "warnings": []}
