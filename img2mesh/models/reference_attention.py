"""Reference attention: the self-attention layers of a picture being drawn also look at the input picture.

The U-Net runs twice per step (Zero123++, section 2.2; first described as "reference-only" control): once over
the input picture's latent at the same noise level, where every self-attention layer leaves its keys and values
behind, and once over the picture being drawn, where each layer finds them beside its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention


class Reference:
    """What the self-attention layers left behind, by layer; empty again after the pass that looks at it."""

    def __init__(self) -> None:
        self.leaving = False
        self.left: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    @contextlib.contextmanager
    def leave(self) -> Iterator[None]:
        """Passes of the U-Net inside of the block leave keys and values behind; others look at them."""
        self.left.clear()
        self.leaving = True
        try:
            yield
        finally:
            self.leaving = False


class ReferenceAttention:
    """Attention processor for the self-attention layers `attn1` of a U-Net.

    Attending to the tokens of both pictures joined is the same as joining their keys and values: a projection
    works on each token alone. So the reference's are those that its own pass needed anyway.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def __call__(self, layer: Attention, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(B, N, C) to (B, N, C); row b looks at row b of the reference."""
        query, key, value = (
            project(hidden_states).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
            for project in (layer.to_q, layer.to_k, layer.to_v)
        )
        if self.reference.leaving:
            self.reference.left[layer] = key, value
        else:
            seen = self.reference.left.pop(layer)
            key, value = (torch.cat(pair, dim=2) for pair in zip((key, value), seen, strict=True))
        mixed = F.scaled_dot_product_attention(query, key, value)
        return layer.to_out[0](mixed.transpose(1, 2).flatten(2))


def install_reference(unet: nn.Module) -> Reference:
    """Give every self-attention layer of a U-Net its processor; what they share.

    Raises:
        ValueError: a self-attention layer is not the plain one.
    """
    reference = Reference()
    for name, module in unet.named_modules():
        if name.endswith("attn1"):
            if module.group_norm is not None or module.residual_connection or module.norm_q is not None:
                raise ValueError(f"{name} is no plain self-attention layer")
            module.set_processor(ReferenceAttention(reference))
    return reference
