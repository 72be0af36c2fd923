"""A `tinycudann` for machines that cannot have it: its documented interface, its checks and its arithmetic.

Written against version 2.0, commit 6ee3546 (`bindings/torch/tinycudann/modules.py`, `include/tiny-cuda-nn/encodings/
grid.h`, `common_device.h`), and against nothing of ours: tests that hold our grid against the real one run against
this one first.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

GRANULARITY = 256  # of the number of points: the bindings fill up
DEFAULTS = {
    "otype": "HashGrid",
    "n_levels": 16,
    "n_features_per_level": 2,
    "log2_hashmap_size": 19,
    "base_resolution": 16,
    "per_level_scale": 2.0,
    "interpolation": "Linear",
}
MIX = (1, 2654435761, 805459861)


class Encoding(nn.Module):
    """The hash grid alone; half precision unless `dtype` says float32."""

    def __init__(self, n_input_dims, encoding_config, seed=1337, dtype=None) -> None:
        super().__init__()
        unknown = set(encoding_config) - set(DEFAULTS)
        assert not unknown, f"the documentation names no {unknown}"
        config = {**DEFAULTS, **encoding_config}
        assert n_input_dims == 3 and config["otype"] == "HashGrid" and config["interpolation"] == "Linear"
        assert config["n_levels"] <= 128 and config["n_features_per_level"] in (1, 2, 4, 8)
        self.dtype = {None: torch.half, torch.half: torch.half, torch.float32: torch.float32}[dtype]
        self.loss_scale = 1.0 if self.dtype == torch.float32 else 128.0
        self.features = config["n_features_per_level"]
        growth = np.log2(np.float32(config["per_level_scale"]), dtype=np.float32)
        levels, base = np.arange(config["n_levels"], dtype=np.float32), np.float32(config["base_resolution"])
        self.scales = np.exp2(levels * growth, dtype=np.float32) * base - np.float32(1)
        self.resolutions = np.ceil(self.scales).astype(np.int64) + 1
        dense = (self.resolutions**3 + 7) // 8 * 8
        self.lengths = np.minimum(dense, 2 ** config["log2_hashmap_size"])
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self.n_input_dims, self.n_output_dims = 3, config["n_levels"] * self.features
        generator = torch.Generator().manual_seed(seed)
        values = torch.rand(int(self.starts[-1]) * self.features, generator=generator) * 2e-4 - 1e-4
        self.params = nn.Parameter(values.to("cuda"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3) to (N, levels * features) of `dtype`."""
        assert x.is_cuda and self.params.is_cuda, "the bindings warn and copy, or fail"
        count = len(x)
        x = nn.functional.pad(x, [0, 0, 0, -count % GRANULARITY]).to(torch.float).contiguous()
        table = self.params.to(self.dtype).view(-1, self.features)
        found = [self._level(x, table, level) for level in range(len(self.scales))]
        return torch.cat(found, dim=1)[:count]

    def _level(self, x: torch.Tensor, table: torch.Tensor, level: int) -> torch.Tensor:
        position = x * float(self.scales[level]) + 0.5
        cell = torch.floor(position).detach()
        share, cell = position - cell, cell.long() & 0xFFFFFFFF
        r, length = int(self.resolutions[level]), int(self.lengths[level])
        total = 0
        for corner in range(8):
            weight, steps = 1.0, []
            for axis in range(3):
                upper = corner >> axis & 1
                weight = weight * (share[:, axis] if upper else 1 - share[:, axis])
                steps.append(cell[:, axis] + upper)
            if r <= 0x659 and r**3 <= length:
                index = steps[0] + steps[1] * r + steps[2] * r * r
            else:
                index = steps[0] * MIX[0] & 0xFFFFFFFF
                for axis in (1, 2):
                    index = index ^ (steps[axis] * MIX[axis] & 0xFFFFFFFF)
            values = table[index % length + int(self.starts[level])]
            total = total + weight.to(table.dtype)[:, None] * values
        return total
