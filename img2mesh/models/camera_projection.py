"""The two pieces of Zero-1-to-3 that diffusers and transformers lack: posed tokens and pose features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from img2mesh.models.stored_network import StoredNetwork

if TYPE_CHECKING:
    from transformers import CLIPVisionModelWithProjection

POSE_FEATURES = 16


class CLIPCameraProjection(StoredNetwork):
    """Linear layer over [image token, relative pose] (Zero-1-to-3, section 3.2, "posed CLIP embedding").

    Args:
        embedding_dim: width of an image token (768 for the public checkpoints).
        additional_embeddings: length of the pose vector.
        output_dim: width of the context; None means `embedding_dim`, as in the public checkpoints.
        tokens: `class`, the projected class token alone (public checkpoints), or `all`, every token of the
            encoder's last layer (the mini).
    """

    def __init__(
        self,
        embedding_dim: int = 768,
        additional_embeddings: int = 4,
        output_dim: int | None = None,
        tokens: str = "class",
    ) -> None:
        super().__init__()
        self.remember(
            embedding_dim=embedding_dim,
            additional_embeddings=additional_embeddings,
            output_dim=output_dim,
            tokens=tokens,
        )
        self.proj = nn.Linear(embedding_dim + additional_embeddings, output_dim or embedding_dim)

    def forward(self, tokens: Tensor, pose: Tensor) -> Tensor:
        """Image tokens (B, N, embedding_dim) and poses (B, 4) to context (B, N, output_dim)."""
        pose = pose.to(tokens)[:, None, :].expand(-1, tokens.shape[1], -1)  # (B, N, 4)
        return self.proj(torch.cat([tokens, pose], dim=-1))


def pose_features(pose: Tensor) -> Tensor:
    """Harmonics of the relative pose (B, 4) for a U-Net with `class_embed_type="projection"`: (B, 16).

    [pose (4); sin kp, cos kp of polar difference p for k = 1, 2, 4; sin kd, cos kd of azimuth difference d
    for k = 2, 3, 4]. Only the mini's U-Net takes them; the public checkpoints know the pose from the context
    alone.
    """
    polar, sin, cos = pose[:, 0], pose[:, 1], pose[:, 2]
    d = torch.atan2(sin, cos)
    parts = [pose]
    for k in (1, 2, 4):
        parts += [torch.sin(k * polar)[:, None], torch.cos(k * polar)[:, None]]
    for k in (2, 3, 4):
        parts += [torch.sin(k * d)[:, None], torch.cos(k * d)[:, None]]
    return torch.cat(parts, dim=1)


def image_tokens(encoder: CLIPVisionModelWithProjection, pixels: Tensor, tokens: str) -> Tensor:
    """Tokens of preprocessed pixels (B, 3, S, S) from a `CLIPVisionModelWithProjection`: (B, N, width).

    `class` gives the projected, not normalised class embedding (N = 1); `all` every token of the last layer
    after the final layer norm.
    """
    if tokens == "class":
        return encoder(pixel_values=pixels).image_embeds[:, None]
    vision = getattr(encoder, "vision_model", encoder)
    return vision.post_layernorm(vision(pixel_values=pixels).last_hidden_state)
