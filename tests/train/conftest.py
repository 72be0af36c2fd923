"""A small rendered data set: two-coloured balls seen from round about, in the training format."""

import io
import json
import math
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from img2mesh.core.camera import orbit_camera
from img2mesh.models.occupancy import OccupancyNetwork, predict
from img2mesh.train.config import TrainConfig


def ball(camera, colours, radius=0.35):
    """(256, 256, 4) uint8: a ball, one colour on its +x half, another on its -x half."""
    origins, directions = camera.rays()
    b = (origins * directions).sum(-1)
    disc = b**2 - (camera.distance**2 - radius**2)
    t = -b - np.sqrt(np.maximum(disc, 0))
    points = origins + t[..., None] * directions
    rgba = np.zeros((camera.height, camera.width, 4), np.uint8)
    rgba[..., :3] = np.where(points[..., :1] > 0, colours[0], colours[1])
    rgba[..., 3] = np.where(disc > 0, 255, 0)
    return rgba


def add_solid(archive, name, agreement, radius=0.35):
    """A ball's inside, as the packs of solids have it; its lower half counts as thin."""
    axis = (np.arange(64) + 0.5) / 64 - 0.5
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = x**2 + y**2 + z**2 < radius**2
    stream = io.BytesIO()
    parts = {"inside": ball, "thin": ball & (z < -0.3)}
    packed = {key: np.packbits(value) for key, value in parts.items()}
    np.savez_compressed(stream, **packed, agreement=np.float32(agreement))
    member = tarfile.TarInfo(f"{name}/solid.npz")
    member.size = len(stream.getvalue())
    archive.addfile(member, io.BytesIO(stream.getvalue()))


@pytest.fixture(scope="session")
def renders(tmp_path_factory):
    """Folder of four objects with six views each and their objects.jsonl."""
    folder = tmp_path_factory.mktemp("renders")
    rng = np.random.default_rng(0)
    rows = []
    for k in range(4):
        name = f"ball{k}"
        colours = rng.integers(0, 255, (2, 3))
        (folder / name).mkdir()
        frames = []
        for i in range(6):
            elevation, azimuth, radius = 0.2 * (i % 3), 2 * math.pi * i / 6, 1.5 + 0.1 * i
            camera = orbit_camera(math.degrees(elevation), math.degrees(azimuth), radius)
            Image.fromarray(ball(camera, colours)).save(folder / name / f"{i:03d}.webp", lossless=True)
            frames.append(
                {
                    "file": f"{i:03d}.webp",
                    "elevation": elevation,
                    "azimuth": azimuth,
                    "radius": radius,
                    "c2w": camera.c2w.tolist(),
                }
            )
        content = {"id": name, "fov_deg": 49.1, "coverage": 0.2, "coloured": True, "frames": frames}
        (folder / name / "cameras.json").write_text(json.dumps(content))
        rows.append(
            {"id": name, "group": f"group{k // 2}", "source": "test", "licence": "CC0", "cls": "props"}
        )
    with tarfile.open(folder / "solids.tar", "w") as archive:
        for row in rows:
            add_solid(archive, row["id"], 0.95)
    (folder / "objects.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder


@pytest.fixture
def quick(renders, tmp_path):
    """The recipe that tests begin from: the balls, no pictures, float32 on the CPU."""
    return TrainConfig(
        data=str(renders),
        run=str(tmp_path / "run"),
        metrics="",
        picture_every=0,
        log_every=4,
        bf16=False,
        device="cpu",
    )


@pytest.fixture
def mirrored_guesses():
    """What one random network says of a lopsided picture, and of its mirror image."""
    torch.manual_seed(0)
    net = OccupancyNetwork((8, 16), 8, False).eval()
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[64:192, 96:208] = (200, 40, 40, 255)
    rgba[100:128, 150:] = (20, 40, 140, 255)
    return predict(net, rgba, 1.6), predict(net, np.ascontiguousarray(rgba[:, ::-1]), 1.6)
