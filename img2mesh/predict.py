"""How long a run will take: the work of each stage times this machine's measured speed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from img2mesh.machine import thread_count
from img2mesh.settings import Settings

# Arithmetic of one evaluation of the U-Net for one view, in GFLOP; and of decoding one picture. The public
# checkpoints share Stable Diffusion's architecture.
UNET_GFLOP = {"mini": 9.0, "full": 180.0}
DECODE_GFLOP = {"mini": 12.0, "full": 620.0}
# Seconds on the reference machine (2 cores, REFERENCE_GFLOPS by `Speed.measure`), measured; see
# `seconds_per_stage`.
REFERENCE_GFLOPS = 100.0


@dataclass(frozen=True)
class Speed:
    """GFLOP/s of this machine, as `measure` finds them: convolutions in the sampler's type and in float32."""

    sampler: float
    field: float
    device: str
    dtype: str

    @classmethod
    def measure(cls, device: str = "cpu", seconds: float = 0.25) -> Speed:
        """Time two convolutions of the sampler's size for a fraction of a second each."""
        import torch

        torch.set_num_threads(thread_count())
        if device == "cpu":
            from img2mesh.machine import cpu_flags

            fast = bool(cpu_flags() & {"amx_bf16", "avx512_bf16"})
            dtype = torch.bfloat16 if fast else torch.float32
        else:
            dtype = torch.float16
        quick = _conv_gflops(device, dtype, seconds)
        exact = quick if dtype == torch.float32 else _conv_gflops(device, torch.float32, seconds)
        return cls(quick, exact, device, str(dtype).removeprefix("torch."))


def _conv_gflops(device: str, dtype, seconds: float) -> float:
    import torch

    channels, side, batch = 128, 32, 8
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1).to(device, dtype)
    layer = layer.to(memory_format=torch.channels_last)
    values = torch.randn(batch, channels, side, side, device=device, dtype=dtype)
    values = values.to(memory_format=torch.channels_last)
    work = 2 * 9 * channels * channels * side * side * batch / 1e9
    with torch.inference_mode():
        layer(values)
        done, start = 0, time.perf_counter()
        while True:
            for _ in range(4):
                layer(values)
            if device == "cuda":
                torch.cuda.synchronize()
            done += 4
            spent = time.perf_counter() - start
            if spent > seconds:
                return done * work / spent


def size_of(model: str) -> str:
    """`mini` or `full`: which of the two architectures a model's name means, as far as the name tells."""
    from img2mesh.files import data_folder

    if model == "mini":
        return "mini"
    if model == "auto":
        return "mini" if (data_folder("weights") / "mini").is_dir() else "full"
    return "full"


def seconds_per_stage(settings: Settings, speed: Speed, size: str) -> dict[str, float]:
    """Predicted wall time of the main job's stages.

    The sampler's share is its arithmetic; the field's and the mesh's shares were timed on the reference
    machine and scale with its speed in float32. Guidance other than 1 evaluates the U-Net twice.
    """
    passes = 1 if settings.guidance == 1 else 2
    sampling = settings.views * (settings.steps * passes * UNET_GFLOP[size] + DECODE_GFLOP[size])
    slower = REFERENCE_GFLOPS / speed.field
    field = 2.0 + settings.iterations * settings.rays * 2.4e-5 + (settings.hull_resolution / 96) ** 3
    mesh = (
        1.5
        + settings.faces * 1.5e-4
        + (settings.texture_size / 1024) ** 2 * 2
        + (settings.mesh_resolution / 160) ** 3
    )
    return {
        "start": 6.0 * slower,
        "views": sampling / speed.sampler,
        "field": field * slower,
        "mesh": mesh * slower,
    }


def in_words(seconds: float) -> str:
    """Such as `about 40 s` or `about 12 min`."""
    if seconds < 90:
        return f"about {max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
