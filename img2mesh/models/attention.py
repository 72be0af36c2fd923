"""Cross-attention over a context that never changes during a run: its share is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention


class ConstantContext:
    """Attention processor for the `attn2` layers of a U-Net.

    The context of a view stays the same over all denoising steps, so its keys and values are made once by
    `prepare`. Two identities save the rest, both exact since these layers have no key or value bias:
    with a context of one token the softmax is 1, so the output does not depend on the queries at all; and a
    zero context, which is what the unconditional branch has, gives the output bias alone.

    The first rows of a batch are conditional and the rest, if there are any, unconditional.
    """

    def __init__(self) -> None:
        self.count = 0
        self.key: Tensor | None = None
        self.value: Tensor | None = None
        self.output: Tensor | None = None

    def prepare(self, layer: Attention, context: Tensor) -> None:
        """Take the contexts (B, N, C) of the conditional rows of the coming calls."""
        self.count = len(context)
        self.key = self.value = self.output = None
        if context.shape[1] == 1:
            self.output = layer.to_out[0](layer.to_v(context))  # (B, 1, width)
        else:
            self.key, self.value = (
                _heads(project(context), layer.heads) for project in (layer.to_k, layer.to_v)
            )

    def __call__(self, layer: Attention, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        rows, length = hidden_states.shape[:2]
        if self.output is not None:
            output, length = self.output, 1  # the same for every token: whoever adds it broadcasts
        else:
            assert self.key is not None and self.value is not None, "prepare comes first"
            query = _heads(layer.to_q(hidden_states[: self.count]), layer.heads)
            mixed = F.scaled_dot_product_attention(query, self.key, self.value)
            output = layer.to_out[0](mixed.transpose(1, 2).flatten(2))
        if rows == self.count:
            return output
        blank = layer.to_out[0].bias.expand(rows - self.count, length, -1)
        return torch.cat([output, blank])


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def install(unet: nn.Module) -> list[tuple[nn.Module, ConstantContext]]:
    """Give every cross-attention layer of a U-Net its processor; the pairs, for `prepare`.

    Raises:
        ValueError: a cross-attention layer has a key or value bias, which the identities above exclude.
    """
    pairs = []
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            if module.to_k.bias is not None or module.to_v.bias is not None or module.norm_cross is not None:
                raise ValueError(f"{name} is no plain cross-attention layer")
            processor = ConstantContext()
            module.set_processor(processor)
            pairs.append((module, processor))
    return pairs
