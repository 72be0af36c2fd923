"""What a training leaves behind at any kill: states, the averaged weights, the log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from img2mesh.core.files import atomic_file
from img2mesh.errors import Img2MeshError
from img2mesh.train.config import Optimisation, TrainConfig
from img2mesh.train.distributed import Workers


class Ema:
    """Exponential moving average of parameters, decay warmed up as min(d, (1 + n) / (10 + n)) (docs/zero123.md)."""

    def __init__(self, modules: dict[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {
            f"{name}.{key}": value.detach().clone().float()
            for name, module in modules.items()
            for key, value in module.state_dict().items()
        }

    @torch.no_grad()
    def update(self, modules: dict[str, nn.Module]) -> None:
        """Move the average towards the modules' present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, module in modules.items():
            for key, value in module.state_dict().items():
                self.shadow[f"{name}.{key}"].lerp_(value.detach().float(), 1 - decay)

    def state(self) -> dict[str, Any]:
        """What `load` needs to go on: `ema`, the averages by "module.key", and the number of `updates`."""
        return {"ema": self.shadow, "updates": self.updates}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state that holds `state()`, where the averages are now: states are read to the CPU."""
        self.shadow = {key: value.to(self.shadow[key].device) for key, value in state["ema"].items()}
        self.updates = state["updates"]

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """Averaged state dict of one module."""
        return averaged(self.shadow, name)


def averaged(shadow: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """State dict of one module out of a saved state's `ema`."""
    prefix = name + "."
    return {k.removeprefix(prefix): v for k, v in shadow.items() if k.startswith(prefix)}


def learning_rate(step: int, plan: Optimisation) -> float:
    """Factor of the peak rate at a step: linear warm-up, then as `Optimisation.cooldown` says."""
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    if plan.cooldown > 0:
        left = (plan.steps - step) / max(plan.steps * plan.cooldown, 1)
        return plan.final_rate + (1 - plan.final_rate) * min(max(left, 0.0), 1.0)
    done = min((step - plan.warmup) / max(plan.steps - plan.warmup, 1), 1.0)
    return plan.final_rate + (1 - plan.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all."""
    with atomic_file(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> dict[str, Any] | None:
    """A state written by `save_state`, or None; only tensors and plain values are accepted."""
    if not path.is_file():
        return None
    return torch.load(path, map_location="cpu", weights_only=True)


def training_state(modules: dict[str, nn.Module], optimizer: Any, ema: Ema, step: int) -> dict[str, Any]:
    """What `resume` needs to go on; `optimizer` is anything with a `state_dict`."""
    return {
        "modules": {name: module.state_dict() for name, module in modules.items()},
        "optimizer": optimizer.state_dict(),
        "step": step,
        **ema.state(),
    }


def resume(path: Path, modules: dict[str, nn.Module], optimizer: Any, ema: Ema) -> int:
    """Go on from a saved `training_state`; returns the steps done, 0 where there is none.

    Raises:
        Img2MeshError: the file holds something else.
    """
    state = load_state(path)
    if state is None:
        return 0
    if not {"modules", "optimizer"} <= set(state):
        raise Img2MeshError(f"{path} is no training state of this version of img2mesh.")
    for name, module in modules.items():
        module.load_state_dict(state["modules"][name])
    optimizer.load_state_dict(state["optimizer"])
    ema.load(state)
    return state["step"]


class Keeper:
    """Saves a training's state every so often and says when the minutes it was given are over.

    Args:
        path: the state's file.
        config: gives `save_every` (seconds) and `minutes` (0: no limit).
        gather: makes the state.
        workers: the first of which saves and decides.
    """

    def __init__(
        self, path: Path, config: TrainConfig, gather: Callable[[], dict[str, Any]], workers: Workers
    ) -> None:
        self.path, self.config, self.gather, self.workers = path, config, gather, workers
        self.started = self.saved = time.time()

    def save(self) -> None:
        """Write the present state."""
        if self.workers.main:
            save_state(self.path, self.gather())
        self.saved = time.time()

    def step(self) -> bool:
        """After each step: save if it is time to; False once the minutes are over."""
        now = time.time()
        if now - self.saved > self.config.save_every:
            self.save()
        over = self.config.minutes > 0 and now - self.started > self.config.minutes * 60
        return not self.workers.agree(over)


class Log:
    """A line of JSON per report, in `log.jsonl`, and the same on the screen; curves for TensorBoard if asked for.

    Args:
        config: gives the folder (`run`) and whether curves are wanted (`tensorboard`).
        stage: what is being trained.
        workers: the first of which writes; its values stand for all.

    Raises:
        Img2MeshError: curves are wanted and the package tensorboard is missing.
    """

    def __init__(self, config: TrainConfig, stage: str, workers: Workers) -> None:
        run = Path(config.run)
        run.mkdir(parents=True, exist_ok=True)
        self.path = run / "log.jsonl"
        self.stage, self.workers = stage, workers
        self._curves = _curves(run / "tensorboard") if config.tensorboard and workers.main else None
        self._sums: dict[str, float] = {}
        self._calls = self._samples = 0
        self._since = time.time()

    def gather(self, samples: int, **values: float) -> None:
        """Add one step's values and its number of samples to the running means."""
        for key, value in values.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
        self._calls += 1
        self._samples += samples * self.workers.count

    def means(self) -> dict[str, float]:
        """Means since the last call, and samples `per_second`; starts the next ones."""
        means = {key: value / max(self._calls, 1) for key, value in self._sums.items()}
        means["per_second"] = self._samples / max(time.time() - self._since, 1e-9)
        self.pause()
        return means

    def pause(self) -> None:
        """Forget what was gathered, so that work that is no training does not count."""
        self._sums, self._calls, self._samples, self._since = {}, 0, 0, time.time()

    def write(self, **values: Any) -> None:
        """Append one report; floats are rounded to five digits."""
        if not self.workers.main:
            return
        row = {"stage": self.stage, "time": round(time.time(), 1)}
        row |= {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in values.items()}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        if self._curves is not None:
            for key, value in values.items():
                if key != "step":
                    self._curves.add_scalar(f"{self.stage}/{key}", value, values["step"])
            self._curves.flush()
        print(" ".join(f"{k}={v}" for k, v in row.items() if k != "time"), flush=True)


def _curves(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise Img2MeshError(
            "The recipe asks for TensorBoard curves: install the package tensorboard (extra [tensorboard])."
        ) from None
    return SummaryWriter(str(folder))
