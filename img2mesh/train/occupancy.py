"""Train the network that guesses the whole body from one photo (`models.occupancy`).

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

from img2mesh.errors import Img2MeshError
from img2mesh.models.occupancy import CELLS, SIZE, body_output, build_body, covered
from img2mesh.models.recognise import BODY
from img2mesh.train.augment_appearance import other_surfaces
from img2mesh.train.augment_shape import draw_strains, no_strains
from img2mesh.train.checkpoints import Ema, Keeper, Log, resume, training_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet, load_renders
from img2mesh.train.denoiser import quick_attention
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum import frustum, reach, spans
from img2mesh.train.image_cache import SmallViews
from img2mesh.train.latent_cache import is_mirrored
from img2mesh.train.optimizers import Optimizers
from img2mesh.train.pairs import INPUT_ELEVATIONS, between
from img2mesh.train.solids import Solids, misleading
from img2mesh.train.symmetry_labels import Symmetries, seen_overlaps

STATE = "body.pt"
ELEVATION_WEIGHT = 0.03  # of the elevation's loss beside the occupancy's
SYMMETRY_WEIGHT = 2.0  # its gradient is then about as large as the occupancy's
VALIDATED = 128  # pictures of validation objects
# An object's error counts by its share of the object's volume, as in its IoU: thin things and thin walls weigh as much
# as thick ones. So many cells per ray are added to the volume, for what is thinner than they are; and with so many in
# all, the error is the mean of the cells'.
THINNEST, USUAL = 2.0, 12.0
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class BodySampler:
    """Pictures and what lies behind their pixels; the batch of a step depends on the seed and the step only.

    Args:
        folder: parent of the caches on disk.
        data: the objects.
        count: pictures per batch.
        evenly: draw all objects equally often, whatever their weights.
        varied: share of pictures whose objects are strained (`train.augment_shape`); above 0, surfaces vary as well.

    Objects whose solids would mislead (`solids.misleading`) are never drawn.
    """

    def __init__(
        self,
        folder: Path,
        data: RenderSet,
        count: int,
        seed: int,
        evenly: bool = False,
        varied: float = 0.0,
    ) -> None:
        self.views = SmallViews(folder, data, SIZE)
        self.solids = Solids(folder, self.views)
        self.symmetries = Symmetries(len(data))
        self.count, self.seed, self.varied = count, seed, varied
        odds = np.ones(len(data)) if evenly else data.probabilities()
        kept = ~misleading(data)
        odds = odds * kept if kept.any() else odds
        self.probabilities = odds / odds.sum()

    def batch(self, step: int, workers: Workers) -> Batch:
        """Pictures (B, 4, SIZE, SIZE), angles (B, 3), occupancy (B, CELLS, CELLS, CELLS), symmetry (B, PLANES).

        The last two in [0, 1]. And (B,) bool: is the object strained, so that the angles and the symmetry are no
        longer its own?
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
        solids = self.solids.get(items)
        strains = no_strains(self.count)
        if self.varied:
            strains = draw_strains(rng, self.varied, spans(solids, angles), reach(pictures))
            pictures = other_surfaces(rng, strains.pictures(pictures))
        points = frustum(angles, mirrored, strains=strains)
        # grid_sample takes the last axis first
        inside = F.grid_sample(solids[:, None], points.flip(-1) * 2, align_corners=False)[:, 0]
        overlaps = self.symmetries.get(items, solids)
        seen = seen_overlaps(overlaps, angles[:, 1].numpy(), mirrored.numpy())
        return pictures, angles, inside, torch.from_numpy(seen), ~strains.none


class MixedSampler:
    """Batches of several samplers, one after the other in every batch."""

    def __init__(self, samplers: list[BodySampler]) -> None:
        self.samplers = samplers

    def batch(self, step: int, workers: Workers) -> Batch:
        """As `BodySampler.batch`."""
        parts = [sampler.batch(step, workers) for sampler in self.samplers]
        return tuple(torch.cat(same) for same in zip(*parts, strict=True))


def body_losses(
    net, pictures: Tensor, angles: Tensor, inside: Tensor, overlaps: Tensor, strained: Tensor
) -> dict[str, Tensor]:
    """Cross entropy of the occupancy behind the silhouette and of the symmetry; the elevation's; their `total`.

    The elevation's is its Gaussian log-likelihood; of strained objects only the occupancy counts.
    """
    logits, elevation, variance, symmetry = body_output(net, pictures, angles[:, 2])
    there = covered(pictures)
    entropy = F.binary_cross_entropy_with_logits(logits, inside, reduction="none") * there
    rays, volume = there.sum((1, 2, 3)), (inside * there).sum((1, 2, 3))
    weighed = entropy.sum((1, 2, 3)) / (volume + THINNEST * rays).clamp_min(1)
    occupancy = weighed.mean() * USUAL / CELLS
    plain = (~strained).float()
    plain = plain / plain.sum().clamp_min(1)
    likelihood = (((elevation - angles[:, 0]).square() * (-variance).exp() + variance) * plain).sum() / 2
    mirrored = F.binary_cross_entropy_with_logits(symmetry, overlaps, reduction="none").mean(1)
    mirrored = (mirrored * plain).sum()
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
    varied = config.body.varied
    learned = [BodySampler(run, data, count - known, config.seed, varied=varied)] if known < count else []
    checked = {"renders": BodySampler(run, validation, VALIDATED, 7)}
    if known:
        if not Path(config.body.known).is_dir():
            raise Img2MeshError(
                f"No such dataset folder: {config.body.known}; make it: `python scripts/make_models.py MODELS`, then "
                f"`img2mesh render MODELS -o {config.body.known} --size 128`."
            )
        more, held = load_renders(config.body.known).split()
        learned.append(BodySampler(run, more, known, config.seed + 1, evenly=True, varied=varied))
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
    for x, a, solid, overlaps in zip(*(part.to(device).split(16) for part in batch[:4]), strict=True):
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
