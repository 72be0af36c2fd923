"""How long a run will take: sampler and field timed on a few steps, the rest scaled from a reference machine."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler

# GFLOP/s in float32, by `float32_speed`, of the machine on which the seconds of hull and mesh below were measured: two
# cores of a server CPU. Only a part of that work grows faster with the matrix products, and a busy machine slows small
# products most: over both, times go with the square root of the speed.
REFERENCE_GFLOPS = 175.0
# Of making a view agree with the others once: decodings (at half size, and two encodings), and seconds.
MEETING = (0.45, 0.05)
EARLY, LATE = 0.25, 0.75  # shares of a fit's steps; in the first the shape rests and the grid is coarse


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
    agreeing = 0.0
    if settings.consistency:
        from img2mesh.views.agreement import meeting_steps

        meeting = MEETING[0] * sampler.decoding + MEETING[1]
        cost = meeting / max(sampler.evaluation, 1e-9)
        agreeing = len(meeting_steps(settings.steps, settings.consistency_start, cost)) * meeting
    return views * (settings.steps * sampler.evaluation + sampler.decoding + agreeing)


def time_field(settings: Settings, device: str = "cpu") -> float:
    """Seconds of one optimisation step of the field on this machine, measured once for the same settings.

    Raises:
        Img2MeshError: the settings' `field_backend` cannot run on the device.
    """
    return _step_of_a_ball(settings.rays, settings.field_backend, device)


@lru_cache
def _step_of_a_ball(rays: int, backend: str, device: str) -> float:
    """A step's work depends on neither the object nor its views."""
    import numpy as np

    from img2mesh.core.camera import orbit_camera
    from img2mesh.core.sdf_grid import SdfGrid
    from img2mesh.core.view import Source, View, ViewSet
    from img2mesh.field.fit import WARM, Fit

    axis = np.linspace(-0.4, 0.4, 17)
    distance = np.sqrt((np.stack(np.meshgrid(axis, axis, axis)) ** 2).sum(0)) - 0.3
    hull = SdfGrid(distance.astype(np.float32), np.array([[-0.4] * 3, [0.4] * 3]))
    view = View(np.full((32, 32, 4), 200, np.uint8), orbit_camera(0.0, 0.0, size=32), Source.DRAWN, 1.0)
    settings = Settings(rays=rays, field_backend=backend, iterations=1000)
    fit, spent = Fit(ViewSet((view,)), hull, np.ones(1), 1.0, settings, device), []
    for share in (EARLY, LATE):
        fit.done = int(share * fit.total) + 1  # between two updates of its lattice
        for _ in range(3 if device == "cuda" else 1):  # the first prepare kernels
            fit.step()
        start = time.perf_counter()
        for _ in range(2):
            fit.step()  # ends with reading its losses: a GPU has then finished, too
        spent.append((time.perf_counter() - start) / 2)
    return WARM * spent[0] + (1 - WARM) * spent[1]


def float32_speed(seconds: float = 0.1) -> float:
    """GFLOP/s of this CPU's matrix products in float32, of the sizes that the field's network has."""
    import torch

    a, b = torch.ones(8192, 64), torch.ones(64, 64)
    with torch.inference_mode():
        a @ b
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            for _ in range(8):
                a @ b
            done += 8
    return done * 2 * a.shape[0] * 64 * 64 / 1e9 / spent


def seconds_per_stage(
    settings: Settings, sampler: SamplerTime, step: float, speed: float, views: int | None = None
) -> dict[str, float]:
    """Predicted wall time of the main job's stages after the model is loaded.

    Args:
        sampler: from `time_sampler`, with the same guidance.
        step: from `time_field`, with the same settings; 0 where no field is fitted.
        speed: from `float32_speed`: elevation, hull and mesh are made on the CPU whatever the device.
        views: that will be drawn, where they are not the settings' own number.
    """
    slower = math.sqrt(REFERENCE_GFLOPS / speed)
    elevation = 0.65 if settings.elevation == "auto" else 0.0
    hull = 1.3 + settings.views * (0.07 + 0.126 * (settings.hull_resolution / 128) ** 3)
    mesh = 0.75 + settings.faces * 1.25e-4 + 1.15 * (settings.texture_size / 1024) ** 2
    mesh += 1.0 * (settings.mesh_resolution / 160) ** 2
    return {
        "views": seconds_of_views(settings, settings.views if views is None else views, sampler)
        + elevation * slower,
        "field": settings.iterations * step + hull * slower,
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
    """One line for the user.

    Args:
        stages: seconds by name; those already spent count, too.
    """
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages.items())
    return f"this takes {in_words(sum(stages.values()))} in all ({parts})"
