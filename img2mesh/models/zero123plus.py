"""Zero123++ (Shi et al. 2023): one picture in, six fixed views on grey out, drawn together as one picture.

Numbers and steps: the reference facts for v1.1 and v1.2, from the makers' description of their pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from img2mesh.core.camera import FOV_DEG
from img2mesh.models.allocator import steady_memory
from img2mesh.models.attention import install
from img2mesh.models.networks import Networks
from img2mesh.models.preprocess import CLIP_MEAN, CLIP_STD, check_request, from_network
from img2mesh.models.reference_attention import install_reference
from img2mesh.models.sampler import Drawn
from img2mesh.models.schedule import Schedule, make_schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

AZIMUTHS = (30, 90, 150, 210, 270, 330)  # degrees from the input's, in the order of the tiles
COLUMNS, ROWS, TILE = 2, 3, 320  # of the picture; a tile is square
GREY = (127, 127, 127)  # what the input is laid on, and what the output's background should be
# The network's latents are (z - SHIFT) * SPREAD of the VAE's scaled latents; its pictures go into the VAE as
# values in [-1, 1] times CONTRAST.
SHIFT, SPREAD, CONTRAST = 0.22, 0.75, 0.5 / 0.8


@dataclass(frozen=True)
class Version:
    """The cameras of one release: elevations above the horizon, in turn; field of view; distance.

    v1.1 normalises objects to the unit cube and its distance was never published: the middle of Zero-1-to-3's
    range stands here, and an error in it scales the object, nothing else. v1.2 puts objects into a ball of radius
    0.5 and sees it whole at its middle's depth.
    """

    elevations: tuple[float, float]
    fov_deg: float
    distance: float


VERSIONS = {
    "v1.1": Version((30.0, -20.0), FOV_DEG, 1.85),
    "v1.2": Version((20.0, -10.0), 30.0, 0.5 / math.tan(math.radians(15.0))),
}


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes an encoder's input: side in pixels, Pillow's resampling, mean and deviation."""

    size: int
    resample: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, rgba: np.ndarray) -> Tensor:
        """(S, S, 4) uint8, straight alpha, to (1, 3, size, size) float32: on grey, resized, normalised."""
        alpha = rgba[..., 3:].astype(np.float32) / 255
        on_grey = rgba[..., :3] * alpha + np.array(GREY, dtype=np.float32) * (1 - alpha)
        picture = Image.fromarray(np.round(on_grey).astype(np.uint8))
        picture = picture.resize((self.size, self.size), self.resample)
        values = (np.asarray(picture, dtype=np.float32) / 255 - self.mean) / self.std
        return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None]


FOR_VAE = Preprocess(512, int(Image.Resampling.BILINEAR), (0.5,) * 3, (0.8,) * 3)
FOR_CLIP = Preprocess(224, int(Image.Resampling.BICUBIC), CLIP_MEAN, CLIP_STD)


@dataclass(eq=False)
class Zero123Plus(Networks):
    """A loaded model; `img2mesh.models.load_model` makes one. The interface is `interface.Sampler`.

    Attributes:
        empty_prompt: (1, N, W) what the text encoder makes of no text.
        ramp: (N,) how much of the picture's embedding each of those tokens takes on.
        for_vae, for_clip: preprocessing of the input picture.
        variant: `v1.1` or `v1.2`: which cameras it draws for.
        tile: side of one view in pixels.
        Others: as in `sampler.Zero123`. `compile` has no effect.
    """

    parts = ("unet", "vae", "image_encoder")
    fixed_views = ROWS * COLUMNS
    input_size = 512
    lowest_deg = -90.0

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    image_encoder: nn.Module
    scheduler_config: Mapping[str, Any]
    empty_prompt: Tensor
    ramp: Tensor
    for_vae: Preprocess = FOR_VAE
    for_clip: Preprocess = FOR_CLIP
    tile: int = TILE
    name: str = "custom"
    licence: str = "unknown"
    source: Path | None = None
    variant: str = "v1.2"
    weights: str = ""
    default_steps: int = 28
    default_guidance: float = 4.0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    low_vram: bool = False
    compile: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.compile = (
            False  # a graph's outputs die with the next replay, and the reference has to outlive it
        )
        self._settle()
        self._cross = install(self.unet)
        self._reference = install_reference(self.unet)

    def at_distance(self, distance: float) -> Zero123Plus:
        """Itself: its cameras are those that it learned."""
        return self

    @property
    def distance(self) -> float:
        """Of the cameras it draws for."""
        return VERSIONS[self.variant].distance

    @property
    def fov_deg(self) -> float:
        """Of the cameras it draws for."""
        return VERSIONS[self.variant].fov_deg

    @property
    def directions(self) -> np.ndarray:
        """(6, 2) float64 degrees: elevation above the horizon, azimuth from the input's."""
        pair = VERSIONS[self.variant].elevations
        return np.array([(pair[i % 2], azimuth) for i, azimuth in enumerate(AZIMUTHS)], dtype=np.float64)

    def draw(
        self,
        image_rgba: np.ndarray,
        directions: np.ndarray | None = None,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        seed: int = 0,
        batch: int = 0,
        input_elevation_deg: float | None = None,
        step: Callable[[int], None] | None = None,
        parity: str | None = None,
        solver: str | None = None,
        agreement: Any = None,
    ) -> Drawn:
        """The six views of the object of a square photo (S, S, 4) uint8, straight alpha.

        Args:
            directions, batch, input_elevation_deg, agreement: without effect: the views are fixed and drawn together.
            steps, guidance: None takes the model's own.
            step: called with the six view-steps of every step.
            parity: without effect: with the model's own solver these are the published numerics.
            solver: None is Euler's ancestral method, which the makers use; `ddim`, `dpm++`.

        Raises:
            Img2MeshError: an argument that makes no run.
        """
        guidance = self.default_guidance if guidance is None else guidance
        image_rgba = check_request(image_rgba, guidance)
        generator = torch.Generator().manual_seed(seed)
        condition = self.condition(image_rgba, generator)
        latents = self.denoise(condition, self.schedule(steps, solver=solver), guidance, generator, step)
        tiles = cut_tiles(self.decode(latents))
        return Drawn(tiles, self.directions, True, self.distance, self.fov_deg, GREY)

    def schedule(self, steps: int | None = None, *, solver: str | None = None) -> Schedule:
        """The noise levels that `draw` visits.

        Euler's ancestral method in sigma = sqrt(1 / alpha_bar - 1) is DDIM with eta 1 in other letters: both put
        sigma_up^2 = sigma_next^2 (1 - sigma_next^2 / sigma^2) of fresh noise into each step.
        """
        steps = self.default_steps if steps is None else steps
        eta = 1.0 if solver is None else 0.0
        return make_schedule(
            self.scheduler_config, steps, solver=solver or "ddim", eta=eta, spacing="trailing"
        )

    @torch.inference_mode()
    def condition(self, image_rgba: np.ndarray, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the input picture becomes, first for the conditional, then for the unconditional branch.

        Returns:
            Contexts (2, N, W): the empty prompt plus the ramp times the picture's embedding; the empty prompt.
            Latents (2, 4, h, w) float32, samples of the posterior, not scaled: the picture's; a grey one's.
        """
        seen = self.for_vae(image_rgba)
        pixels = torch.cat([seen, torch.zeros_like(seen)]).to(self.device)
        with self._on_device(self.vae):
            found = [self.vae.encode(self._activations(part)).latent_dist for part in pixels.split(1)]
        mean, std = (torch.cat([getattr(f, name) for f in found]).float() for name in ("mean", "std"))
        latents = mean + std * _noise(generator, mean)
        with self._on_device(self.image_encoder):
            embedding = self.image_encoder(
                pixel_values=self.for_clip(image_rgba).to(self.device, self.dtype)
            ).image_embeds.float()
        blank = self.empty_prompt.to(self.device).float()
        given = blank + self.ramp.to(self.device).float()[None, :, None] * embedding[:, None]
        return torch.cat([given, blank]).to(self.dtype), latents

    @torch.inference_mode()
    def denoise(
        self,
        condition: tuple[Tensor, Tensor],
        schedule: Schedule,
        guidance: float,
        generator: torch.Generator,
        step: Callable[[int], None] | None = None,
        watch: Callable[[int, Tensor], None] | None = None,
    ) -> Tensor:
        """The picture's latents (1, 4, h, w) float32, in the network's own scale.

        Args:
            condition: from `condition`.
            generator: on the CPU; gives the initial noise, then per step that of the reference and of the solver.
            watch: called with the index of each finished step and the latents after it.
        """
        branches = 1 if guidance == 1 else 2
        context, reference = (part[:branches] for part in condition)
        side = self.tile // 2 ** (len(self.vae.config.block_out_channels) - 1)
        x = torch.empty(1, self.unet.config.in_channels, ROWS * side, COLUMNS * side, device=self.device)
        x = _noise(generator, x) * math.sqrt(1 - schedule.now[0])
        clean = None
        with self._on_device(self.unet), steady_memory():
            for layer, processor in self._cross:
                processor.prepare(layer, context)
            for i, time in enumerate(schedule.timesteps):
                times = torch.full((branches,), int(time), device=self.device)
                signal, spread = math.sqrt(schedule.now[i]), math.sqrt(1 - schedule.now[i])
                seen = signal * reference + spread * _noise(generator, reference)
                with self._reference.leave():
                    self._evaluate(self._activations(seen), times, context)
                y = self._evaluate(self._activations(x.expand(branches, -1, -1, -1)), times, context)
                y = y[:1] if branches == 1 else y[1:] + guidance * (y[:1] - y[1:])
                fresh = _noise(generator, x) if schedule.sigma(i) else None
                x, clean = schedule.step(i, x, y, fresh, clean)
                if watch is not None:
                    watch(i, x)
                if step is not None:
                    step(self.fixed_views)
        return x

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """The network's latents (1, 4, h, w) to the picture of all views, (3 tile, 2 tile, 4) uint8."""
        (decoded,) = self._decoded(latents / SPREAD + SHIFT)
        return from_network(decoded.float() / CONTRAST)[0]

    def guess(self, image_rgba: np.ndarray) -> None:
        """Nothing: no such model has a network for it."""

    def _pace(self, guidance: float, solver: str | None, views: int) -> tuple[float, float]:
        generator = torch.Generator().manual_seed(0)
        empty = np.zeros((self.for_vae.size, self.for_vae.size, 4), dtype=np.uint8)
        condition, schedule = self.condition(empty, generator), self.schedule(1, solver=solver)
        with self._on_device(self.unet):  # a run brings its weights there once, not for every step
            evaluation = self._timed(lambda: self.denoise(condition, schedule, guidance, generator))
        side = self.tile // 2 ** (len(self.vae.config.block_out_channels) - 1)
        latents = torch.zeros(
            1, self.unet.config.in_channels, ROWS * side, COLUMNS * side, device=self.device
        )
        return evaluation / self.fixed_views, self._timed(lambda: self.decode(latents)) / self.fixed_views


def cut_tiles(picture: np.ndarray) -> np.ndarray:
    """The views (6, tile, tile, C) of a picture (3 tile, 2 tile, C), row by row: the order of the azimuths."""
    height, width, channels = picture.shape
    tiles = picture.reshape(ROWS, height // ROWS, COLUMNS, width // COLUMNS, channels)
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(-1, height // ROWS, width // COLUMNS, channels)


def _noise(generator: torch.Generator, like: Tensor) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like.device)
