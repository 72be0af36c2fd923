"""Renders many models into a dataset that `img2mesh train` reads; stops and resumes at any object."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.camera import FOV_DEG, IMAGE_SIZE, Camera, w2c_from_camera
from img2mesh.core.files import atomic_file, atomic_folder
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.camera_sampling import random_cameras
from img2mesh.synthetic.lighting import random_light
from img2mesh.synthetic.model_files import find_models, parse_shard, shard_of
from img2mesh.synthetic.pack import contact_sheet_of, finished_ids, pack
from img2mesh.synthetic.read_models import UPS, read_model
from img2mesh.synthetic.render import Engine, load_engine
from img2mesh.synthetic.voxelize import SOLID_FILE, true_solid

COLOURED = 20  # largest minus smallest channel above which a pixel counts as coloured; lamps tint by less


@dataclass(frozen=True)
class RenderOptions:
    """What decides the pixels; equal options give equal bytes, whatever the order or the shard.

    Attributes:
        views: per object. elevation_deg, distance: ranges of the cameras (`poses.random_cameras`).
        seed: of cameras and light, together with the object's id.
        engine: `embree` or `blender`. up: axis of the files (`read.read_model`). size: side in pixels.
        w2c: also write the paper's files, one `NNN.npy` with a 3x4 world-to-camera matrix per view.
    """

    views: int = 12
    elevation_deg: tuple[float, float] = (-20.0, 75.0)
    distance: tuple[float, float] = (1.5, 2.2)
    seed: int = 0
    engine: str = "embree"
    up: str = "auto"
    size: int = IMAGE_SIZE
    w2c: bool = False

    def __post_init__(self) -> None:
        low, high = self.elevation_deg
        near, far = self.distance
        if self.views < 2:
            raise Img2MeshError(f"--views must be at least 2, a pair, not {self.views}.")
        if not -90 <= low <= high <= 90:
            raise Img2MeshError(f"Elevations must rise from -90 to 90 at most, not {low:g} to {high:g}.")
        if not 0.9 < near <= far < 100:
            raise Img2MeshError(f"--distance must rise, from outside the object (0.9), not {near:g} {far:g}.")
        if not 16 <= self.size <= 4096:
            raise Img2MeshError(f"--size must be from 16 to 4096 pixels, not {self.size}.")
        if self.up not in UPS:
            raise Img2MeshError(f"--up must be one of {', '.join(UPS)}, not {self.up!r}.")
        if self.seed < 0:
            raise Img2MeshError(f"--seed must not be negative, as {self.seed} is.")


@dataclass(frozen=True)
class Outcome:
    """What a call did: ids rendered now, ids found finished, and (id, file, reason) of broken models."""

    rendered: tuple[str, ...]
    skipped: tuple[str, ...]
    broken: tuple[tuple[str, str, str], ...]


def render_dataset(
    sources: Sequence[str | Path],
    folder: str | Path,
    options: RenderOptions | None = None,
    *,
    shard: str = "0/1",
    packed: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Render every model of `sources` that the dataset does not hold yet.

    Each object's folder `<id>/` (NNN.webp, cameras.json, and `SOLID_FILE` of closed models) appears whole or not at
    all. Models that cannot be read or rendered go into `broken.txt` (`broken-i-of-n.txt` with shards): id, file and
    reason, tab-separated; the next call tries them again. `contact.png` shows a part of what is there.

    Args:
        sources: see `find_models`.
        shard: "i/n": this call's share; other machines may write into the same folder at the same time.
        packed: gather this call's objects in an uncompressed `renders-NNN.tar` and remove their folders.

    Raises:
        Img2MeshError: nothing to render, bad options, or an engine that is not installed.
    """
    options, progress, folder = options or RenderOptions(), progress or Progress(), Path(folder)
    index, count = parse_shard(shard)
    models = shard_of(find_models(sources), shard)
    engine = load_engine(options.engine)
    folder.mkdir(parents=True, exist_ok=True)
    done = finished_ids(folder)
    todo = [(name, path) for name, path in models if name not in done]
    rendered, broken = [], []
    with progress.stage("render", len(todo)) as step:
        for name, path in todo:
            try:
                render_object(name, path, folder / name, options, engine)
                rendered.append(name)
            except Exception as error:  # one bad model must not cost the others
                reason = (
                    str(error) if isinstance(error, Img2MeshError) else f"{type(error).__name__}: {error}"
                )
                broken.append((name, str(path), " ".join(reason.split())))
                progress.warn(f"{name}: {broken[-1][2]}")
            step(1)
    record = folder / ("broken.txt" if count == 1 else f"broken-{index}-of-{count}.txt")
    _write_broken(record, broken)
    skipped = tuple(name for name, _ in models if name in done)
    finished = {*done, *rendered}
    if finished:
        sheet = folder / ("contact.png" if count == 1 else f"contact-{index}-of-{count}.png")
        contact_sheet_of(folder, [name for name, _ in models if name in finished], sheet)
    if packed and rendered:
        pack(folder, rendered, index)
    return Outcome(tuple(rendered), skipped, tuple(broken))


def render_object(name: str, path: Path, target: Path, options: RenderOptions, engine: Engine) -> None:
    """Render one model into the folder `target`.

    Raises:
        Img2MeshError: the model cannot be read, has no extent, or nothing of it is seen.
    """
    model = read_model(path, options.up).normalised()
    rng = np.random.default_rng([options.seed, zlib.crc32(name.encode())])
    light = random_light(rng)
    cameras = random_cameras(options.views, rng, options.elevation_deg, options.distance, options.size)
    engine.open(model, light)
    pictures = [engine.draw(camera) for camera in cameras]
    coverage = float(np.mean([picture[..., 3].mean() / 255 for picture in pictures]))
    if coverage == 0:
        raise Img2MeshError(f"Nothing of {path.name} is seen: all of it is transparent.")
    record = {
        "id": name,
        "source": path.name,
        "fov_deg": FOV_DEG,
        "extents": [round(float(side), 5) for side in model.extents],
        "faces": len(model.faces),
        "coverage": round(coverage, 4),
        "coloured": _coloured(pictures),
        "options": asdict(options),
        "frames": [frame(camera, f"{i:03d}.webp") for i, camera in enumerate(cameras)],
    }
    solid = true_solid(model)
    with atomic_folder(target) as temporary:
        for i, (picture, camera) in enumerate(zip(pictures, cameras, strict=True)):
            image = Image.fromarray(picture)
            image.save(temporary / f"{i:03d}.webp", quality=92, alpha_quality=100, method=4)
            if options.w2c:
                np.save(temporary / f"{i:03d}.npy", w2c_from_camera(camera))
        if solid is not None:
            np.savez_compressed(temporary / SOLID_FILE, inside=solid)
        (temporary / "cameras.json").write_text(json.dumps(record))


def frame(camera: Camera, file: str) -> dict:
    """A camera as the dataset's JSON has it: angles in radians, distance, camera to world."""
    return {
        "file": file,
        "elevation": float(np.radians(camera.elevation_deg)),
        "azimuth": float(np.radians(camera.azimuth_deg)),
        "radius": camera.distance,
        "c2w": np.round(camera.c2w, 9).tolist(),
    }


def _coloured(pictures: Sequence[np.ndarray]) -> bool:
    """Whether more than two per cent of the opaque pixels have a hue."""
    pixels = np.concatenate([picture[picture[..., 3] > 250][:, :3].astype(int) for picture in pictures])
    return bool(len(pixels) and (np.ptp(pixels, axis=1) > COLOURED).mean() > 0.02)


def _write_broken(path: Path, broken: Sequence[tuple[str, str, str]]) -> None:
    if broken:
        with atomic_file(path) as temporary:
            temporary.write_text("".join("\t".join(row) + "\n" for row in broken), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
