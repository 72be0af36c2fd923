"""A gain and an offset per view and channel, so that views of different exposure can show one object."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PRIOR = 0.1  # weight of their squares: views are taken to be alike


class ExposureCompensation(nn.Module):
    """Learned exposures of V views.

    Their mean is zero: what all views have in common is the object's colour. Left free, a common part would tint every
    object, for the field and the exposures can share it between them in any way.
    """

    def __init__(self, views: int, device: str | torch.device = "cpu") -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(views, 6, device=device))

    def forward(self, colours: Tensor, view: Tensor, opacity: Tensor | float = 1.0) -> Tensor:
        """(N, 3) colours times `opacity`, as the views (N,) with these numbers would show them."""
        adjust = (self.values - self.values.mean(0))[view]
        return colours * torch.exp(adjust[:, :3]) + adjust[:, 3:] * opacity

    def penalty(self) -> Tensor:
        """What is added to the loss."""
        return PRIOR * self.values.square().mean()
