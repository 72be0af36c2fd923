"""U-Nets (Ronneberger et al. 2015) with the weights' names of diffusers' `UNet2DConditionModel` and `UNet2DModel`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from img2mesh.models.unet_blocks import (
    Down,
    Downsample2D,
    Embedding,
    Middle,
    PixelAttention,
    Residual,
    Transformer,
    Up,
    Upsample2D,
    sinusoids,
)

EPS = 1e-5
TIME = 4  # channels of the embedded time, per channel of the first stage
# Values that `ConditionalUNet` takes for granted; what it does not know must be off.
PLAIN: dict[str, Any] = {
    "act_fn": "silu",
    "addition_embed_type_num_heads": 64,
    "addition_time_embed_dim": None,
    "attention_type": "default",
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "downsample_padding": 1,
    "dropout": 0.0,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "norm_eps": EPS,
    "resnet_out_scale_factor": 1.0,
    "time_embedding_type": "positional",
    "transformer_layers_per_block": 1,
}
ASKED = {  # values that `ConditionalUNet` uses
    "attention_head_dim",
    "block_out_channels",
    "class_embed_type",
    "cross_attention_dim",
    "down_block_types",
    "in_channels",
    "layers_per_block",
    "norm_num_groups",
    "out_channels",
    "projection_class_embeddings_input_dim",
    "resnet_time_scale_shift",
    "sample_size",
    "up_block_types",
}
CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
Attend = Callable[[int], nn.Module]


class Sample(NamedTuple):
    """A network's output, under the name that diffusers gives it."""

    sample: Tensor


def is_plain(
    config: Mapping[str, Any], known: Mapping[str, Any], asked: set[str], needed: set[str] | None = None
) -> bool:
    """Whether a description asks for nothing but what a class knows.

    Args:
        known: values that it takes for granted. asked: keys whose values it uses. needed: those it cannot do without.
    """
    return (asked if needed is None else needed) <= set(config) and all(
        key.startswith("_") or key in asked or value == known.get(key) or (key not in known and not value)
        for key, value in config.items()
    )


class UNet(nn.Module):
    """The way down, the middle and the way up, which both U-Nets share; a subclass says where attention is.

    Args:
        inputs, outputs: channels of the pictures.
        widths: channels of each stage.
        layers: residual blocks per stage on the way down; one more on the way up.
        groups: of the normalisations.
        attend: for each stage, what makes its attention layers of so many channels, or None.
        scaled: whether the time also scales.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        layers: int,
        groups: int,
        attend: Sequence[Attend | None],
        middle: Attend,
        scaled: bool = False,
    ) -> None:
        super().__init__()
        self.width, time, last = widths[0], TIME * widths[0], len(widths) - 1

        def residuals(pairs: Sequence[tuple[int, int]]) -> list[nn.Module]:
            return [Residual(a, b, groups, EPS, time, scaled) for a, b in pairs]

        def attentions(stage: int, count: int) -> list[nn.Module]:
            make = attend[stage]
            return [] if make is None else [make(widths[stage]) for _ in range(count)]

        self.conv_in = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.time_embedding = Embedding(widths[0], time)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        for stage, width in enumerate(widths):
            before = widths[max(stage - 1, 0)]
            pairs = [(before if k == 0 else width, width) for k in range(layers)]
            after = Downsample2D(width) if stage < last else None
            self.down_blocks.append(Down(residuals(pairs), attentions(stage, layers), after))
        deep = widths[-1]
        self.mid_block = Middle(residuals([(deep, deep)] * 2), [middle(deep)])
        for stage in range(last, -1, -1):
            width, below, above = widths[stage], widths[min(stage + 1, last)], widths[max(stage - 1, 0)]
            pairs = [
                ((below if k == 0 else width) + (above if k == layers else width), width)
                for k in range(layers + 1)
            ]
            rise = Upsample2D(width) if stage else None
            self.up_blocks.append(Up(residuals(pairs), attentions(stage, layers + 1), rise))
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], EPS)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(widths[0], outputs, 3, padding=1)

    def time_proj(self, times: Tensor) -> Tensor:
        """(N,) times as `time_embedding` wants them."""
        return sinusoids(times, self.width)

    def through(self, x: Tensor, time: Tensor, context: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), H and W multiples of 2 to the number of stages less one."""
        x = self.conv_in(x)
        seen: tuple[Tensor, ...] = (x,)
        for block in self.down_blocks:
            x, more = block(x, time, context)
            seen += more
        x = self.mid_block(x, time, context)
        for block in self.up_blocks:
            count = len(block.resnets)  # type: ignore[arg-type]
            more, seen = seen[-count:], seen[:-count]
            x = block(x, more, time, context)
        return self.conv_out(self.conv_act(self.conv_norm_out(x)))


class ConditionalUNet(UNet):
    """The denoiser of Zero-1-to-3, from the values of a `UNet2DConditionModel`'s config.json; see `fits`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        widths, heads = config["block_out_channels"], config["attention_head_dim"]
        groups, context = config["norm_num_groups"], config["cross_attention_dim"]
        heads = (
            [heads] * len(widths) if isinstance(heads, int) else heads
        )  # diffusers means the number of heads

        def attend(stage: int) -> Attend:
            return lambda width: Transformer(width, heads[stage], context, groups)

        crossed = [name == CROSS_DOWN for name in config["down_block_types"]]
        super().__init__(
            config["in_channels"],
            config["out_channels"],
            widths,
            config["layers_per_block"],
            groups,
            [attend(stage) if cross else None for stage, cross in enumerate(crossed)],
            attend(len(widths) - 1),
            config.get("resnet_time_scale_shift", "default") == "scale_shift",
        )
        self.config = SimpleNamespace(**{"class_embed_type": None, **config})
        if self.config.class_embed_type == "projection":
            labels = config["projection_class_embeddings_input_dim"]
            self.class_embedding = Embedding(labels, TIME * widths[0])

    @staticmethod
    def fits(config: Mapping[str, Any]) -> bool:
        """Whether this class is what a config.json describes."""
        optional = {
            "class_embed_type",
            "projection_class_embeddings_input_dim",
            "resnet_time_scale_shift",
            "sample_size",
        }
        if not is_plain(config, PLAIN, ASKED, ASKED - optional):
            return False
        down, up = config["down_block_types"], config["up_block_types"]
        return (
            config["_class_name"] == "UNet2DConditionModel"
            and config.get("class_embed_type") in (None, "projection")
            and config.get("resnet_time_scale_shift", "default") in ("default", "scale_shift")
            and isinstance(config["layers_per_block"], int)
            and isinstance(config["cross_attention_dim"], int)
            and set(down) <= {"DownBlock2D", CROSS_DOWN}
            and set(up) <= {"UpBlock2D", CROSS_UP}
            and [name == CROSS_DOWN for name in down] == [name == CROSS_UP for name in reversed(up)]
            and len(down) == len(config["block_out_channels"])
        )

    def forward(
        self, x: Tensor, times: Tensor | int, context: Tensor, class_labels: Tensor | None = None
    ) -> Sample:
        """What the network predicts for noisy latents (B, C, H, W) at times (B,) with contexts (B, N, D)."""
        times = torch.as_tensor(times, device=x.device).expand(len(x))
        time = self.time_embedding(self.time_proj(times).to(x.dtype))
        if class_labels is not None:
            time = time + self.class_embedding(class_labels).to(x.dtype)
        return Sample(self.through(x, time, context))


class PixelUNet(UNet):
    """The occupancy network's core: a `UNet2DModel` whose last stage has attention between pixels.

    Args:
        head: channels of an attention head.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], groups: int, head: int) -> None:
        def attend(width: int) -> nn.Module:
            return PixelAttention(width, width // head, groups, EPS)

        stages: list[Attend | None] = [None] * (len(widths) - 1)
        super().__init__(inputs, outputs, widths, 1, groups, [*stages, attend], attend)

    def forward(self, x: Tensor, times: Tensor) -> Sample:
        """What the network says of pictures (B, C, H, W) at times (B,)."""
        time = self.time_embedding(self.time_proj(times).to(x.dtype))
        return Sample(self.through(x, time))
