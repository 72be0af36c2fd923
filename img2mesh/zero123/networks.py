"""Where a sampler's networks live while it runs, and how the largest of them is called."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

DECODE_BATCH = 4  # pictures per decoder call on a GPU; one elsewhere, where more are slower and take memory
CPU_BATCH = 4  # views per denoising call on a CPU: more at once are no faster and take memory
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # numbers of glibc's mallopt


@contextlib.contextmanager
def steady_memory() -> Iterator[None]:
    """Keep freed memory for the next tensor inside of the block; glibc's allocator only, elsewhere nothing.

    By default every large tensor is mapped anew, and the kernel clears it page by page before it is overwritten
    anyway: a fifth of the time of a wide linear layer. Afterwards the largest values that glibc would have come
    to by itself are set, and what is free goes back.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):
        yield
        return
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_TRIM_THRESHOLD, 64 << 20)
        libc.malloc_trim(0)


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
    unet: nn.Module
    vae: nn.Module

    def _settle(self) -> None:
        """Freeze the networks and bring them to their format and place."""
        for name in self.parts:
            module = getattr(self, name)
            module.requires_grad_(False).eval()
            # nn.Module's own `to`: diffusers' one warns about every change of format
            nn.Module.to(module, "cpu" if self.low_vram else self.device, dtype=self.dtype)
        for module in (self.unet, self.vae):
            module.to(memory_format=torch.channels_last)
        self._compiled: Callable[..., Any] | None = None

    @contextlib.contextmanager
    def _on_device(self, *modules: nn.Module) -> Iterator[None]:
        """The modules are on the device inside of the block; under `low_vram` they leave it again."""
        if not self.low_vram:
            yield
            return
        for module in modules:
            module.to(self.device)
        try:
            yield
        finally:
            for module in modules:
                module.to("cpu")

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
        together = DECODE_BATCH if self.device.type == "cuda" and not self.low_vram else 1
        with self._on_device(self.vae), steady_memory():
            for part in (latents / self.vae.config.scaling_factor).split(together):
                yield self.vae.decode(self._activations(part)).sample

    def views_at_once(self, batch: int, views: int) -> int:
        """How many of `views` to denoise together when asked for `batch`; 0 leaves it to the device."""
        return batch or (max(1, views) if self.device.type == "cuda" else CPU_BATCH)

    def clock(self) -> float:
        """Seconds, after everything that was asked of the device is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
