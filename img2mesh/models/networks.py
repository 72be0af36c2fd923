"""Where a sampler's networks live while it runs, and how the largest of them is called."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.models import cpu
from img2mesh.models.allocator import lean_memory, steady_memory

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from img2mesh.models.sampler import Agreement

DECODE_BATCH = 4  # pictures per decoder call on a GPU; one elsewhere, where more are slower and take memory
CPU_BATCH = 8  # views per denoising call on a CPU: more at once are hardly faster and take memory
COST = 14.0  # denoising steps that take the time of a meeting, were the autoencoder as large as the U-Net
LONG_SECONDS = 2.0  # a first evaluation on a CPU that takes longer than this tells the pace by itself
WARM_UPS = 3  # on a GPU: torch.compile compiles, records a graph, replays it


class Networks:
    """Base of the samplers: frozen networks in one number format, on one device or visiting it in turn.

    A subclass is a dataclass with the modules named in `parts` and the fields device, dtype, low_vram and
    compile.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    device: torch.device
    dtype: torch.dtype
    low_vram: bool
    compile: bool
    unet: UNet2DConditionModel
    vae: AutoencoderKL

    def _settle(self) -> None:
        """Freeze the networks and bring them to their format and place."""
        with lean_memory():
            for name in self.parts:
                module = getattr(self, name)
                module.requires_grad_(False).eval()
                # nn.Module's own `to`: diffusers' one warns about every change of format
                nn.Module.to(module, "cpu" if self.low_vram else self.device, dtype=self.dtype)
            for module in (self.unet, self.vae):
                module.to(memory_format=torch.channels_last)
                if self.device.type == "cpu":
                    cpu.arrange(module)
                else:
                    cpu.restore(module)
        self._there: set[nn.Module] = set()  # those that visit the device now
        self._compiled: Callable[..., Any] | None = None
        self._paces: dict[tuple, tuple[float, float]] = {}

    @contextlib.contextmanager
    def _on_device(self, *modules: nn.Module) -> Iterator[None]:
        """The modules are on the device inside of the block; under `low_vram` they leave it with the outermost."""
        arriving = [module for module in modules if module not in self._there] if self.low_vram else []
        try:
            for module in arriving:
                module.to(self.device)
                self._there.add(module)
            yield
        finally:
            for module in arriving:
                module.to("cpu")
                self._there.discard(module)

    def _activations(self, x: Tensor) -> Tensor:
        return x.to(self.dtype, memory_format=torch.channels_last)

    @property
    def _graphs(self) -> bool:
        return self.compile and self.device.type == "cuda" and not self.low_vram

    def _evaluate(self, x: Tensor, times: Tensor, context: Tensor, **extra: Any) -> Tensor:
        """The U-Net's output as float32, through compiled kernels where that is wanted and possible."""
        if not self._graphs:
            return self.unet(x, times, context, **extra).sample.float()
        if self._compiled is None:
            # "reduce-overhead" records the kernels of one call as a CUDA graph and replays it.
            self._compiled = torch.compile(self.unet, mode="reduce-overhead", dynamic=False)
        torch.compiler.cudagraph_mark_step_begin()
        # A graph writes every output into the same memory: the copy outlives the next call.
        return self._compiled(x, times, context, **extra).sample.float().clone()

    def _decoded(self, latents: Tensor) -> Iterator[Tensor]:
        """The VAE's pictures (b, C, H, W) of scaled latents (B, 4, h, w), a few at a time."""
        with self._on_device(self.vae), steady_memory():
            for part in (latents / self.vae.config.scaling_factor).split(self.decoded_at_once):
                yield self.vae.decode(self._activations(part)).sample

    def _agreed(self, clean: Tensor, agreement: Agreement, done: float) -> Tensor:
        """What predicted clean latents (B, 4, h, w) change by so that their pictures agree better.

        At half their size, which the convolutions take as well and which costs a quarter. The difference of two
        encodings is taken: what the autoencoder loses on the way there and back is no change.
        """
        vae, scale = self.vae, self.vae.config.scaling_factor
        small = F.interpolate(clean, scale_factor=0.5, mode="area") / scale
        with self._on_device(vae):
            pictures = torch.cat(
                [vae.decode(self._activations(part)).sample.float() for part in small.split(DECODE_BATCH)]
            )
            wanted = pictures + agreement(pictures, done)
            before, after = (
                torch.cat(
                    [
                        vae.encode(self._activations(part)).latent_dist.mode().float()
                        for part in some.split(DECODE_BATCH)
                    ]
                )
                for some in (pictures, wanted)
            )
        change = (after - before) * scale
        return F.interpolate(change, size=clean.shape[-2:], mode="bilinear", align_corners=False)

    @property
    def meeting_cost(self) -> float:
        """How many denoising steps take the time of one meeting of an `Agreement`, about.

        In proportion to the autoencoder's parameters beside the U-Net's, which are 0.10 of them in the published
        checkpoints, 0.33 in the mini (docs/views.md).
        """
        weights = [sum(p.numel() for p in module.parameters()) for module in (self.vae, self.unet)]
        return COST * weights[0] / max(weights[1], 1)

    @property
    def decoded_at_once(self) -> int:
        """How many pictures go through the decoder together."""
        return DECODE_BATCH if self.device.type == "cuda" and not self.low_vram else 1

    def views_at_once(self, batch: int, views: int) -> int:
        """How many of `views` to denoise together when asked for `batch`; 0 leaves it to the device."""
        return batch or (max(1, views) if self.device.type == "cuda" else CPU_BATCH)

    def pace(
        self, guidance: float, solver: str | None = None, *, views: int = 1, batch: int = 0
    ) -> tuple[float, float]:
        """Seconds per view of one denoising step and of decoding a picture, measured on this machine.

        Args:
            views, batch: of the run that will come: as many views are denoised together here as there.
        """
        views = max(1, min(views, self.views_at_once(batch, views)))
        asked = (guidance, solver, views)
        if asked not in self._paces:
            self._paces[asked] = self._pace(*asked)
        return self._paces[asked]

    def _pace(self, guidance: float, solver: str | None, views: int) -> tuple[float, float]:
        """`pace`, measured anew; each model does it its own way."""
        raise NotImplementedError

    def _timed(self, work: Callable[[], Any]) -> float:
        """Seconds of `work` when it is done again and again.

        The first time prepares kernels: it does not count where that is much of it. A GPU's first times compile.
        """
        wanted = WARM_UPS if self.device.type == "cuda" else 1
        for done in range(wanted + 1):
            start = self.clock()
            work()
            seconds = self.clock() - start
            if done < wanted and self.device.type != "cuda" and seconds > LONG_SECONDS:
                break
        return seconds

    def clock(self) -> float:
        """Seconds, after everything that was asked of the device is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
