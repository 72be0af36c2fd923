"""The same networks, arranged for a CPU: fewer products and fewer passes over memory, the same function.

What is changed, in diffusers' modules and those of `models.unet_blocks`, and up to the rounding of the arithmetic:

- A layer that enlarges a picture repeats each pixel 2 x 2 times and convolves with 3 x 3 weights. Of three weights in a
  row, two always meet copies of the same pixel: every other pixel of the output is a convolution of the small picture
  with 2 x 2 sums of weights, so four products do the work of nine.
- A gated linear unit is two matrix products whose GELU and whose product are taken as results leave the registers.
- Self-attention in bf16 goes picture by picture through plain matrix products where the CPU has bf16 instructions but
  no AMX: they are two to three times as fast as the fused kernel; on AMX that is three times as fast as they are.

The weights stay where they are and as they are; `restore` takes everything back.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.core.device import cpu_flags

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention
    from diffusers.models.upsampling import Upsample2D


def arrange(network: nn.Module) -> None:
    """Arrange a U-Net or VAE whose weights are on the CPU, in the format in which they will be used."""
    restore(network)
    for name, module in network.named_modules():
        kind = type(module).__name__  # diffusers' classes or those of `models.unet_blocks`
        if kind == "Upsample2D" and _doubles(module):
            module.forward = partial(_doubled, module, phase_kernels(module.conv.weight))
        elif kind == "GEGLU" and module.proj.weight.dtype == torch.bfloat16 and _has_fused():
            module.forward = partial(_gated, module.proj)
        elif name.endswith("attn1") and _plain_attention(module) and "amx_bf16" not in cpu_flags():
            module.set_processor(SelfAttention(module.processor))


def restore(network: nn.Module) -> None:
    """Give modules that `arrange` changed their own ways back."""
    for module in network.modules():
        vars(module).pop("forward", None)
        processor = getattr(module, "processor", None)
        if isinstance(processor, SelfAttention):
            module.set_processor(processor.before)  # type: ignore[operator]


def phase_kernels(weight: Tensor) -> list[Tensor]:
    """The 2 x 2 kernels of the four phases (row 0 or 1, column 0 or 1) of a 3 x 3 kernel (O, I, 3, 3).

    Even rows of the enlarged picture see the pixel before and twice their own, odd rows twice their own and the next:
    w0, w1 + w2 and w0 + w1, w2. Columns alike.
    """
    a, b, c = weight.float().unbind(2)
    kernels = []
    for rows in (torch.stack([a, b + c], 2), torch.stack([a + b, c], 2)):
        d, e, f = rows.unbind(3)
        for kernel in (torch.stack([d, e + f], 3), torch.stack([d + e, f], 3)):
            kernels.append(kernel.to(weight.dtype).contiguous(memory_format=torch.channels_last))
    return kernels


def _doubled(
    module: Upsample2D,
    kernels: list[Tensor],
    hidden_states: Tensor,
    output_size: tuple[int, int] | None = None,
) -> Tensor:
    """`Upsample2D.forward`: (B, I, H, W) to (B, O, 2H, 2W)."""
    rows, _, height, width = hidden_states.shape
    if output_size is not None and tuple(output_size) != (2 * height, 2 * width):
        return type(module).forward(module, hidden_states, output_size)
    shape = (rows, kernels[0].shape[0], 2 * height, 2 * width)
    output = torch.empty(shape, dtype=hidden_states.dtype, memory_format=torch.channels_last)
    for phase, kernel in enumerate(kernels):
        down, right = divmod(phase, 2)
        framed = F.pad(hidden_states, (1 - right, right, 1 - down, down))
        output[:, :, down::2, right::2] = F.conv2d(framed, kernel, module.conv.bias)
    return output


def _doubles(module: nn.Module) -> bool:
    """Whether an `Upsample2D` is nearest-neighbour doubling and a 3 x 3 convolution, nothing else."""
    conv = getattr(module, "conv", None)
    return bool(
        isinstance(conv, nn.Conv2d)
        and (conv.kernel_size, conv.stride, conv.padding) == ((3, 3), (1, 1), (1, 1))
        and module.interpolate
        and module.use_conv
        and not module.use_conv_transpose
        and module.norm is None
    )


def _gated(layer: nn.Linear, hidden_states: Tensor) -> Tensor:
    """`GEGLU.forward`: the first half of the outputs times GELU of the second."""
    value, gate = layer.weight.chunk(2)
    value_bias, gate_bias = layer.bias.chunk(2) if layer.bias is not None else (None, None)
    product = torch.ops.mkldnn._linear_pointwise
    gate = product(hidden_states, gate, gate_bias, "gelu", [], "none")
    return product.binary(hidden_states, gate, value, value_bias, "mul")


def _has_fused() -> bool:
    """Whether this build of torch has the matrix products that `_gated` needs, and they give what they should."""
    try:
        layer = nn.Linear(32, 64).to(torch.bfloat16)
        x = torch.linspace(-2, 2, 64).reshape(2, 32).to(torch.bfloat16)
        with torch.inference_mode():
            value, gate = layer(x).float().chunk(2, dim=-1)
            return bool(((_gated(layer, x).float() - value * F.gelu(gate)).abs() < 0.05).all())
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False


class SelfAttention:
    """Attention processor for the `attn1` layers: in bf16 matrix products picture by picture, else torch's own kernel.

    The mean key is subtracted from all keys, which changes no softmax and keeps what is rounded to bf16 small.

    Args:
        before: the processor whose place it takes.
    """

    def __init__(self, before: Any = None) -> None:
        self.before = before

    def __call__(self, layer: Attention, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(B, N, C) to (B, N, C)."""
        query, key, value = (
            project(hidden_states).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
            for project in (layer.to_q, layer.to_k, layer.to_v)
        )
        if hidden_states.dtype == torch.bfloat16:
            query, key = query * layer.scale, key - key.mean(2, keepdim=True)
            mixed = torch.empty_like(hidden_states).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
            for q, k, v, target in zip(query, key, value, mixed, strict=True):
                target.copy_(torch.softmax(q @ k.transpose(1, 2), dim=-1) @ v)
        else:
            mixed = F.scaled_dot_product_attention(query, key, value)
        return layer.to_out[0](mixed.transpose(1, 2).flatten(2))


def _plain_attention(module: nn.Module) -> bool:
    return module.group_norm is None and not module.residual_connection and module.norm_q is None
