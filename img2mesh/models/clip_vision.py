"""CLIP's picture encoder (Radford et al. 2021), with the weights' names of `CLIPVisionModelWithProjection`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The format's defaults: files name only what differs from them.
DEFAULTS: dict[str, Any] = {
    "attention_dropout": 0.0,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "image_size": 224,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-5,
    "num_attention_heads": 12,
    "num_channels": 3,
    "num_hidden_layers": 12,
    "patch_size": 32,
    "projection_dim": 512,
}


class Seen(NamedTuple):
    """The last layer's tokens (B, N, C), the class token first."""

    last_hidden_state: Tensor


class Embedded(NamedTuple):
    """The projected class token (B, D)."""

    image_embeds: Tensor


class _Embeddings(nn.Module):
    def __init__(self, c: SimpleNamespace) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(c.hidden_size))
        self.patch_embedding = nn.Conv2d(
            c.num_channels, c.hidden_size, c.patch_size, stride=c.patch_size, bias=False
        )
        places = torch.empty((c.image_size // c.patch_size) ** 2 + 1, c.hidden_size)
        # drawing normal numbers for the meta device would import torch's compiler
        self.position_embedding = nn.Embedding.from_pretrained(places, freeze=False)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = (
            self.patch_embedding(pixels.to(self.patch_embedding.weight.dtype)).flatten(2).transpose(1, 2)
        )
        first = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (
            project(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class _Perceptron(nn.Module):
    def __init__(self, c: SimpleNamespace) -> None:
        super().__init__()
        self.fc1, self.fc2 = (
            nn.Linear(c.hidden_size, c.intermediate_size),
            nn.Linear(c.intermediate_size, c.hidden_size),
        )
        self.quick = c.hidden_act == "quick_gelu"

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.fc1(tokens)
        return self.fc2(x * torch.sigmoid(1.702 * x) if self.quick else F.gelu(x))


class _Layer(nn.Module):
    def __init__(self, c: SimpleNamespace) -> None:
        super().__init__()
        self.self_attn = _Attention(c.hidden_size, c.num_attention_heads)
        self.layer_norm1, self.layer_norm2 = (nn.LayerNorm(c.hidden_size, c.layer_norm_eps) for _ in range(2))
        self.mlp = _Perceptron(c)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.self_attn(self.layer_norm1(tokens))
        return tokens + self.mlp(self.layer_norm2(tokens))


class _Layers(nn.Module):
    def __init__(self, c: SimpleNamespace) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(c) for _ in range(c.num_hidden_layers))

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens


class VisionTransformer(nn.Module):
    """Patches and a class token through the layers; `post_layernorm` is for whoever uses the tokens."""

    def __init__(self, c: SimpleNamespace) -> None:
        super().__init__()
        self.embeddings, self.encoder = _Embeddings(c), _Layers(c)
        self.pre_layrnorm, self.post_layernorm = (  # as it is spelt in the files
            nn.LayerNorm(c.hidden_size, c.layer_norm_eps) for _ in range(2)
        )

    def forward(self, pixel_values: Tensor) -> Seen:
        """Of preprocessed pixels (B, C, S, S)."""
        return Seen(self.encoder(self.pre_layrnorm(self.embeddings(pixel_values))))


class CLIPVision(nn.Module):
    """From the values of a `CLIPVisionModelWithProjection`'s config.json; see `fits`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**{**DEFAULTS, **config})
        self.vision_model = VisionTransformer(self.config)
        self.visual_projection = nn.Linear(self.config.hidden_size, self.config.projection_dim, bias=False)

    @staticmethod
    def fits(config: Mapping[str, Any]) -> bool:
        """Whether this class is what a config.json describes."""
        return (
            "CLIPVisionModelWithProjection" in config.get("architectures", ())
            and config.get("model_type") == "clip_vision_model"
            and config.get("hidden_act", "quick_gelu") in ("quick_gelu", "gelu")
        )

    def forward(self, pixel_values: Tensor) -> Embedded:
        """The embedding of preprocessed pixels (B, C, S, S)."""
        vision = self.vision_model
        return Embedded(
            self.visual_projection(vision.post_layernorm(vision(pixel_values).last_hidden_state[:, 0]))
        )
