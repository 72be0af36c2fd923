"""Last stage: the decoder learns to show what the denoiser says, which is blurred where the view is uncertain.

A decoder that has seen sharp latents only draws the edges of its cells into blurred ones: over held-out views, plain
bicubic enlargement of the latents beat it by 0.2 dB after 2110 steps. Its inputs are one-step predictions for known
views, a quarter true latents among them, and its loss is `shown_loss`.
The encoder, and so everything the denoiser has learned, stays as it is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from img2mesh.models.preprocess import to_network
from img2mesh.train.checkpoints import Ema, Keeper, Log, resume, training_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet
from img2mesh.train.denoiser import Denoiser, view_cache
from img2mesh.train.distributed import Workers
from img2mesh.train.export import FINISH_STATE
from img2mesh.train.optimizers import Optimizers
from img2mesh.train.pairs import PairSampler

TRUE_SHARE = 0.25  # of the samples that are decoded from true latents, so that sharp ones stay sharp
MISSED = 1.6  # for masks of an IoU of about 0.65; 1 once they are sharp
CROP = 16  # side of a latent crop; the picture's is eight times that
PER_BATCH = 4  # decoder steps for each batch of predictions


def finish_decoder(config: TrainConfig, model: Denoiser, data: RenderSet, workers: Workers) -> None:
    """Train `model.vae`'s decoder over the denoiser's predictions until the plan's steps or minutes are used up.

    Args:
        model: with trained networks; only the autoencoder's decoder changes.
    """
    plan, device = config.autoencoder.finish, workers.device
    model.to(device).eval()
    vae, place = model.vae, Path(config.run) / FINISH_STATE
    for part in (vae.post_quant_conv, vae.decoder):
        part.requires_grad_(True)
    optimizers, ema = Optimizers({"vae": vae}, plan, workers), Ema({"vae": vae}, plan.ema)
    step = resume(place, {"vae": vae}, optimizers, ema)
    targets = config.denoiser.targets
    inputs = max(1, PER_BATCH * plan.batch // targets)
    cache = view_cache(config, model, data)
    sampler = PairSampler(cache, inputs, targets, config.seed + 1, augment=False)
    log = Log(config, "finish", workers)

    keeper = Keeper(place, config, lambda: training_state({"vae": vae}, optimizers, ema, step), workers)
    ready: list[tuple[Tensor, np.ndarray]] = []
    while step < plan.steps:
        rng = np.random.default_rng(workers.seed(config.seed, 4, step))
        if not ready:
            ready = _predictions(model, sampler, data, step, workers, config)
        latents, pictures = zip(*[ready.pop() for _ in range(min(plan.batch, len(ready)))], strict=True)
        z, x = _crops(torch.stack(latents), to_network(np.stack(pictures)), rng)
        z, x = z.to(device), x.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            y = vae.decode(z).sample
        loss = shown_loss(y.float(), x)
        optimizers.step(loss, step)
        ema.update({"vae": vae})
        step += 1
        log.gather(len(z), loss=loss.item())
        if step % config.log_every == 0 or step == plan.steps:
            log.write(step=step, **log.means())
        if not keeper.step():
            break
    keeper.save()


def shown_loss(shown: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of (B, 4, H, W) pictures, colour on white and alpha; `MISSED` times it for alpha missed.

    Where alpha is 1 with probability p, the best answer is m p / (m p + 1 - p), m = `MISSED`: above one half
    from p = 1 / (1 + m) on. The mask {alpha > 1/2} with the best expected IoU J takes p from J / (1 + J) on.
    """
    error = (shown - wanted).square()
    missed = 1 + (MISSED - 1) * (wanted[:, 3:] + 1) / 2
    return torch.cat([error[:, :3], error[:, 3:] * missed], dim=1).mean()


@torch.no_grad()
def _predictions(
    model: Denoiser, sampler: PairSampler, data: RenderSet, step: int, workers: Workers, config: TrainConfig
) -> list:
    """(latent (4, 32, 32), picture (256, 256, 4) uint8) of the targets of one batch, in drawn order."""
    batch = sampler.batch(step, workers.rank)
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    with torch.autocast(workers.device.type, torch.bfloat16, enabled=config.bf16):
        here = batch.to(workers.device)
        said = model.sample(here.thumbs, here.conditions, here.poses, 1, generator).float().cpu()
    true = torch.rand(len(said), generator=generator) < TRUE_SHARE
    latents = torch.where(true[:, None, None, None], batch.targets, said)
    return [(z, data.read(int(i), int(v))) for z, (i, v) in zip(latents, batch.places, strict=True)]


def _crops(latents: Tensor, pictures: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Matching random crops, (B, 4, CROP, CROP) of latents and eight times that of pictures."""
    scale = pictures.shape[-1] // latents.shape[-1]
    least = latents.shape[-1] - CROP
    z, x = [], []
    for latent, picture in zip(latents, pictures, strict=True):
        row, column = rng.integers(0, least + 1, 2)
        z.append(latent[:, row : row + CROP, column : column + CROP])
        rows, columns = (slice(k * scale, (k + CROP) * scale) for k in (row, column))
        x.append(picture[:, rows, columns])
    return torch.stack(z), torch.stack(x)
