"""The fusion network: what several photos say of a place in the world, made into one chance of being inside.

A multilayer perceptron on features of single cells and of their surroundings (`photos.evidence`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from img2mesh.core.files import data_folder
from img2mesh.models.stored_network import StoredNetwork

FEATURES = 24  # of a cell: `photos.evidence.features`
FOLDER = "photo_fusion"


class FusionNetwork(StoredNetwork):
    """See the module; with random weights.

    Args:
        hidden: width of both hidden layers.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.remember(hidden=hidden)
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
    return FusionNetwork.from_pretrained(folder).requires_grad_(False).eval()
