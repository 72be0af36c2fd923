"""The cutout network: how likely each pixel of a photo belongs to its object, and how good that answer is.

EfficientNet-Lite0's stages, learned on ImageNet (`models.efficientnet`), and a U-Net decoder upon them (Ronneberger et
al. 2015) that ends at the picture's own resolution by a pixel shuffle. A small head guesses the answer's intersection
over union with the truth, as in Kirillov et al. 2023, "Segment anything", section 3.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError
from img2mesh.models.efficientnet import EfficientNetLite

SIZE = 320  # side of the pictures that it is shown, where its record says nothing else; multiples of 32 work
STRIDES = {0: 2, 2: 4, 4: 8, 10: 16, 14: 32}  # of the features after these blocks of the encoder
SKIPS = {2: 16, 4: 24, 8: 40, 16: 112, 32: 192}  # their channels
WIDTHS = (128, 96, 64, 32, 16)  # of the decoder at strides 32, 16, 8, 4 and 2
WEIGHTS, CONFIG = "model.safetensors", "config.json"


class CutoutAnswer(NamedTuple):
    """What the network says of B pictures.

    Attributes:
        alpha: (B, S, S) logits.
        coarse: (B, S / 8, S / 8) logits of the same, from half-way; only for training.
        quality: (B,) logits of the intersection over union that alpha reaches.
    """

    alpha: Tensor
    coarse: Tensor
    quality: Tensor


class Encoder(EfficientNetLite):
    """EfficientNet-Lite0 without its last block: features at strides 2, 4, 8, 16 and 32.

    Attributes:
        frozen: so many of its first blocks are not trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = self.blocks[:-1]
        self.frozen = 0

    def freeze(self, blocks: int) -> None:
        """Keep the weights of the stem and of so many blocks."""
        self.frozen = blocks
        self.stem.requires_grad_(blocks == 0)
        for block in self.blocks[:blocks]:
            block.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """Pictures (B, 3, S, S) in [-1, 1] to features by stride s, (B, SKIPS[s], S / s, S / s)."""
        found = {}
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            x = F.relu6(self.stem(x))
        for k, block in enumerate(self.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and k >= self.frozen):
                x = block(x)
            if k in STRIDES:
                found[STRIDES[k]] = x
        return found


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Up(nn.Module):
    """Twice the resolution, joined with the encoder's features there."""

    def __init__(self, inputs: int, skip: int, width: int, convolutions: int) -> None:
        super().__init__()
        layers = [_conv(inputs + skip, width)] + [_conv(width, width) for _ in range(convolutions - 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.layers(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1))


class Decoder(nn.Module):
    """From the encoder's features to the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = _conv(SKIPS[32], WIDTHS[0])
        self.whole = nn.Linear(WIDTHS[0], WIDTHS[0])  # what the picture shows as a whole, told to every place
        self.deep = _conv(WIDTHS[0], WIDTHS[0])
        self.up = nn.ModuleList(
            _Up(inputs, SKIPS[stride], width, 1 if stride == 2 else 2)
            for inputs, width, stride in zip(WIDTHS, WIDTHS[1:], (16, 8, 4, 2), strict=False)
        )
        self.coarse = nn.Conv2d(WIDTHS[2], 1, 1)
        self.alpha = nn.Conv2d(WIDTHS[4], 4, 3, padding=1)
        self.quality = nn.Sequential(
            nn.Linear(2 * WIDTHS[2] + WIDTHS[0] + 2, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(self, features: dict[int, Tensor]) -> CutoutAnswer:
        x = self.enter(features[32])
        x = self.deep(x + self.whole(x.mean((2, 3)))[..., None, None])
        deep = x
        x = self.up[1](self.up[0](x, features[16]), features[8])
        middle, coarse = x, self.coarse(x)[:, 0].float()
        x = self.up[3](self.up[2](x, features[4]), features[2])
        alpha = F.pixel_shuffle(self.alpha(x), 2)[:, 0].float()
        return CutoutAnswer(
            alpha, coarse, self._quality(middle.detach().float(), deep.detach().float(), alpha.detach())
        )

    def _quality(self, middle: Tensor, deep: Tensor, alpha: Tensor) -> Tensor:
        """Judged from what is inside, what is outside, the whole, and how undecided the answer is."""
        chance = alpha.sigmoid()
        there = F.avg_pool2d(chance[:, None], alpha.shape[-1] // middle.shape[-1])
        inside = (middle * there).sum((2, 3)) / there.sum((2, 3)).clamp_min(1e-3)
        outside = (middle * (1 - there)).sum((2, 3)) / (1 - there).sum((2, 3)).clamp_min(1e-3)
        unsure = (4 * chance * (1 - chance)).sum((1, 2)) / chance.sum((1, 2)).clamp_min(1)
        share = chance.mean((1, 2))
        seen = torch.cat([inside, outside, deep.mean((2, 3)), torch.stack([unsure, share], 1)], dim=1)
        with torch.autocast(seen.device.type, enabled=False):
            return self.quality(seen)[:, 0]


class CutoutNetwork(nn.Module):
    """See the module; random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, pictures: Tensor) -> CutoutAnswer:
        """The answer to pictures (B, 3, S, S) in [-1, 1], S a multiple of 32."""
        return self.decoder(self.encoder(pictures))

    def channels_last(self) -> CutoutNetwork:
        """The same network, its weights laid out for convolutions on the CPU."""
        untyped: Any = self  # PyTorch's stubs do not know `memory_format` here
        return untyped.to(memory_format=torch.channels_last)


def save_cutout(net: CutoutNetwork, folder: Path, record: dict) -> None:
    """Write `model.safetensors` (fp16; the normalisations' statistics, which need its range, fp32) and `config.json`.

    Args:
        folder: is there already. record: what the configuration file says.
    """
    from safetensors.torch import save_file

    state = {
        key: value.detach().cpu().to(torch.float32 if ".running_" in key else torch.float16).contiguous()
        for key, value in net.state_dict().items()
        if value.is_floating_point()
    }
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)
    (folder / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_cutout(folder: Path) -> tuple[CutoutNetwork, dict]:
    """The network of a folder, float32, in evaluation mode, and its record.

    Raises:
        Img2MeshError: files are missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        record = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        state = {key: value.float() for key, value in load_file(folder / WEIGHTS).items()}
        net = CutoutNetwork()
        known = net.state_dict()
        state |= {key: value for key, value in known.items() if not value.is_floating_point()}
        net.load_state_dict(state)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or ["?"])[0].rstrip(".:")
        raise Img2MeshError(f"{folder} holds no whole cutout network: {reason}.") from None
    return net.eval().channels_last(), record
