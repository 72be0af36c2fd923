"""How long a run will take: the sampler timed on a few evaluations, the rest scaled from a reference machine."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.zero123.interface import Sampler

# GFLOP/s in float32, by `float32_speed`, of the machine on which the seconds below were measured: two cores of
# a server CPU. Only a part of the field's and the mesh's work grows faster with the matrix products, and a busy
# machine slows small products most: over both, times go with the square root of the speed.
REFERENCE_GFLOPS = 175.0


@dataclass(frozen=True)
class SamplerTime:
    """Seconds per view for one evaluation of the U-Net (guidance included) and for decoding a picture."""

    evaluation: float
    decoding: float


def time_sampler(model: Sampler, settings: Settings, views: int | None = None) -> SamplerTime:
    """Let a loaded model time one or two of its evaluations, which changes no result.

    Args:
        views: of the run, where they are not the settings' own number.
    """
    evaluation, decoding = model.pace(
        settings.guidance,
        settings.solver_name,
        views=settings.views if views is None else views,
        batch=settings.batch,
    )
    return SamplerTime(evaluation, decoding)


def seconds_of_views(settings: Settings, views: int, sampler: SamplerTime) -> float:
    """Predicted wall time of drawing so many views."""
    return views * (settings.steps * sampler.evaluation + sampler.decoding)


def float32_speed(device: str = "cpu", seconds: float = 0.1) -> float:
    """GFLOP/s of matrix products in float32, of the sizes that the field's network has."""
    import torch

    a, b = torch.ones(8192, 64, device=device), torch.ones(64, 64, device=device)
    with torch.inference_mode():
        a @ b
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            for _ in range(8):
                a @ b
            if device == "cuda":
                torch.cuda.synchronize()
            done += 8
    return done * 2 * a.shape[0] * 64 * 64 / 1e9 / spent


def seconds_per_stage(settings: Settings, sampler: SamplerTime, speed: float) -> dict[str, float]:
    """Predicted wall time of the main job's stages after the model is loaded.

    Args:
        sampler: from `time_sampler`, with the same guidance.
        speed: from `float32_speed`.
    """
    slower = math.sqrt(REFERENCE_GFLOPS / speed)
    field = 0.25 + 0.25 * settings.views * (settings.hull_resolution / 96) ** 2
    field += settings.iterations * (0.03 + settings.rays * 4.3e-6)
    mesh = 0.6 + settings.faces * 1e-4 + 0.9 * (settings.texture_size / 1024) ** 2
    mesh += 0.8 * (settings.mesh_resolution / 160) ** 2
    return {
        "views": seconds_of_views(settings, settings.views, sampler),
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


def sentence(stages: dict[str, float]) -> str:
    """One line for the user."""
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages.items())
    return f"this will take {in_words(sum(stages.values()))} ({parts})"
