"""Train the image autoencoder on crops of rendered objects: RGBA in, 4 x 32 x 32 latents, RGBA out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from img2mesh.core.lpips import LPIPS
from img2mesh.models.preprocess import to_network
from img2mesh.train.average_pooling import start_pooled
from img2mesh.train.checkpoints import Ema, Keeper, Log, resume, training_state
from img2mesh.train.config import AutoencoderRecipe, TrainConfig
from img2mesh.train.dataset import RenderSet
from img2mesh.train.distributed import Workers
from img2mesh.train.optimizers import Optimizers

STATE = "autoencoder.pt"
DECODER_STATE = "decoder.pt"


def build_autoencoder(recipe: AutoencoderRecipe) -> AutoencoderKL:
    """AutoencoderKL over RGBA with a factor of 8 between image and latent; no attention, so crops train it."""
    n = len(recipe.widths)
    model = AutoencoderKL(
        in_channels=4,
        out_channels=4,
        down_block_types=("DownEncoderBlock2D",) * n,
        up_block_types=("UpDecoderBlock2D",) * n,
        block_out_channels=recipe.widths,
        layers_per_block=recipe.layers,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=256,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    with torch.no_grad():  # begin with little noise on the latents: with much, colour is never learned
        model.quant_conv.weight[4:] *= 0.1
        model.quant_conv.bias[4:] = -6.0
    if recipe.pooled:
        start_pooled(model)
    return model


def object_crop(rgba: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random window of (size, size) that holds some of the object; mirrored, channels permuted at times."""
    height, width = rgba.shape[:2]
    rows, columns = np.nonzero(rgba[..., 3] > 8)
    if len(rows):
        k = rng.integers(len(rows))
        y, x = rows[k] - rng.integers(size), columns[k] - rng.integers(size)
    else:
        y, x = rng.integers(height - size + 1), rng.integers(width - size + 1)
    y, x = int(np.clip(y, 0, height - size)), int(np.clip(x, 0, width - size))
    crop = rgba[y : y + size, x : x + size]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.3:
        crop = crop[..., [*rng.permutation(3), 3]]
    return crop


def chroma_loss(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of colours less their own brightness, (B, 3, H, W)."""
    error = a - b
    return (error - error.mean(1, keepdim=True)).abs().mean()


def gradient_loss(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of horizontal and vertical finite differences."""
    dx = (a[..., 1:] - a[..., :-1]) - (b[..., 1:] - b[..., :-1])
    dy = (a[..., 1:, :] - a[..., :-1, :]) - (b[..., 1:, :] - b[..., :-1, :])
    return dx.abs().mean() + dy.abs().mean()


def train_autoencoder(config: TrainConfig, data: RenderSet, workers: Workers, frozen: Any = None) -> Path:
    """Train until the recipe's steps or the config's minutes are used up; resumes from the run's state.

    Args:
        workers: the processes that train together, and where; each takes `batch` crops a step.
        frozen: a finished autoencoder whose decoder alone goes on learning (its latents, and so every denoiser
            trained on them, stay valid); None trains the whole from nothing.

    Returns:
        The path of the state, as `state.training_state` makes it.
    """
    recipe, plan = config.autoencoder, config.autoencoder.optimisation
    place = Path(config.run) / (STATE if frozen is None else DECODER_STATE)
    torch.manual_seed(config.seed)
    device = workers.device
    model = (build_autoencoder(recipe) if frozen is None else frozen).to(
        device, memory_format=torch.channels_last
    )
    if frozen is not None:
        plan = config.autoencoder.decoder
        model.encoder.requires_grad_(False)
        model.quant_conv.requires_grad_(False)
    optimizers, ema = Optimizers({"vae": model}, plan, workers), Ema({"vae": model}, plan.ema)
    step = resume(place, {"vae": model}, optimizers, ema)
    lpips = None
    if recipe.perceptual and config.metrics:
        lpips = LPIPS(Path(config.metrics) / "lpips-alexnet.npz").to(device)
    log, probabilities = Log(config, place.stem, workers), data.probabilities()

    keeper = Keeper(place, config, lambda: training_state({"vae": model}, optimizers, ema, step), workers)
    while step < plan.steps:
        rng = np.random.default_rng(workers.seed(config.seed, 1, step))
        crops = []
        for item in rng.choice(len(data), size=plan.batch, p=probabilities):
            view = int(rng.integers(len(data.objects[item].places)))
            crops.append(object_crop(data.read(int(item), view), recipe.crop, rng))
        x = to_network(np.stack(crops)).to(device, memory_format=torch.channels_last)
        losses = _losses(model, x, recipe, lpips, torch.Generator().manual_seed(step))
        optimizers.step(losses["total"], step)
        ema.update({"vae": model})
        step += 1
        log.gather(plan.batch, **{key: value.item() for key, value in losses.items()})
        if step % config.log_every == 0:
            means = log.means()
            means["crop_psnr"] = -10 * math.log10(max(means.pop("mse"), 1e-10))
            log.write(step=step, **means)
        if not keeper.step():
            break
    keeper.save()
    return place


def _losses(
    model: Any, x: Tensor, recipe: AutoencoderRecipe, lpips: LPIPS | None, generator: torch.Generator
) -> dict[str, Tensor]:
    """The weighted losses of a batch x (B, 4, S, S), their `total`, and the colour `mse` in [0, 1] units."""
    kind = x.device.type
    with torch.autocast(kind, torch.bfloat16):
        posterior = model.encode(x).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator).to(x.device)
        y = model.decode(posterior.mean + posterior.std * noise).sample.float()
        losses = {}
        if lpips is not None:
            losses["lpips"] = recipe.perceptual * lpips(y[:, :3], x[:, :3]).mean()
    losses |= {
        "colour": (y[:, :3] - x[:, :3]).abs().mean(),
        "chroma": recipe.chroma * chroma_loss(y[:, :3], x[:, :3]),
        "alpha": recipe.alpha * (y[:, 3:] - x[:, 3:]).abs().mean(),
        "gradient": recipe.gradient * gradient_loss(y, x),
        "kl": recipe.kl * posterior.kl().float().mean(),
    }
    mse = (y.detach()[:, :3].clamp(-1, 1) - x[:, :3]).square().mean() / 4
    return {**losses, "total": sum(losses.values()), "mse": mse}
