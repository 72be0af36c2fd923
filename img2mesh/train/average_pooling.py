"""Begin an autoencoder as what it roughly is: a picture shrunken eight times and enlarged again.

From random weights, thousands of pictures pass before a latent holds hues. Here the residual path of diffusers'
`AutoencoderKL` is set to carry colour and alpha through untouched, beside the random features that learning then
makes use of. The one obstacle are the last group normalisations and their SiLU: constant channels of size +-k,
carried along, fix each group's deviation, and an offset keeps SiLU in its linear part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL
from torch import nn

if TYPE_CHECKING:
    from diffusers.models.resnet import ResnetBlock2D

K_ENCODER, K_DECODER = (
    16.0,
    4.0,
)  # size of the constant channels: exact here, easy to go on learning from there
OFFSET, GAIN = 8.0, 4.0  # SiLU(OFFSET + GAIN * s) is linear in s within 2 % for s in [-1, 1]
SIGNALS = (0, 4, 8, 12)  # channels of red, green, blue and alpha; +k, -k and 0 follow each


@torch.no_grad()
def start_pooled(model: AutoencoderKL, features: float = 0.1) -> None:
    """Set weights in place so that latents are pooled RGBA and decoding enlarges them (nearest neighbour).

    Args:
        model: with 4 image and 4 latent channels, at least 16 channels everywhere, no attention, and in the decoder's
            last block groups of 4 channels (32 channels in 8 groups).
        features: scale of the random features' share in latents and pictures at the start.
    """
    encoder, decoder = model.encoder, model.decoder
    _enter(encoder.conv_in, K_ENCODER)
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            _pass(resnet)
        for sampler in block.downsamplers or ():
            _reserve(sampler.conv, taps=[(0, 0), (0, 1), (1, 0), (1, 1)])  # 2 x 2 means
    for resnet in (*encoder.mid_block.resnets, *decoder.mid_block.resnets):
        _pass(resnet)
    _leave(encoder.conv_norm_out, encoder.conv_out, K_ENCODER, features)
    model.quant_conv.weight[:] = torch.eye(8).view(8, 8, 1, 1)
    model.quant_conv.bias[:4] = 0
    model.quant_conv.weight[4:] = 0
    model.quant_conv.bias[4:] = -8.0
    model.post_quant_conv.weight[:] = torch.eye(4).view(4, 4, 1, 1)
    model.post_quant_conv.bias[:] = 0
    _enter(decoder.conv_in, K_DECODER)
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            _pass(resnet)
        for sampler in block.upsamplers or ():
            _reserve(sampler.conv)
    _leave(decoder.conv_norm_out, decoder.conv_out, K_DECODER, features)


def _enter(conv: Any, size: float) -> None:
    """First convolution: the four inputs into the signal channels, the constants into theirs."""
    for k, channel in enumerate(SIGNALS):
        conv.weight[channel : channel + 4] = 0
        conv.weight[channel, k, 1, 1] = 1
        conv.bias[channel : channel + 4] = torch.tensor([0.0, size, -size, 0.0])


def _reserved() -> list[int]:
    return [channel + i for channel in SIGNALS for i in range(4)]


def _reserve(conv: Any, taps: Sequence[tuple[int, int]] = ((1, 1),)) -> None:
    """A convolution of the residual path: reserved channels are copied (means over `taps`), nothing added."""
    middle = conv.kernel_size[0] == 1
    for channel in _reserved():
        conv.weight[channel] = 0
        conv.bias[channel] = 0
        for row, column in [(0, 0)] if middle else taps:
            conv.weight[channel, channel, row, column] = 1 if middle else 1 / len(taps)


def _pass(resnet: ResnetBlock2D) -> None:
    """A residual block that adds nothing to the reserved channels yet."""
    for channel in _reserved():
        resnet.conv2.weight[channel] = 0
        resnet.conv2.bias[channel] = 0
    if resnet.conv_shortcut is not None:
        _reserve(resnet.conv_shortcut)


def _leave(norm: nn.GroupNorm, conv: Any, size: float, features: float) -> None:
    """Last normalisation and convolution: SiLU's linear part, then the signals out again."""
    per_group = norm.num_channels // norm.num_groups
    constants = min(len(SIGNALS), per_group // 4)  # signals, and so pairs of constants, in one group
    deviation = size * (2 * constants / per_group) ** 0.5
    conv.weight *= features
    conv.bias[:] = 0
    for k, channel in enumerate(SIGNALS):
        share = 1 - 1 / per_group  # the signal's own part in the group's mean is taken from it
        norm.weight[channel] = GAIN * deviation / (share if constants == 1 else 1.0)
        norm.bias[channel] = OFFSET
        conv.weight[:, channel : channel + 4] = 0
        conv.weight[k, channel, 1, 1] = 1 / GAIN
        conv.bias[k] = -OFFSET / GAIN
