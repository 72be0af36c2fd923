"""The autoencoder of latent diffusion (Rombach et al. 2022), with the weights' names of diffusers' `AutoencoderKL`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.models.unet import Sample, is_plain
from img2mesh.models.unet_blocks import (
    Down,
    Downsample2D,
    Middle,
    PixelAttention,
    Residual,
    Stage,
    Upsample2D,
)

EPS = 1e-6
PLAIN = {
    "act_fn": "silu",
    "force_upcast": True,
    "shift_factor": None,
    "use_post_quant_conv": True,
    "use_quant_conv": True,
}
ASKED = {
    "block_out_channels",
    "down_block_types",
    "in_channels",
    "latent_channels",
    "layers_per_block",
    "norm_num_groups",
    "out_channels",
    "sample_size",
    "scaling_factor",
    "up_block_types",
    "mid_block_add_attention",
}


class Posterior(NamedTuple):
    """Of a picture's latents: a diagonal Gaussian (Kingma and Welling 2014); its mode, (B, L, h, w), is its mean."""

    mean: Tensor

    def mode(self) -> Tensor:
        """The likeliest latents."""
        return self.mean


class Encoded(NamedTuple):
    """What `Autoencoder.encode` gives, under the name that diffusers gives it."""

    latent_dist: Posterior


class _Rise(Stage):
    """A stage of the decoder."""

    def forward(self, x: Tensor) -> Tensor:
        for resnet in self.resnets:
            x = resnet(x)
        for upsampler in self.upsamplers:
            x = upsampler(x)
        return x


def _middle(width: int, groups: int, attention: bool) -> Middle:
    resnets = [Residual(width, width, groups, EPS) for _ in range(2)]
    return Middle(resnets, [PixelAttention(width, 1, groups, EPS)] if attention else [])


def _stage(pair: tuple[int, int], layers: int, groups: int) -> list[nn.Module]:
    before, width = pair
    return [Residual(before if k == 0 else width, width, groups, EPS) for k in range(layers)]


class Encoder(nn.Module):
    """Pictures (B, C, S, S) to twice the latents' channels, an eighth as large with four stages."""

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], layers: int, groups: int, attention: bool
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for stage, width in enumerate(widths):
            after = Downsample2D(width, lopsided=True) if stage < len(widths) - 1 else None
            pair = widths[max(stage - 1, 0)], width
            self.down_blocks.append(Down(_stage(pair, layers, groups), [], after))
        self.mid_block = _middle(widths[-1], groups, attention)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)[0]
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """Latents to pictures."""

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], layers: int, groups: int, attention: bool
    ) -> None:
        super().__init__()
        down = widths[::-1]
        self.conv_in = nn.Conv2d(inputs, down[0], 3, padding=1)
        self.mid_block = _middle(down[0], groups, attention)
        self.up_blocks = nn.ModuleList()
        for stage, width in enumerate(down):
            after = Upsample2D(width) if stage < len(down) - 1 else None
            pair = down[max(stage - 1, 0)], width
            self.up_blocks.append(_Rise(_stage(pair, layers + 1, groups), [], after))
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], EPS)
        self.conv_out = nn.Conv2d(widths[0], outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Autoencoder(nn.Module):
    """From the values of an `AutoencoderKL`'s config.json; see `fits`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        shared = (
            config["block_out_channels"],
            config["layers_per_block"],
            config["norm_num_groups"],
            config.get("mid_block_add_attention", True),
        )
        latents = config["latent_channels"]
        self.encoder = Encoder(config["in_channels"], latents, *shared)
        self.decoder = Decoder(latents, config["out_channels"], *shared)
        self.quant_conv = nn.Conv2d(2 * latents, 2 * latents, 1)
        self.post_quant_conv = nn.Conv2d(latents, latents, 1)
        self.config = SimpleNamespace(**{"scaling_factor": 0.18215, **config})

    @staticmethod
    def fits(config: Mapping[str, Any]) -> bool:
        """Whether this class is what a config.json describes."""
        optional = {"sample_size", "scaling_factor", "mid_block_add_attention"}
        return (
            is_plain(config, PLAIN, ASKED, ASKED - optional)
            and config["_class_name"] == "AutoencoderKL"
            and set(config["down_block_types"]) == {"DownEncoderBlock2D"}
            and set(config["up_block_types"]) == {"UpDecoderBlock2D"}
        )

    def encode(self, pictures: Tensor) -> Encoded:
        """Pictures (B, C, S, S) in [-1, 1] to the latents' distribution, without the scaling factor."""
        return Encoded(Posterior(self.quant_conv(self.encoder(pictures)).chunk(2, dim=1)[0]))

    def decode(self, latents: Tensor) -> Sample:
        """Latents (B, L, h, w), without the scaling factor, to pictures."""
        return Sample(self.decoder(self.post_quant_conv(latents)))
