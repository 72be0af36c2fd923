"""Train the occupancy network (`models.occupancy`).

What it learns is what is truly inside (`train.solids`) and the colours of surfaces (`train.surface_colours`), seen
through the photo's own pixels. Only cells behind the photo's own silhouette count: nothing else can be inside.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.errors import Img2MeshError
from img2mesh.models.occupancy import CELLS, Answer, OccupancyNetwork, covered
from img2mesh.train.calibrate import calibrate
from img2mesh.train.checkpoints import Ema, Keeper, Log, averaged, resume, training_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet, load_renders
from img2mesh.train.denoiser import quick_attention
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import Batch, FrustumSampler, MixedSampler
from img2mesh.train.optimizers import Optimizers
from img2mesh.train.prefetch import batches

NAME = "occupancy"
STATE = "occupancy.pt"
ELEVATION_WEIGHT = 0.03  # of the elevation's loss beside the occupancy's
SYMMETRY_WEIGHT = 2.0  # its gradient is then about as large as the occupancy's
COLOUR_WEIGHT = 0.5
VALIDATED = 64  # pictures of validation objects
CALIBRATED = 96  # pictures of them, twice, that the calibration is fitted to
# An object's error counts by its share of the object's volume, as in its IoU: thin things and thin walls weigh as much
# as thick ones. So many cells per ray are added to the volume, for what is thinner than they are; and with so many in
# all, the error is the mean of the cells'.
THINNEST, USUAL = 4.0, 24.0
TRUE_SHARE = 0.3  # share of a cell from which it counts as inside in a score
LEVELS = np.linspace(0.1, 0.5, 9)  # thresholds that are tried in a score


def occupancy_losses(answer: Answer, batch: Batch) -> dict[str, Tensor]:
    """Cross entropy of occupancy behind the silhouette and of symmetry; colours'; elevation's; their `total`.

    The elevation's is its Gaussian log-likelihood; of strained objects only occupancy and colours count.
    """
    there = covered(batch.pictures)
    entropy = F.binary_cross_entropy_with_logits(answer.occupancy, batch.inside, reduction="none") * there
    rays, volume = there.sum((1, 2, 3)), (batch.inside * there).sum((1, 2, 3))
    weighed = entropy.sum((1, 2, 3)) / (volume + THINNEST * rays).clamp_min(1)
    shaped = batch.shaped.float()
    occupancy = (weighed * shaped).sum() / shaped.sum().clamp_min(1) * USUAL / CELLS
    error = F.smooth_l1_loss(answer.colours, batch.colours, beta=0.05, reduction="none").mean(1)
    colour = (error * batch.coloured).sum() / batch.coloured.sum().clamp_min(1)
    plain = (~batch.strained & batch.shaped).float()
    plain = plain / plain.sum().clamp_min(1)
    off, variance = answer.elevation - batch.angles[:, 0], answer.log_variance
    likelihood = ((off.square() * (-variance).exp() + variance) * plain).sum() / 2
    mirrored = F.binary_cross_entropy_with_logits(answer.symmetry, batch.overlaps, reduction="none").mean(1)
    mirrored = (mirrored * plain).sum()
    return {
        "occupancy": occupancy,
        "colour": colour,
        "elevation": likelihood,
        "symmetry": mirrored,
        "total": occupancy
        + COLOUR_WEIGHT * colour
        + ELEVATION_WEIGHT * likelihood
        + SYMMETRY_WEIGHT * mirrored,
    }


def samplers(
    config: TrainConfig, data: RenderSet, validation: RenderSet
) -> tuple[MixedSampler, dict[str, FrustumSampler]]:
    """What a run learns from, and what its scores are measured on, by name.

    Raises:
        Img2MeshError: the folder of objects with known insides is not there.
    """
    recipe, run = config.occupancy, Path(config.run)
    count = recipe.optimisation.batch
    known = round(count * recipe.known_share) if recipe.known else 0
    drawn = partial(FrustumSampler, folder=run, agreement=recipe.agreement)
    learned = []
    if known < count:
        learned.append(drawn(data, count - known, config.seed, varied=recipe.varied))
    checked = {"renders": drawn(validation, VALIDATED, 7, shaped_only=True)}
    if known:
        if not Path(recipe.known).is_dir():
            raise Img2MeshError(
                f"No such dataset folder: {recipe.known}; make it: `python scripts/make_models.py MODELS`, then "
                f"`img2mesh render MODELS -o {recipe.known}`."
            )
        more, held = load_renders(recipe.known).split()
        learned.append(drawn(more, known, config.seed + 1, evenly=True, varied=recipe.varied))
        checked["known"] = drawn(held, VALIDATED // 2, 7, evenly=True)
    return MixedSampler(learned), checked


def begun(config: TrainConfig) -> OccupancyNetwork:
    """The network that a run begins with: random, or that of `config.occupancy.start`.

    Raises:
        Img2MeshError: the folder holds no such network, or the file no encoder.
    """
    recipe = config.occupancy
    try:
        if recipe.start:
            return OccupancyNetwork.from_pretrained(recipe.start)
        net = OccupancyNetwork(recipe.widths, recipe.fine, bool(recipe.encoder))
        if recipe.encoder:
            from img2mesh.models.efficientnet import from_published

            published = torch.load(recipe.encoder, map_location="cpu", weights_only=True)
            assert net.encoder is not None
            net.encoder.load_state_dict(from_published(published).state_dict())
        return net
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        reason = (str(error).splitlines() or ["?"])[0].rstrip(".:")
        raise Img2MeshError(f"{recipe.start or recipe.encoder} is nothing to begin with: {reason}.") from None


def finished_occupancy(config: TrainConfig, state: dict, validation: RenderSet) -> OccupancyNetwork:
    """The averaged network of a run's state, calibrated on validation objects."""
    net = begun(config).eval()
    net.load_state_dict(averaged(state["ema"], NAME))
    recipe = config.occupancy
    sampler = FrustumSampler(
        validation, CALIBRATED, 11, Path(config.run), agreement=recipe.agreement, shaped_only=True
    )
    calibrate(net, sampler)
    return net


def train_occupancy(config: TrainConfig, data: RenderSet, validation: RenderSet, workers: Workers) -> None:
    """Train until the recipe's steps or the config's minutes are used up; resumes from the run's state."""
    plan, run = config.occupancy.optimisation, Path(config.run)
    torch.manual_seed(config.seed + 2)
    untyped: Any = begun(config)  # PyTorch's stubs do not know `memory_format` here
    net = untyped.to(workers.device, memory_format=torch.channels_last)
    if workers.device.type == "cpu":
        quick_attention(net.core)
    modules = {NAME: net}
    optimizers, ema = Optimizers(modules, plan, workers), Ema(modules, plan.ema)
    step = resume(run / STATE, modules, optimizers, ema)
    sampler, checked = samplers(config, data, validation)
    log = Log(config, NAME, workers)
    keeper = Keeper(run / STATE, config, lambda: training_state(modules, optimizers, ema, step), workers)
    started = time.perf_counter()
    for batch in batches(sampler, range(step, plan.steps), workers, config.loaders):
        batch = batch.to(workers.device)
        ready = time.perf_counter()
        with torch.autocast(workers.device.type, torch.bfloat16, enabled=config.bf16):
            answer = net(batch.pictures, batch.angles[:, 2])
        losses = occupancy_losses(answer, batch)
        rate = optimizers.step(losses["total"], step)
        ema.update(modules)
        step += 1
        ended = time.perf_counter()
        values = {key: value.item() for key, value in losses.items()}
        log.gather(plan.batch, **values, network_share=(ended - ready) / (ended - started))
        if step % config.log_every == 0 or step == plan.steps:
            log.write(step=step, rate=rate, **log.means())
        if config.picture_every and workers.main and step % config.picture_every == 0:
            for name, chosen in checked.items():
                log.write(step=step, of=name, **held_out(config, net, ema, chosen, workers))
            log.pause()
        if not keeper.step():
            break
        started = time.perf_counter()
    keeper.save()


@torch.no_grad()
def held_out(
    config: TrainConfig, net: OccupancyNetwork, ema: Ema, sampler: FrustumSampler, workers: Workers
) -> dict[str, float]:
    """What the averaged weights reach on a sampler's first batch.

    `iou` of solids at the one threshold that is best for all, `level`; the occupancy's `loss`; `colour`, the mean
    error of surfaces' colours, of 1; `elevation_error` in degrees; `symmetry_error`, how much less symmetric the object
    is about the plane that they name than about its best one.
    """
    own = {key: value.detach().clone() for key, value in net.state_dict().items()}
    net.load_state_dict(ema.weights(NAME))
    net.eval()
    ious, errors, lost, entropy, colour = [], [], [], [], []
    try:
        for part in sampler.batch(0, workers).split(16):
            part = part.to(workers.device)
            with torch.autocast(workers.device.type, torch.bfloat16, enabled=config.bf16):
                answer = net(part.pictures, part.angles[:, 2])
            losses = occupancy_losses(answer, part)
            entropy.append(losses["occupancy"].item())
            chance = answer.occupancy.sigmoid() * covered(part.pictures)
            true = (part.inside > TRUE_SHARE) & (covered(part.pictures) > 0)
            for level in LEVELS:
                found = chance > level
                ious.append((found & true).sum((1, 2, 3)) / (found | true).sum((1, 2, 3)).clamp_min(1))
            off = (answer.colours - part.colours).abs().mean(1) * part.coloured
            colour += (off.sum((1, 2, 3)) / part.coloured.sum((1, 2, 3)).clamp_min(1)).tolist()
            errors += (answer.elevation - part.angles[:, 0]).abs().rad2deg().tolist()
            chosen = part.overlaps.gather(1, answer.symmetry.argmax(1, keepdim=True))[:, 0]
            lost += (part.overlaps.amax(1) - chosen).tolist()
    finally:
        net.load_state_dict(own)
        net.train()
    by_level = [float(torch.cat(ious[k :: len(LEVELS)]).mean()) for k in range(len(LEVELS))]
    best = int(np.argmax(by_level))
    return {
        "iou": by_level[best],
        "level": float(LEVELS[best]),
        "loss": float(np.mean(entropy)),
        "colour": float(np.mean(colour)),
        "elevation_error": float(np.mean(errors)),
        "symmetry_error": float(np.mean(lost)),
    }
