"""How fast this machine is: measured once per version of the program, kept in the user's cache, corrected by every run.

A file holds a machine's pace under one version, device and number of threads: seconds of a sampler's evaluations and
of a field's steps, the speed of matrix products, and for each stage and size how much longer than foretold runs took.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh import timing
from img2mesh.chosen_model import sees_body
from img2mesh.core.device import cpu_flags, thread_count
from img2mesh.core.files import atomic_file, user_path
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler

LEARNED = 0.5  # share of a run's own ratio in the next correction, once there is one
MOST = 10.0  # ratio beyond which a run says more about its neighbours than about the machine
VARIABLE = "IMG2MESH_CACHE"
SIZES = {  # settings that a stage's correction is for: others may be off by another factor
    "views": ("views", "steps"),
    "field": ("iterations", "rays", "hull_resolution"),
    "mesh": ("faces", "mesh_resolution", "texture_size"),
}


def cache_folder() -> Path | None:
    """Where measurements are kept: `IMG2MESH_CACHE`, else a folder of the user's cache; None where there is none."""
    own = os.environ.get(VARIABLE)
    if own:
        return user_path(own)
    home = user_path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache")
    return None if home is None else home / "img2mesh"


class Calibration:
    """One machine's pace.

    Args:
        device: `cpu`, `cuda` or `mps`.
        anew: forget what was measured and learned before.
    """

    def __init__(self, device: str, anew: bool = False) -> None:
        self.device, folder = device, cache_folder()
        self.path = None if folder is None else folder / f"pace-{_machine(device)}.json"
        self.values: dict[str, float] = {} if anew else self._read()

    def _read(self) -> dict[str, float]:
        """Nothing where the file is damaged: it is measured again."""
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
            if self.path is not None:
                found = json.loads(self.path.read_text(encoding="utf-8")).items()
                return {str(k): float(v) for k, v in found if 0 < float(v) < math.inf}
        return {}

    def save(self) -> None:
        """Keep what is known; a cache that cannot be written is done without."""
        if self.path is None:
            return
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.path) as temporary:
                temporary.write_text(
                    json.dumps(self.values, indent=1, sort_keys=True) + "\n", encoding="utf-8"
                )

    def _known(self, names: list[str], measure: Callable[[], tuple[float, ...]]) -> list[float]:
        if not all(name in self.values for name in names):
            self.values.update(zip(names, map(float, measure()), strict=True))
            self.save()
        return [self.values[name] for name in names]

    def sampler(self, model: Sampler, settings: Settings, views: int | None = None) -> timing.SamplerTime:
        """The pace of a loaded model, which times itself where nobody knows."""
        together = settings.views if views is None else views
        guided = "guided" if settings.guidance != 1 else "plain"
        kind = f"{model.name} {model.dtype} {guided} {settings.solver_name} {together} {settings.batch}"

        def measure() -> tuple[float, ...]:
            found = timing.time_sampler(model, settings, views)
            return found.evaluation, found.decoding

        return timing.SamplerTime(*self._known([f"evaluation {kind}", f"decoding {kind}"], measure))

    def stages(self, model: Sampler, settings: Settings, sparing: bool = False) -> dict[str, float]:
        """Predicted wall time in seconds of `views`, `field` and `mesh` of the main job.

        A model that tells the solid from the photo is taken for one whose drawings are too blurred to fit a field to.

        Args:
            sparing: of `views.synthesize.generate_views`.
        """
        from img2mesh.views.synthesize import probes

        step = 0.0
        if settings.field_fit == "always" or not sees_body(model):
            (step,) = self._known(
                [f"step {settings.rays} {settings.field_backend}"],
                lambda: (timing.time_field(settings, self.device),),
            )
        (speed,) = self._known(["float32"], lambda: (timing.float32_speed(),))
        views = int(probes(settings.views).sum()) if sparing and sees_body(model) else settings.views
        found = timing.seconds_per_stage(settings, self.sampler(model, settings, views), step, speed, views)
        return {name: seconds * self._correction(settings, name) for name, seconds in found.items()}

    def learn(self, settings: Settings, predicted: Mapping[str, float], taken: Mapping[str, float]) -> None:
        """Correct the coming predictions of such runs by what the stages took."""
        for name, seconds in taken.items():
            if predicted.get(name, 0.0) <= 0 or seconds <= 0:
                continue
            ratio, key = seconds / predicted[name], _name(settings, name)
            if 1 / MOST < ratio < MOST:
                weight = LEARNED if key in self.values else 1.0
                self.values[key] = self._correction(settings, name) * ratio**weight
        self.save()

    def _correction(self, settings: Settings, stage: str) -> float:
        return self.values.get(_name(settings, stage), 1.0)


def _name(settings: Settings, stage: str) -> str:
    return " ".join(["correction", stage, *(str(getattr(settings, size)) for size in SIZES[stage])])


def _machine(device: str) -> str:
    """A few letters that stand for what decides the pace."""
    import torch

    from img2mesh import __version__

    facts: list[Any] = [__version__, torch.__version__, device, thread_count(), sorted(cpu_flags())]
    if device == "cuda":
        facts.append(torch.cuda.get_device_name())
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
