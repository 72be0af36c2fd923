"""The blocks of Stable Diffusion's networks (Rombach et al. 2022): residual, attention, down- and upsampling.

Plain PyTorch, with the names of weights, the layout and the order of arithmetic of diffusers, whose own classes import
a compiler and other models' modules for seconds. `tests/models/test_unet.py` holds the two against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYER_EPS, TRANSFORMER_EPS = 1e-5, 1e-6


def sinusoids(times: Tensor, width: int) -> Tensor:
    """(N,) times to (N, width) float32: cosines, then sines, of geometric frequencies from 1 down to 1e-4."""
    half = width // 2
    exponent = -math.log(10000) * torch.arange(0, half, dtype=torch.float32, device=times.device) / half
    angles = times[:, None].float() * torch.exp(exponent)[None, :]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


class Embedding(nn.Module):
    """Two linear layers with a SiLU between them."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(inputs, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


class Residual(nn.Module):
    """Two convolutions beside a shortcut; an embedding of the time shifts what is between them, or scales it, too.

    Args:
        time: channels of the embedding; 0: there is none.
        scaled: whether the embedding gives a scale beside the shift.
    """

    def __init__(
        self, inputs: int, outputs: int, groups: int, eps: float, time: int = 0, scaled: bool = False
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(groups, inputs, eps), nn.GroupNorm(groups, outputs, eps)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, outputs * (2 if scaled else 1)) if time else None
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None
        self.scaled = scaled

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(x)))
        said = None
        if self.time_emb_proj is not None and time is not None:
            said = self.time_emb_proj(F.silu(time))[:, :, None, None]
        if said is None:
            hidden = self.norm2(hidden)
        elif self.scaled:
            scale, shift = said.chunk(2, dim=1)
            hidden = self.norm2(hidden) * (1 + scale) + shift
        else:
            hidden = self.norm2(hidden + said)
        hidden = self.conv2(F.silu(hidden))
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x.contiguous() if self.training else x)
        return x + hidden


class Downsample2D(nn.Module):
    """Half the resolution by a convolution; `lopsided`: padded on the right and below alone, as in the VAE."""

    def __init__(self, width: int, lopsided: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=0 if lopsided else 1)
        self.lopsided = lopsided

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.lopsided else x)


class Upsample2D(nn.Module):
    """Twice the resolution: each pixel repeated, then a convolution."""

    interpolate = use_conv = True  # what `models.cpu` asks of diffusers' class, too
    use_conv_transpose, norm = False, None

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, output_size: tuple[int, int] | None = None) -> Tensor:
        if output_size is None:
            return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv(F.interpolate(x, size=output_size, mode="nearest"))


class Attention(nn.Module):
    """Multi-head attention of tokens (B, N, C) to themselves or to a context (B, M, D).

    A processor, called as processor(layer, tokens, context), may do it another way (`models.cpu`, `models.attention`).

    Args:
        context: channels D; None: the tokens attend to themselves.
        bias: of the projections.
    """

    def __init__(self, width: int, heads: int, context: int | None = None, bias: bool = False) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.to_q = nn.Linear(width, width, bias)
        self.to_k, self.to_v = (nn.Linear(context or width, width, bias) for _ in range(2))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.processor: Callable[..., Tensor] = attend
        # what `models.cpu` and `models.attention` ask of diffusers' class, too
        self.group_norm: nn.GroupNorm | None = None
        self.norm_q = self.norm_cross = None
        self.residual_connection = False

    def set_processor(self, processor: Callable[..., Tensor]) -> None:
        """Attend in this way from now on."""
        self.processor = processor

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> Tensor:
        return self.processor(self, tokens, context)


def attend(layer: Any, tokens: Tensor, context: Tensor | None = None) -> Tensor:
    """(B, N, C) scaled dot-product attention (Vaswani et al. 2017)."""
    context = tokens if context is None else context
    query, key, value = (
        project(x).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        for project, x in ((layer.to_q, tokens), (layer.to_k, context), (layer.to_v, context))
    )
    mixed = F.scaled_dot_product_attention(query, key, value)
    return layer.to_out[0](mixed.transpose(1, 2).flatten(2))


def attend_plainly(layer: Any, tokens: Tensor, context: Tensor | None = None) -> Tensor:
    """The same by matrix products, whose gradient a CPU has five times as fast as the fused kernel's."""
    context = tokens if context is None else context
    query, key, value = (
        project(x).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        for project, x in ((layer.to_q, tokens), (layer.to_k, context), (layer.to_v, context))
    )
    mixed = torch.softmax(query * layer.scale @ key.transpose(-1, -2), dim=-1) @ value
    return layer.to_out[0](mixed.transpose(1, 2).flatten(2))


class PixelAttention(Attention):
    """Attention between the pixels of a picture (B, C, H, W), normalised before, added to it."""

    def __init__(self, width: int, heads: int, groups: int, eps: float) -> None:
        super().__init__(width, heads, bias=True)
        self.group_norm = nn.GroupNorm(groups, width, eps)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        tokens = self.group_norm(x.flatten(2)).transpose(1, 2)  # type: ignore[misc]
        mixed = self.processor(self, tokens, None)
        return mixed.transpose(-1, -2).reshape(x.shape) + x


class GEGLU(nn.Module):
    """Gated linear unit with GELU (Shazeer 2020)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Four times as wide within; its layers' numbers are diffusers', which has a dropout between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each normalised before and added."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, LAYER_EPS) for _ in range(3))
        self.attn1, self.attn2 = Attention(width, heads), Attention(width, heads, context)
        self.ff = FeedForward(width)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        tokens = self.attn1(self.norm1(tokens)) + tokens
        tokens = self.attn2(self.norm2(tokens), context) + tokens
        return self.ff(self.norm3(tokens)) + tokens


class Transformer(nn.Module):
    """One transformer block over the pixels of a picture (B, C, H, W)."""

    def __init__(self, width: int, heads: int, context: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, TRANSFORMER_EPS)
        self.proj_in, self.proj_out = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, heads, context)])

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        rows, channels, height, width = x.shape
        tokens = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(rows, height * width, channels)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        picture = tokens.reshape(rows, height, width, channels).permute(0, 3, 1, 2).contiguous()
        return self.proj_out(picture) + x


class Stage(nn.Module):
    """Residual blocks of one resolution, with or without attention, and what leads to the next.

    Attributes:
        resnets, attentions: alike many, or no attentions.
        downsamplers, upsamplers: one or none of either.
    """

    def __init__(
        self, resnets: Sequence[nn.Module], attentions: Sequence[nn.Module], after: nn.Module | None = None
    ) -> None:
        super().__init__()
        rise, fall = ([after] if isinstance(after, kind) else [] for kind in (Upsample2D, Downsample2D))
        self.resnets, self.attentions = nn.ModuleList(resnets), nn.ModuleList(attentions)
        self.upsamplers, self.downsamplers = nn.ModuleList(rise), nn.ModuleList(fall)

    def attended(self, index: int, x: Tensor, context: Tensor | None) -> Tensor:
        """A picture after the attention that follows a residual block, if one does."""
        return self.attentions[index](x, context) if self.attentions else x


class Down(Stage):
    """The way down of a U-Net: the picture, and all that the way up will need of it."""

    def forward(
        self, x: Tensor, time: Tensor | None = None, context: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        seen: tuple[Tensor, ...] = ()
        for index, resnet in enumerate(self.resnets):
            x = self.attended(index, resnet(x, time), context)
            seen += (x,)
        for downsampler in self.downsamplers:
            x = downsampler(x)
            seen += (x,)
        return x, seen


class Middle(Stage):
    """A residual block, then attention and residual blocks in turn."""

    def forward(self, x: Tensor, time: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        x = self.resnets[0](x, time)
        for index, resnet in enumerate(self.resnets[1:]):
            x = resnet(self.attended(index, x, context), time)
        return x


class Up(Stage):
    """The way up of a U-Net: each residual block is shown what the way down had seen at its place."""

    def forward(
        self, x: Tensor, seen: Sequence[Tensor], time: Tensor | None = None, context: Tensor | None = None
    ) -> Tensor:
        for index, (resnet, skip) in enumerate(zip(self.resnets, reversed(seen), strict=True)):
            x = self.attended(index, resnet(torch.cat([x, skip], dim=1), time), context)
        for upsampler in self.upsamplers:
            x = upsampler(x)
        return x
