"""Train the network that guesses the whole body from one photo (`zero123.body`).

What it learns from are solids (`train.solids`): hulls of what is rendered, and what is truly inside where that is
known, as of what `scripts/make_models.py` makes. Only points behind the photo's own silhouette count:
nothing else can be inside.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DModel
from torch import Tensor

from img2mesh.cameras import FOV_DEG
from img2mesh.errors import Img2MeshError
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet, load_renders
from img2mesh.train.denoiser import quick_attention
from img2mesh.train.latents import is_mirrored
from img2mesh.train.optimizers import Optimizers
from img2mesh.train.pairs import INPUT_ELEVATIONS, between
from img2mesh.train.small_views import SmallViews
from img2mesh.train.solids import Solids, misleading
from img2mesh.train.state import Ema, Keeper, Log, resume, training_state
from img2mesh.train.symmetry import Symmetries, seen_overlaps
from img2mesh.train.workers import Workers
from img2mesh.zero123.body import CELLS, HALF, SIZE, body_output, build_body, covered
from img2mesh.zero123.recognise import BODY

STATE = "body.pt"
ELEVATION_WEIGHT = 0.03  # of the elevation's loss beside the occupancy's
SYMMETRY_WEIGHT = 2.0  # its gradient is then about as large as the occupancy's
VALIDATED = 128  # pictures of validation objects
# An object's error counts by its share of the object's volume, as in its IoU: thin things and thin walls weigh as much
# as thick ones. So many cells per ray are added to the volume, for what is thinner than they are; and with so many in
# all, the error is the mean of the cells'.
THINNEST, USUAL = 2.0, 12.0


def frustum(angles: Tensor, mirrored: Tensor, fov_deg: float = FOV_DEG) -> Tensor:
    """World points (B, CELLS, CELLS, CELLS, 3) of the guess's cells: depth, row, column.

    Args:
        angles: (B, 3) elevation, azimuth (radians) and distance of the pictures' cameras.
        mirrored: (B,) bool; a mirrored picture's columns show what lies on the other side.
    """
    elevation, azimuth, distance = angles.float().unbind(1)
    cell = (torch.arange(CELLS) + 0.5) / CELLS * 2 - 1
    v, u = torch.meshgrid(cell, cell, indexing="ij")
    u = torch.where(mirrored[:, None, None], -u, u)
    depth = (distance[:, None] + HALF * cell)[:, :, None, None]  # (B, D, 1, 1)
    slope = float(np.tan(np.radians(fov_deg) / 2))
    local = torch.stack(torch.broadcast_tensors(u[:, None] * slope * depth, -v * slope * depth, -depth), -1)
    cos_e, sin_e, cos_a, sin_a = elevation.cos(), elevation.sin(), azimuth.cos(), azimuth.sin()
    back = torch.stack([cos_e * cos_a, cos_e * sin_a, sin_e], -1)
    right = torch.stack([-sin_a, cos_a, torch.zeros_like(sin_a)], -1)
    axes = torch.stack([right, torch.cross(back, right, dim=-1), back], -1)  # camera to world
    position = back * distance[:, None]
    return torch.einsum("bij,bdhwj->bdhwi", axes, local) + position[:, None, None, None]


class BodySampler:
    """Pictures and what lies behind their pixels; the batch of a step depends on the seed and the step only.

    Args:
        folder: parent of the caches on disk.
        data: the objects.
        count: pictures per batch.
        evenly: draw all objects equally often, whatever their weights.

    Objects whose solids would mislead (`solids.misleading`) are never drawn.
    """

    def __init__(self, folder: Path, data: RenderSet, count: int, seed: int, evenly: bool = False) -> None:
        self.views = SmallViews(folder, data, SIZE)
        self.solids = Solids(folder, self.views)
        self.symmetries = Symmetries(len(data))
        self.count, self.seed = count, seed
        odds = np.ones(len(data)) if evenly else data.probabilities()
        kept = ~misleading(data)
        odds = odds * kept if kept.any() else odds
        self.probabilities = odds / odds.sum()

    def batch(self, step: int, workers: Workers) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures (B, 4, SIZE, SIZE), angles (B, 3), occupancy (B, CELLS, CELLS, CELLS), symmetry (B, PLANES).

        The last two in [0, 1].
        """
        rng = np.random.default_rng(workers.seed(self.seed, 9, step))
        objects = self.views.data.objects
        items = rng.choice(len(objects), size=self.count, p=self.probabilities)
        chosen = []
        for item in items:
            usual = np.flatnonzero(between(objects[item].angles[:, 0], INPUT_ELEVATIONS))
            chosen.append(int(rng.choice(usual if len(usual) else len(objects[item].angles))))
        variants = rng.integers(self.views.variants, size=self.count)
        pictures = self.views.pictures(items, np.array(chosen), variants)
        angles = torch.from_numpy(
            np.stack([objects[i].angles[v] for i, v in zip(items, chosen, strict=True)])
        )
        mirrored = torch.tensor([is_mirrored(int(v)) for v in variants])
        points = frustum(angles, mirrored)
        solids = self.solids.get(items)
        # grid_sample takes the last axis first
        inside = F.grid_sample(solids[:, None], points.flip(-1) * 2, align_corners=False)[:, 0]
        overlaps = self.symmetries.get(items, solids)
        seen = seen_overlaps(overlaps, angles[:, 1].numpy(), mirrored.numpy())
        return pictures, angles, inside, torch.from_numpy(seen)


class MixedSampler:
    """Batches of several samplers, one after the other in every batch."""

    def __init__(self, samplers: list[BodySampler]) -> None:
        self.samplers = samplers

    def batch(self, step: int, workers: Workers) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `BodySampler.batch`."""
        parts = [sampler.batch(step, workers) for sampler in self.samplers]
        return tuple(torch.cat(same) for same in zip(*parts, strict=True))


def body_losses(net, pictures: Tensor, angles: Tensor, inside: Tensor, overlaps: Tensor) -> dict[str, Tensor]:
    """Cross entropy of the occupancy behind the silhouette and of the symmetry; the elevation's; their `total`.

    The elevation's is its Gaussian log-likelihood.
    """
    logits, elevation, variance, symmetry = body_output(net, pictures, angles[:, 2])
    there = covered(pictures)
    entropy = F.binary_cross_entropy_with_logits(logits, inside, reduction="none") * there
    rays, volume = there.sum((1, 2, 3)), (inside * there).sum((1, 2, 3))
    weighed = entropy.sum((1, 2, 3)) / (volume + THINNEST * rays).clamp_min(1)
    occupancy = weighed.mean() * USUAL / CELLS
    likelihood = ((elevation - angles[:, 0]).square() * (-variance).exp() + variance).mean() / 2
    mirrored = F.binary_cross_entropy_with_logits(symmetry, overlaps)
    return {
        "occupancy": occupancy,
        "elevation": likelihood,
        "symmetry": mirrored,
        "total": occupancy + ELEVATION_WEIGHT * likelihood + SYMMETRY_WEIGHT * mirrored,
    }


def samplers(
    config: TrainConfig, data: RenderSet, validation: RenderSet
) -> tuple[MixedSampler, dict[str, BodySampler]]:
    """What a run learns from, and what its scores are measured on, by name.

    Raises:
        Img2MeshError: the folder of objects with known insides is not there.
    """
    run, count = Path(config.run), config.body.optimisation.batch
    known = round(count * config.body.known_share) if config.body.known else 0
    learned = [BodySampler(run, data, count - known, config.seed)] if known < count else []
    checked = {"renders": BodySampler(run, validation, VALIDATED, 7)}
    if known:
        if not Path(config.body.known).is_dir():
            raise Img2MeshError(
                f"No such dataset folder: {config.body.known}; make it: `python scripts/make_models.py MODELS`, then "
                f"`img2mesh render MODELS -o {config.body.known} --size 128`."
            )
        more, held = load_renders(config.body.known).split()
        learned.append(BodySampler(run, more, known, config.seed + 1, evenly=True))
        checked["known"] = BodySampler(run, held, VALIDATED // 2, 7, evenly=True)
    return MixedSampler(learned), checked


def begun(config: TrainConfig) -> UNet2DModel:
    """The network that a run begins with: random, or that of `config.body.start`.

    Raises:
        Img2MeshError: the folder holds no network of these widths.
    """
    net = build_body(config.body.widths)
    if not config.body.start:
        return net
    try:
        start = UNet2DModel.from_pretrained(config.body.start, low_cpu_mem_usage=False)
        net.load_state_dict(start.state_dict())
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".:")
        raise Img2MeshError(f"{config.body.start} is no body to begin with: {reason}.") from None
    return net


def train_body(config: TrainConfig, data: RenderSet, validation: RenderSet, workers: Workers) -> None:
    """Train until the recipe's steps or the config's minutes are used up; resumes from the run's state."""
    plan, run = config.body.optimisation, Path(config.run)
    torch.manual_seed(config.seed + 2)
    net = begun(config).to(workers.device, memory_format=torch.channels_last)
    if workers.device.type == "cpu":
        quick_attention(net)
    modules = {BODY: net}
    optimizers, ema = Optimizers(modules, plan, workers), Ema(modules, plan.ema)
    step = resume(run / STATE, modules, optimizers, ema)
    sampler, checked = samplers(config, data, validation)
    log = Log(config, "body", workers)
    keeper = Keeper(run / STATE, config, lambda: training_state(modules, optimizers, ema, step), workers)
    while step < plan.steps:
        batch = [part.to(workers.device) for part in sampler.batch(step, workers)]
        with torch.autocast(workers.device.type, torch.bfloat16, enabled=config.bf16):
            losses = body_losses(net, *batch)
        rate = optimizers.step(losses["total"], step)
        ema.update(modules)
        step += 1
        log.gather(plan.batch, **{key: value.item() for key, value in losses.items()})
        if step % config.log_every == 0 or step == plan.steps:
            log.write(step=step, rate=rate, **log.means())
        if config.picture_every and workers.main and step % config.picture_every == 0:
            for name, chosen in checked.items():
                scores = held_out(config, ema, chosen.batch(0, Workers("cpu")), workers.device)
                log.write(step=step, of=name, **scores)
            log.pause()
        if not keeper.step():
            break
    keeper.save()


@torch.no_grad()
def held_out(
    config: TrainConfig, ema: Ema, batch: tuple[Tensor, ...], device: torch.device
) -> dict[str, float]:
    """What the averaged weights reach on a batch: `iou` of solids, `elevation_error` in degrees, `symmetry_error`.

    That is how much less symmetric the object is about the plane that they name than about its best one.
    """
    net = build_body(config.body.widths).to(device).eval()
    net.load_state_dict(ema.weights(BODY))
    ious, errors, lost = [], [], []
    for x, a, solid, overlaps in zip(*(part.to(device).split(16) for part in batch), strict=True):
        logits, elevation, _, symmetry = body_output(net, x, a[:, 2])
        there = covered(x) > 0
        found, true = (logits > 0) & there, (solid > 0.5) & there
        ious += ((found & true).sum((1, 2, 3)) / (found | true).sum((1, 2, 3)).clamp_min(1)).tolist()
        errors += (elevation - a[:, 0]).abs().rad2deg().tolist()
        chosen = overlaps.gather(1, symmetry.argmax(1, keepdim=True))[:, 0]
        lost += (overlaps.amax(1) - chosen).tolist()
    return {
        "iou": float(np.mean(ious)),
        "elevation_error": float(np.mean(errors)),
        "symmetry_error": float(np.mean(lost)),
    }
