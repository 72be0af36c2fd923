"""Train the fusion network (`models.photo_fusion`): photos of several sides, as people take them, of known solids.

The photos are renders of a training set, two to six of an object, near the directions that people name. Cameras are
wrong as placed ones are (`photos.place`): by some degrees, by some hundredths of the size and the place, by a tenth of
the distance. What the occupancy network says of each photo is kept on disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.camera import DISTANCE, FOV_DEG, Camera
from img2mesh.core.files import atomic_file
from img2mesh.core.images import resize_rgba
from img2mesh.models.occupancy import HALF
from img2mesh.models.photo_fusion import FusionNetwork
from img2mesh.photos.evidence import CELLS, CONE, LATTICE, Witness, box, features
from img2mesh.segment.cutout import recentre, window_of
from img2mesh.train.dataset import RenderSet

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler

SIDE = 128  # pixels of the silhouettes
RATIO = 0.7  # the settings' foreground_ratio
LOW, HIGH = -12.0, 42.0  # elevations of photos from the side; from `ABOVE` on they are from above
ABOVE = 55.0
SIDES = (180.0, 90.0, -90.0)  # azimuths that people name, from the front's
OFF = 22.0  # degrees by which a photo may stand beside its side's azimuth
TOP = 999.0  # in place of the azimuth of a photo from above
NUMBERS = (0.1, 0.25, 0.15, 0.5)  # chances of none to three further sides
ERRORS = {"front": 6.0, "elevation": 5.0, "azimuth": 4.0, "distance": 0.12, "size": 0.012, "place": 0.006}
AGREEMENT = 0.75  # of a solid's silhouettes with the renders', at least
DRAWN = 1200  # cells of a sample
NEAR = 0.25 * CONE  # world units beyond the hull within which cells are drawn
VOLUME = (
    300  # cells added to the volume by whose share an error counts: thin things count as much as thick ones
)
HELD = 20  # one object in so many is held out
STEPS, BATCH, RATE = 3000, 4096, 2e-3


def collect(
    data: RenderSet, model: Sampler, folder: Path, prefix: str, count: int, step: Callable[[], None]
) -> None:
    """Write what the occupancy network says of photos of `count` objects into a folder, one file an object.

    What is there is kept. Objects of unknown solids, and those without views of several sides, are passed over.
    """
    rng = np.random.default_rng(0)
    order = rng.choice(len(data), size=min(count, len(data)), replace=False, p=data.probabilities())
    for k in order:
        item, place = data.objects[k], folder / f"{prefix}-{data.objects[k].id.replace('/', '_')}.npz"
        step()
        solid = None if place.exists() else data.solid(int(k))
        if solid is None or solid.agreement < AGREEMENT:
            continue
        views = chosen_views(np.degrees(item.angles[:, 0]), np.degrees(item.angles[:, 1]), rng)
        found = [_photographed(data.read(int(k), view), item.angles[view], model) for view, _ in views]
        if len(found) < 2 or any(each is None for each in found):
            continue
        masks, cameras, guesses = zip(*(each for each in found if each is not None), strict=True)
        with atomic_file(place) as stream:
            np.savez_compressed(
                stream,
                masks=np.stack(masks),
                cams=np.array(cameras, np.float32),
                occ=np.stack(guesses),
                sides=np.array([side for _, side in views]),
                solid=(np.clip(solid.share, 0, 1) * 255).astype(np.uint8),
            )


def chosen_views(
    elevations: np.ndarray, azimuths: np.ndarray, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Numbers of views and the sides that they show, the front (0) first; degrees."""
    upright = (elevations > LOW) & (elevations < HIGH)
    low = np.flatnonzero(upright)
    if len(low) < 3:
        return []
    front = int(rng.choice(low))
    found = [(front, 0.0)]
    for side in SIDES:
        away = np.abs((azimuths - azimuths[front] - side + 180) % 360 - 180)
        away[~upright] = np.inf
        nearest = int(away.argmin())
        if away[nearest] < OFF and nearest not in [view for view, _ in found]:
            found.append((nearest, side))
    found += [(int(view), TOP) for view in np.flatnonzero(elevations > ABOVE)[:1]]
    more = [int(view) for view in low if view not in [v for v, _ in found]][:2]
    return found + [(view, float((azimuths[view] - azimuths[front]) % 360)) for view in more]


def _photographed(
    rgba: np.ndarray, angles: np.ndarray, model: Sampler
) -> tuple[np.ndarray, list[float], np.ndarray] | None:
    """A render as a photo: silhouette, camera (angles, radius, focal length and principal point in sides), guess."""
    if not (rgba[..., 3] >= 128).any():
        return None
    left, upper, side = window_of(rgba[..., 3], RATIO)
    square = resize_rgba(recentre(rgba, RATIO), 256, 256)
    guess = model.guess(square)
    if guess is None:
        return None
    focal = 0.5 * len(rgba) / np.tan(np.radians(FOV_DEG) / 2)
    camera = [*angles, focal / side, (len(rgba) / 2 - left) / side, (len(rgba) / 2 - upper) / side]
    return resize_rgba(square, SIDE, SIDE)[..., 3], camera, np.round(guess.occupancy * 255).astype(np.uint8)


def sample(record: dict[str, np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 24) of cells of `photos.evidence`'s lattice and how far they are inside, (N,) in [0, 1].

    Args:
        record: of a file of `collect`.
    """
    sides = record["sides"]
    named = [k for k in range(1, len(sides)) if sides[k] in (180, 90, -90)]
    rng.shuffle(named)
    use = [0, *named[: rng.choice(4, p=NUMBERS)]]
    if rng.random() < 0.25:
        use += [k for k in range(1, len(sides)) if sides[k] == TOP]
    if rng.random() < 0.25:
        more = [k for k in range(1, len(sides)) if k not in use and sides[k] != TOP]
        use += more[: rng.integers(1, 3)]
    noise = float(rng.random() < 0.8)
    witnesses, turns = [], []
    for k in use:
        elevation, azimuth, distance, focal, cx, cy = (float(n) for n in record["cams"][k])
        azimuth -= float(record["cams"][0, 1])
        turns.append(_turn(elevation, azimuth))
        unit = distance / focal * (0.5 / np.tan(np.radians(FOV_DEG) / 2)) / DISTANCE
        first = k == use[0]
        elevation += noise * np.radians(rng.normal() * ERRORS["front" if first else "elevation"])
        farther = np.exp(noise * rng.normal() * ERRORS["distance"])
        focal, distance = focal * farther, distance * farther
        if not first:
            azimuth += noise * np.radians(rng.normal() * ERRORS["azimuth"])
            focal *= np.exp(noise * rng.normal() * ERRORS["size"])
            cx, cy = np.array([cx, cy]) + noise * rng.normal(size=2) * ERRORS["place"]
        c2w = np.eye(4)
        c2w[:3, :3] = _turn(elevation, azimuth)
        c2w[:3, 3] = c2w[:3, 2] * distance
        camera = Camera(c2w, focal * SIDE, focal * SIDE, cx * SIDE, cy * SIDE, SIDE, SIDE)
        occupancy = None if sides[k] == TOP else record["occ"][k].astype(np.float32) / 255
        witnesses.append(Witness.of(camera, record["masks"][k] / 255, occupancy, distance, HALF * unit))
    centre, scale = box(witnesses)
    centre, scale = centre + rng.normal(size=3) * 0.02 * scale, scale * np.exp(rng.normal() * 0.03)
    known = features([witness.rescaled(centre, scale) for witness in witnesses])
    axis = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * LATTICE
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3) * scale + centre
    true = points @ witnesses[0].camera.c2w[:3, :3] @ turns[0].T @ _turned(float(record["cams"][0, 1])).T
    return known, _share(record["solid"], true)


def _share(solid: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) of a solid (S, S, S) uint8 over the unit cube at world points."""
    volume = torch.from_numpy(solid.astype(np.float32) / 255)[None, None]
    at = torch.from_numpy((points / 0.5)[:, ::-1].astype(np.float32).copy())[None, None, None]
    return F.grid_sample(volume, at, align_corners=False).view(-1).numpy()


def _turn(elevation: float, azimuth: float) -> np.ndarray:
    """(3, 3) right, up and back of a camera that looks at the origin."""
    ce, se, ca, sa = np.cos(elevation), np.sin(elevation), np.cos(azimuth), np.sin(azimuth)
    return np.array([[-sa, -se * ca, ce * ca], [ca, -se * sa, ce * sa], [0, ce, se]])


def _turned(azimuth: float) -> np.ndarray:
    c, s = np.cos(azimuth), np.sin(azimuth)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def drawn_cells(files: list[Path], rounds: int, step: Callable[[], None]) -> tuple[Tensor, Tensor, Tensor]:
    """Features (M, 24), shares (M,) and weights (M,) of cells near the hulls of all objects."""
    known, shares, weights = [], [], []
    for number, file in enumerate(files):
        rng = np.random.default_rng(number)
        record = dict(np.load(file))
        for _ in range(rounds):
            found, share = sample(record, rng)
            near = np.flatnonzero((found[:, 0] * CONE < NEAR) | (share > 0.02))
            if len(near) < 50:
                continue
            pick = rng.choice(near, DRAWN)
            known.append(found[pick].astype(np.float16))
            shares.append(share[pick])
            weights.append(np.full(DRAWN, min(len(near) / (share[near].sum() + VOLUME), 20.0)))
        step()
    parts = (np.concatenate(part) for part in (known, shares, weights))
    first, second, third = (torch.from_numpy(part.astype(np.float32)) for part in parts)
    return first, second, third


def held_out(file: Path) -> bool:
    """Whether an object is for validation."""
    return zlib.crc32(file.name.encode()) % HELD == 0


def fit(known: Tensor, shares: Tensor, weights: Tensor, seed: int = 0, steps: int = STEPS) -> FusionNetwork:
    """The network that says best how far cells are inside: weighted cross entropy."""
    torch.manual_seed(seed)
    net = FusionNetwork()
    net.mean.copy_(known.mean(0))
    net.deviation.copy_(known.std(0) + 1e-3)
    optimiser = torch.optim.AdamW(net.layers.parameters(), lr=RATE, weight_decay=1e-3)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        chosen = torch.randint(len(known), (BATCH,), generator=generator)
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, step / 50) * (1 - step / steps) + 1e-5
        entropy = F.binary_cross_entropy_with_logits(net(known[chosen]), shares[chosen], reduction="none")
        loss = (entropy * weights[chosen]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


@torch.inference_mode()
def scores(net: FusionNetwork, known: Tensor, shares: Tensor) -> dict[str, float]:
    """IoU of cells at the level that is best for all of them: the network's, and the hull's."""
    true, chance = shares > 0.3, torch.sigmoid(net(known))

    def iou(found: Tensor) -> float:
        return float((found & true).sum() / (found | true).sum().clamp_min(1))

    return {
        "network": max(iou(chance > level) for level in (0.2, 0.3, 0.4, 0.5, 0.6)),
        "hull": iou(known[:, 0] < 0),
    }
