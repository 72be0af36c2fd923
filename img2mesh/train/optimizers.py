"""The steps of a training whose networks learn with Muon, AdamW, or both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError
from img2mesh.train.checkpoints import learning_rate
from img2mesh.train.config import Optimisation
from img2mesh.train.distributed import Workers
from img2mesh.train.muon import Muon, hidden_matrices


class Optimizers:
    """AdamW, after Muon where the plan asks for it, over the learned parameters of some modules.

    Args:
        modules: by folder name; the rate of `clip_camera_projection` is multiplied by the plan's `projection_rate`.
        plan: optimizer, rates, decay and clipping.
        workers: the processes that train together.
        scales: what the rates of further modules are multiplied by.

    Raises:
        Img2MeshError: an optimizer of another name.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        plan: Optimisation,
        workers: Workers,
        scales: dict[str, float] | None = None,
    ) -> None:
        if plan.optimizer not in ("adamw", "muon"):
            raise Img2MeshError(f"Unknown optimizer {plan.optimizer!r}: choose adamw or muon.")
        self.plan, self.workers = plan, workers
        matrices = hidden_matrices(modules) if plan.optimizer == "muon" else set()
        groups: dict[tuple[bool, float], list] = {}
        for name, module in modules.items():
            scale = {"clip_camera_projection": plan.projection_rate, **(scales or {})}.get(name, 1.0)
            for parameter in filter(lambda p: p.requires_grad, module.parameters()):
                groups.setdefault((parameter in matrices, scale), []).append(parameter)
        muon = [{"params": p, "scale": scale} for (inner, scale), p in groups.items() if inner]
        adam = [{"params": p, "scale": scale} for (inner, scale), p in groups.items() if not inner]
        rate, decay = plan.learning_rate, plan.weight_decay
        self.parts: list[torch.optim.Optimizer] = [Muon(muon, lr=rate, weight_decay=decay)] if muon else []
        self.parts.append(torch.optim.AdamW(adam, lr=rate, betas=(0.9, 0.99), weight_decay=decay))
        self.learned = [parameter for group in self._groups() for parameter in group["params"]]

    def _groups(self) -> list[dict[str, Any]]:
        """The parameter groups as they are now: loading a state replaces them."""
        return [group for part in self.parts for group in part.param_groups]

    def step(self, loss: Tensor, step: int) -> float:
        """Take step number `step` down a loss's gradient, the mean over all processes; returns the rate."""
        rate = self.plan.learning_rate * learning_rate(step, self.plan)
        for group in self._groups():
            group["lr"] = rate * group["scale"]
        loss.backward()
        self.workers.average_gradients(self.learned)
        torch.nn.utils.clip_grad_norm_(self.learned, self.plan.clip)
        for part in self.parts:
            part.step()
            part.zero_grad(set_to_none=True)
        return rate

    def state_dict(self) -> list[dict[str, Any]]:
        """The state of each optimizer."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, saved: list[dict[str, Any]]) -> None:
        """Go on from `state_dict`."""
        for part, state in zip(self.parts, saved, strict=True):
            part.load_state_dict(state)
