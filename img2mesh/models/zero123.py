"""Zero-1-to-3: one picture and relative poses in, pictures from there out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from img2mesh.core.camera import DISTANCE, FOV_DEG, IMAGE_SIZE
from img2mesh.errors import Img2MeshError
from img2mesh.models.allocator import steady_memory
from img2mesh.models.attention import install
from img2mesh.models.camera_projection import CLIPCameraProjection, image_tokens, pose_features
from img2mesh.models.networks import Networks
from img2mesh.models.occupancy import Guess, OccupancyNetwork, predict
from img2mesh.models.pose_embedding import variant_poses
from img2mesh.models.preprocess import check_request, clip_pixels, from_network, to_network
from img2mesh.models.sampler import Agreement, RelativeViews
from img2mesh.models.schedule import Schedule, make_schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionModelWithProjection

PICTURE_MULTIPLE = 64  # of a picture's side: eight times less in the VAE, eight again in the U-Net


@dataclass(frozen=True, eq=False)
class Condition:
    """What the input picture becomes, once per run: tokens (1, N, width) and unscaled latent (1, 4, h, w)."""

    tokens: Tensor
    latent: Tensor


@dataclass(eq=False)
class Zero123(Networks, RelativeViews):
    """A loaded model; `img2mesh.models.load_model` makes one.

    Attributes:
        occupancy: the network of `guess`, float32 on the CPU, where the model has one.
        name, licence, source: for the report; source is the folder or file the weights came from.
        variant: meaning of the fourth pose element, `original` or `stable`.
        weights: which of several stored weights were taken, such as `fp16_ema` or `EMA`.
        distance, fov_deg: the cameras the model draws for, input and target alike.
        lowest_deg: elevation of the lowest cameras that it learned from; the published ones learned from all.
        default_steps, default_guidance: what the model's makers recommend.
        dtype: of weights and activations; latents and noise levels are float32 always.
        low_vram: keep the weights on the CPU and bring one stage at a time to the device.
        compile: run the U-Net through torch.compile and CUDA graphs; CUDA without `low_vram` only.
    """

    parts = ("unet", "vae", "image_encoder", "projection")

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    image_encoder: CLIPVisionModelWithProjection
    projection: CLIPCameraProjection
    scheduler_config: Mapping[str, Any]
    occupancy: OccupancyNetwork | None = None
    name: str = "custom"
    licence: str = "unknown"
    source: Path | None = None
    variant: str = "original"
    weights: str = ""
    distance: float = DISTANCE
    fov_deg: float = FOV_DEG
    lowest_deg: float = -90.0
    default_steps: int = 20
    default_guidance: float = 3.0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    low_vram: bool = False
    compile: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._settle()
        if self.occupancy is not None:
            self.occupancy.requires_grad_(False).eval()
        self._cross = install(self.unet)

    @property
    def predicts_alpha(self) -> bool:
        """Whether the decoder gives a mask with each picture."""
        return self.vae.config.out_channels == 4

    def sample(  # type: ignore[override]
        self,
        image_rgba: np.ndarray,
        poses: np.ndarray,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        seed: int = 0,
        batch: int = 0,
        input_elevation_deg: float | None = None,
        step: Callable[[int], None] | None = None,
        parity: str | None = None,
        solver: str | None = None,
        eta: float = 0.0,
        agreement: Agreement | None = None,
    ) -> np.ndarray:
        """Draw the object from new cameras.

        Args:
            image_rgba: (S, S, 4) uint8, straight alpha, the object centred; S is 256 for every known model.
            poses: (n, 4) float, `img2mesh.core.camera.relative_pose` of each target.
            steps, guidance: None takes the model's own; guidance 1 needs no unconditional pass.
            seed: view i starts from noise that depends on (seed, i) alone, so `batch` and the number of views
                change a picture only by the rounding of the arithmetic.
            batch: views denoised together; 0: as many as suit the device.
            input_elevation_deg: of the photo's camera; only Stable Zero123 needs it.
            step: called with the number of view-steps just finished; they sum to n times the evaluations.
            parity: `original` for the published demo's numerics (`make_schedule`), pixels truncated.
            solver: `ddim` or `dpm++`; None takes DPM-Solver++ for noise-predicting models, DDIM for others.
            eta: share of DDPM's noise in DDIM.
            agreement: all views are then denoised side by side, and what it makes of their predicted clean pictures
                goes into the run.

        Returns:
            (n, S, S, 4) uint8 with straight alpha, 255 everywhere unless `predicts_alpha`.

        Raises:
            Img2MeshError: an argument that makes no run.
        """
        guidance = self.default_guidance if guidance is None else guidance
        image_rgba = check_request(image_rgba, guidance, PICTURE_MULTIPLE)
        poses = variant_poses(poses, self.variant, input_elevation_deg)
        if batch < 0:
            raise Img2MeshError(f"The batch must be a number from 0 up, not {batch}.")
        schedule = self.schedule(steps, parity=parity, solver=solver, eta=eta)
        condition = self.condition(image_rgba)
        pictures, batch = [], self.views_at_once(batch, len(poses))
        together = batch if agreement is None else max(1, len(poses))
        for start in range(0, len(poses), together):
            rows = range(start, min(start + together, len(poses)))
            generators = [view_generator(seed, i) for i in rows]
            latents = self.denoise(
                condition,
                poses[start : rows.stop],
                schedule,
                guidance,
                generators,
                step,
                batch=batch,
                agreement=agreement,
            )
            pictures.append(self.decode(latents, truncate=parity is not None))
        if not pictures:
            return np.zeros((0, *image_rgba.shape), dtype=np.uint8)
        return np.concatenate(pictures)

    def schedule(
        self,
        steps: int | None = None,
        *,
        parity: str | None = None,
        solver: str | None = None,
        eta: float = 0.0,
    ) -> Schedule:
        """The noise levels that `sample` visits with these arguments: one network evaluation each."""
        if solver is None:
            noise = self.scheduler_config.get("prediction_type", "epsilon") == "epsilon"
            solver = "dpm++" if noise and not eta else "ddim"
        steps = self.default_steps if steps is None else steps
        return make_schedule(self.scheduler_config, steps, parity=parity, solver=solver, eta=eta)

    @torch.inference_mode()
    def condition(self, image_rgba: np.ndarray) -> Condition:
        """Tokens and latent of the input picture (S, S, 4) uint8.

        The latent is the posterior's mode without the scaling factor, the tokens are not normalised: both as
        in training (Zero-1-to-3, section 3.2; the factor applies to target latents only).
        """
        pixels = to_network(image_rgba)[None].to(self.device)  # (1, 4, S, S)
        with self._on_device(self.vae):
            channels = self.vae.config.in_channels
            latent = self.vae.encode(self._activations(pixels[:, :channels])).latent_dist.mode()
        with self._on_device(self.image_encoder):
            seen = clip_pixels(pixels[:, :3], self.image_encoder.config.image_size).to(self.dtype)
            tokens = image_tokens(self.image_encoder, seen, self.projection.config.tokens)
        return Condition(tokens, latent.float())

    @torch.inference_mode()
    def denoise(
        self,
        condition: Condition,
        poses: np.ndarray,
        schedule: Schedule,
        guidance: float,
        generators: list[torch.Generator],
        step: Callable[[int], None] | None = None,
        watch: Callable[[int, Tensor], None] | None = None,
        batch: int = 0,
        agreement: Agreement | None = None,
    ) -> Tensor:
        """Latents (B, 4, h, w) float32 of the pictures at `poses` (B, 4), in the network's own variant.

        Args:
            generators: one per view, on the CPU; each gives the initial noise, then that of every step.
            watch: called with the index of each finished step and the latents after it.
            batch: views that the U-Net is handed at once; 0: all.
            agreement: as in `sample`.
        """
        count, shape = len(poses), condition.latent.shape[1:]
        pose = torch.from_numpy(np.asarray(poses, dtype=np.float32)).to(self.device)
        x = _noise(generators, shape).to(self.device)
        labels = pose_features(pose) if self.unet.config.class_embed_type == "projection" else None
        with self._on_device(self.projection):
            context = self.projection(condition.tokens.expand(count, -1, -1), pose)  # (B, N, C)
        parts = [slice(start, start + (batch or count)) for start in range(0, count, batch or count)]
        meetings = frozenset() if agreement is None else agreement.steps(len(schedule), self.meeting_cost)
        clean = None
        with self._on_device(self.unet), steady_memory():
            for i, time in enumerate(schedule.timesteps):
                outputs = []
                for part in parts:
                    if i == 0 or len(parts) > 1:
                        for layer, processor in self._cross:
                            processor.prepare(layer, context[part])
                    own = None if labels is None else labels[part]
                    outputs.append(self._guided(x[part], condition, context[part], own, int(time), guidance))
                noise = _noise(generators, shape).to(self.device) if schedule.sigma(i) else None
                x, clean = schedule.step(i, x, torch.cat(outputs), noise, clean)
                if agreement is not None and i in meetings:
                    change = self._agreed(clean, agreement, i / len(schedule))
                    x, clean = x + math.sqrt(schedule.after[i]) * change, clean + change
                if watch is not None:
                    watch(i, x)
                if step is not None:
                    step(count)
        return x

    def _guided(
        self,
        x: Tensor,
        condition: Condition,
        context: Tensor,
        labels: Tensor | None,
        time: int,
        guidance: float,
    ) -> Tensor:
        """The U-Net's output for noisy latents (b, 4, h, w), whose contexts the processors hold, with guidance."""
        count = len(x)
        latent = condition.latent.expand(count, -1, -1, -1)
        if guidance != 1:  # the unconditional half: no latent, no pose features, no context
            x, latent = torch.cat([x, x]), torch.cat([latent, torch.zeros_like(latent)])
            labels = None if labels is None else torch.cat([labels, torch.zeros_like(labels)])
        labels = None if labels is None else labels.to(self.dtype)
        times = torch.full((len(x),), time, device=self.device)
        # The processors hold the context; what the U-Net is handed only has to have a fitting shape.
        placeholder = context[:1].expand(len(x), -1, -1)
        y = self._activations(torch.cat([x, latent], dim=1))
        y = self._evaluate(y, times, placeholder, class_labels=labels)
        return y if len(y) == count else y[count:] + guidance * (y[:count] - y[count:])

    @torch.inference_mode()
    def decode(self, latents: Tensor, truncate: bool = False) -> np.ndarray:
        """Latents (B, 4, h, w) to pictures (B, S, S, 4) uint8, straight alpha."""
        return np.concatenate([from_network(part, truncate) for part in self._decoded(latents)])

    def guess(self, image_rgba: np.ndarray) -> Guess | None:
        """What the photo (S, S, 4) uint8, straight alpha, suggests about the body; None without such a network."""
        return None if self.occupancy is None else predict(self.occupancy, image_rgba, self.distance)

    def _pace(self, guidance: float, solver: str | None, views: int) -> tuple[float, float]:
        """On an empty photo, from random numbers of its own: a run gives the same with and without it."""
        poses = np.tile(np.array([0, 0, 1, 0], dtype=np.float32), (views, 1))
        generators = [torch.Generator().manual_seed(i) for i in range(views)]
        condition = self.condition(np.zeros((IMAGE_SIZE, IMAGE_SIZE, 4), dtype=np.uint8))
        schedule = self.schedule(1, solver=solver)
        with self._on_device(self.unet):  # a run brings its weights there once, not for every step
            evaluation = self._timed(lambda: self.denoise(condition, poses, schedule, guidance, generators))
        together = min(self.decoded_at_once, views)
        latents = condition.latent.expand(together, -1, -1, -1)
        return evaluation / views, self._timed(lambda: self.decode(latents)) / together


def view_generator(seed: int, index: int) -> torch.Generator:
    """CPU random numbers of view `index`: independent of every other view's."""
    words = np.random.SeedSequence([seed, index]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def _noise(generators: list[torch.Generator], shape: torch.Size) -> Tensor:
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])
