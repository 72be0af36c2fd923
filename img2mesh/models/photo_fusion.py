"""The fusion network: what several photos say of a place in the world, made into one chance of being inside.

A multilayer perceptron on features of single cells and of their surroundings (`photos.evidence`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from torch import Tensor, nn

from img2mesh.core.files import data_folder

FEATURES = 24  # of a cell: `photos.evidence.features`
FOLDER = "photo_fusion"


class FusionNetwork(ModelMixin, ConfigMixin):
    """See the module; with random weights.

    Args:
        hidden: width of both hidden layers.
    """

    @register_to_config
    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N,) logits of being inside for (N, FEATURES)."""
        return self.layers((features - self.mean) / self.deviation)[:, 0]


def load_fusion(folder: str | Path | None = None) -> FusionNetwork:
    """The network of a folder, by default the one that is shipped; float32 on the CPU."""
    folder = data_folder("weights") / FOLDER if folder is None else Path(folder)
    net = FusionNetwork.from_pretrained(folder, low_cpu_mem_usage=False, torch_dtype=torch.float32)
    return net.float().requires_grad_(False).eval()
