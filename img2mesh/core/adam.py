"""Adam (Kingma and Ba 2015), the same bits as `torch.optim.Adam` gives on a CPU.

Making one of torch's own optimisers imports its compiler and sympy, more than a second that nothing here needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Group:
    """Parameters that share a learning rate `lr`; `eps` keeps the quotient finite."""

    params: Sequence[Tensor]
    lr: float
    eps: float = 1e-8
    moments: list[tuple[Tensor, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.params]


class Adam:
    """Groups of parameters and their moments.

    Args:
        betas: decay of the gradient's mean and of its square's.
    """

    def __init__(self, groups: Iterable[Group], betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.groups, self.betas, self.steps = list(groups), betas, 0

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.groups:
            for parameter in group.params:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        self.steps += 1
        first, second = self.betas
        root = (1 - second**self.steps) ** 0.5
        for group in self.groups:
            rate = group.lr / (1 - first**self.steps)
            for parameter, (mean, square) in zip(group.params, group.moments, strict=True):
                gradient = parameter.grad
                if gradient is None:
                    continue
                mean.lerp_(gradient, 1 - first)
                square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
                parameter.addcdiv_(mean, (square.sqrt() / root).add_(group.eps), value=-rate)
