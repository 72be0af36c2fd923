"""LPIPS (Zhang et al. 2018) from a file of weights: a loss for the autoencoder, a metric for the evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError

_SHIFT = (-0.030, -0.088, -0.188)  # LPIPS v0.1 input normalisation, for images in [-1, 1]
_SCALE = (0.458, 0.448, 0.450)
_ALEX = (
    (4, 2, False),
    (1, 2, True),
    (1, 1, True),
    (1, 1, False),
    (1, 1, False),
)  # stride, padding, pool before
_VGG = (2, 2, 3, 3, 3)  # convolutions per block; pooling between blocks


class LPIPS(nn.Module):
    """Distance between images, 0 = equal; weights are frozen.

    Args:
        path: `lpips-alexnet.npz` or `lpips-vgg16.npz`: per layer a kernel in HWIO order and a bias, and the
            linear heads. The network is recognised by its first kernel (11 x 11 or 3 x 3).

    Raises:
        Img2MeshError: the file is missing or holds other weights.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        try:
            with np.load(path) as archive:
                arrays = {key: archive[key].astype(np.float32) for key in archive.files}
        except (OSError, ValueError):
            raise Img2MeshError(f"Cannot read the perceptual weights {path}.") from None
        kernels, biases, heads = _sorted_arrays(arrays, path)
        self.alex = kernels[0].shape[0] == 11
        for i, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            weight = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()  # HWIO to OIHW
            self.register_buffer(f"kernel{i}", weight, persistent=False)
            self.register_buffer(f"bias{i}", torch.from_numpy(bias), persistent=False)
        for i, head in enumerate(heads):
            self.register_buffer(f"head{i}", torch.from_numpy(head.reshape(1, -1, 1, 1)), persistent=False)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def features(self, image: Tensor) -> list[Tensor]:
        """Five feature maps of images (B, 3, H, W) in [-1, 1], each normalised over its channels."""
        x = (image - self.shift) / self.scale
        found = []
        if self.alex:
            for i, (stride, padding, pool) in enumerate(_ALEX):
                x = F.max_pool2d(x, 3, 2) if pool else x
                x = F.relu(
                    F.conv2d(x, getattr(self, f"kernel{i}"), getattr(self, f"bias{i}"), stride, padding)
                )
                found.append(x)
        else:
            i = 0
            for block, count in enumerate(_VGG):
                x = F.max_pool2d(x, 2, 2) if block else x
                for _ in range(count):
                    x = F.relu(F.conv2d(x, getattr(self, f"kernel{i}"), getattr(self, f"bias{i}"), padding=1))
                    i += 1
                found.append(x)
        return [f.float() / (f.float().square().sum(1, keepdim=True).sqrt() + 1e-10) for f in found]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(B,) distances of two batches (B, 3, H, W) in [-1, 1]."""
        total = torch.zeros(len(a), device=a.device)
        for i, (fa, fb) in enumerate(zip(self.features(a), self.features(b), strict=True)):
            total = total + ((fa - fb).square() * getattr(self, f"head{i}")).sum(1).mean(dim=(1, 2))
        return total


def _sorted_arrays(arrays: dict[str, np.ndarray], path: str | Path) -> tuple[list, list, list]:
    """Kernels, biases and heads in network order, whatever separators the file's names have."""
    import re

    def order(key: str) -> list[int]:
        return [int(n) for n in re.findall(r"\d+", key)]

    keys = sorted(arrays, key=order)
    heads = [arrays[k] for k in keys if "lin" in k.lower()]
    kernels = [arrays[k] for k in keys if "lin" not in k.lower() and arrays[k].ndim == 4]
    biases = [arrays[k] for k in keys if "lin" not in k.lower() and arrays[k].ndim == 1]
    if len(heads) != 5 or len(kernels) not in (5, 13) or len(kernels) != len(biases):
        raise Img2MeshError(f"{path} does not hold LPIPS weights.")
    return kernels, biases, heads
