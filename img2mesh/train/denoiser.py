"""Train the denoiser: U-Net, image encoder and camera projection over frozen autoencoder latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from img2mesh.models.camera_projection import CLIPCameraProjection, image_tokens, pose_features
from img2mesh.models.preprocess import clip_pixels
from img2mesh.models.unet_blocks import Attention, attend_plainly
from img2mesh.train.checkpoints import Ema, Keeper, Log, resume, training_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet
from img2mesh.train.distributed import Workers
from img2mesh.train.downsampled_cache import PooledViews
from img2mesh.train.latent_cache import ViewCache
from img2mesh.train.optimizers import Optimizers
from img2mesh.train.pairs import PairBatch, PairSampler, drop_conditions

STATE = "denoiser.pt"


class Denoiser(nn.Module):
    """The three trained networks and the frozen autoencoder, with the training loss of Zero-1-to-3.

    Args:
        unet, image_encoder, projection, vae: as `networks.build_networks` or a model folder gives them.
        scheduler: noise schedule and prediction type.
        clean_drop: zero the context after the projection (what inference does) instead of the tokens before it
            (what the paper's code does in training; docs/zero123.md).
    """

    def __init__(
        self,
        unet: Any,
        image_encoder: Any,
        projection: CLIPCameraProjection,
        vae: AutoencoderKL,
        scheduler: DDIMScheduler,
        clean_drop: bool,
    ):
        super().__init__()
        self.unet, self.image_encoder, self.projection, self.vae = unet, image_encoder, projection, vae
        self.scheduler, self.clean_drop = scheduler, clean_drop
        vae.requires_grad_(False)

    def trained(self) -> dict[str, nn.Module]:
        """The modules with weights to learn, by folder name."""
        return {
            "unet": self.unet,
            "image_encoder": self.image_encoder,
            "clip_camera_projection": self.projection,
        }

    @torch.no_grad()
    def latents(self, images: Tensor) -> Tensor:
        """Posterior mode, unscaled, of images (B, C, 256, 256): (B, 4, 32, 32)."""
        return self.vae.encode(images).latent_dist.mode()

    def predict(
        self, x: Tensor, t: Tensor, tokens: Tensor, pose: Tensor, latent: Tensor, drop: Sequence[Tensor]
    ) -> Tensor:
        """U-Net output for noisy latents x (B, 4, h, w); tokens and latent belong to each sample's input."""
        no_tokens, no_latent = drop
        keep = (~no_tokens).to(tokens)[:, None, None]
        context = self.projection(tokens if self.clean_drop else tokens * keep, pose)
        if self.clean_drop:
            context = context * keep
        latent = latent * (~no_latent).to(latent)[:, None, None, None]
        labels = None
        if self.unet.config.class_embed_type == "projection":
            labels = pose_features(pose) * (~(no_tokens & no_latent)).to(pose)[:, None]
        return self.unet(torch.cat([x, latent], 1), t, context, class_labels=labels).sample

    def tokens(self, pictures: Tensor, count: int) -> Tensor:
        """Image tokens (count, T, C) of I input pictures (I, 3, S, S) in [-1, 1], each repeated count / I times."""
        pixels = clip_pixels(pictures, self.image_encoder.config.image_size)
        tokens = image_tokens(self.image_encoder, pixels, self.projection.config.tokens)
        return tokens.repeat_interleave(count // len(pictures), 0)

    @torch.no_grad()
    def sample(
        self, pictures: Tensor, latents: Tensor, poses: Tensor, steps: int, generator: torch.Generator
    ) -> Tensor:
        """Unscaled latents (B, 4, h, w) of views at poses (B, 4): DDIM, eta 0, without guidance.

        Args:
            pictures: (I, 3, S, S) input pictures in [-1, 1]; I divides B, each input has B / I poses in a row.
            latents: (I, 4, h, w) unscaled latents of the inputs.
        """
        count, device = len(poses), poses.device
        tokens = self.tokens(pictures, count)
        latents = latents.repeat_interleave(count // len(latents), 0)
        x = torch.randn(latents.shape, generator=generator).to(device)
        keep = torch.zeros(count, dtype=torch.bool, device=device)
        self.scheduler.set_timesteps(steps)
        for t in self.scheduler.timesteps:
            said = self.predict(x, t.to(device).expand(count), tokens, poses, latents, (keep, keep))
            x = self.scheduler.step(said.float(), t, x, eta=0.0).prev_sample
        return x / self.vae.config.scaling_factor

    def forward(
        self, batch: PairBatch, terminal: float, dropout: float, generator: torch.Generator
    ) -> Tensor:
        """Per-sample losses (B,) of a batch: mean squared error of the scheduler's prediction type."""
        count, device = len(batch.targets), batch.targets.device
        target = batch.targets * self.vae.config.scaling_factor
        tokens = self.tokens(batch.thumbs, count)
        steps = self.scheduler.config.num_train_timesteps
        t = torch.randint(0, steps, (count,), generator=generator)
        last = torch.rand(count, generator=generator) < terminal
        t = torch.where(last, steps - 1, t).to(device)
        noise = torch.randn(target.shape, generator=generator).to(device)
        drop = [mask.to(device) for mask in drop_conditions(count, dropout, generator)]
        noisy = self.scheduler.add_noise(target, noise, t)
        wanted = {
            "v_prediction": lambda: self.scheduler.get_velocity(target, noise, t),
            "epsilon": lambda: noise,
            "sample": lambda: target,
        }[self.scheduler.config.prediction_type]()
        latents = batch.conditions.repeat_interleave(count // len(batch.conditions), 0)
        prediction = self.predict(noisy, t, tokens, batch.poses, latents, drop)
        return F.mse_loss(prediction.float(), wanted.float(), reduction="none").mean(dim=(1, 2, 3))


def view_cache(config: TrainConfig, model: Denoiser, data: RenderSet) -> ViewCache | PooledViews:
    """The run's encoded views: small pictures where the autoencoder's encoder is untrained and just that."""
    recipe = config.autoencoder
    pooled = recipe.pooled and not recipe.optimisation.steps and not config.denoiser.start
    kind = PooledViews if pooled else ViewCache
    return kind(Path(config.run), data, model.vae, model.image_encoder.config.image_size)


def quick_attention(*networks: Any) -> None:
    """Plain matrix products for attention: on CPUs the fused kernel's gradient takes five times as long."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, Attention):
                module.set_processor(attend_plainly)
            elif hasattr(module, "set_processor"):
                module.set_processor(AttnProcessor())
        if hasattr(network, "set_attn_implementation"):
            network.set_attn_implementation("eager")


def train_denoiser(
    config: TrainConfig,
    model: Denoiser,
    data: RenderSet,
    workers: Workers,
    on_picture: Callable[..., None] | None = None,
) -> Ema:
    """Train until the recipe's steps or the config's minutes are used up; resumes from the run's state.

    Args:
        workers: the processes that train together, and where; each takes `batch` samples a step.
        model: the networks; their weights are replaced by the state's where there is one.
        on_picture: called as `on_picture(model, ema, step, log)` every `picture_every` steps.

    Returns:
        The averaged weights (`Ema`) at the end.
    """
    recipe, plan = config.denoiser, config.denoiser.optimisation
    run = Path(config.run)
    device = workers.device
    model.to(device)
    model.unet.to(memory_format=torch.channels_last)
    modules = model.trained()
    for name in recipe.freeze:
        modules[name].requires_grad_(False)
    if device.type == "cpu":
        quick_attention(model.unet, model.image_encoder)
    optimizers = Optimizers(modules, plan, workers)
    ema = Ema(modules, plan.ema)
    step = resume(run / STATE, modules, optimizers, ema)
    inputs = max(1, plan.batch // recipe.targets)
    cache = view_cache(config, model, data)
    sampler = PairSampler(cache, inputs, recipe.targets, config.seed, recipe.augment)
    log = Log(config, "denoiser", workers)

    keeper = Keeper(run / STATE, config, lambda: training_state(modules, optimizers, ema, step), workers)
    while step < plan.steps:
        batch = sampler.batch(step, workers.rank).to(device)
        generator = torch.Generator().manual_seed((config.seed + 7919 * workers.rank) * 1_000_003 + step)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            loss = model(batch, recipe.terminal, recipe.dropout, generator).mean()
        rate = optimizers.step(loss, step)
        ema.update(modules)
        step += 1
        log.gather(len(batch.targets), loss=loss.item())
        if step % config.log_every == 0 or step == plan.steps:
            log.write(step=step, rate=rate, **log.means())
        if on_picture is not None and workers.main and step % config.picture_every == 0:
            on_picture(model, ema, step, log)
            log.pause()
        if not keeper.step():
            break
    keeper.save()
    return ema
