"""The full-size network, its one free choice being the widths: tests use narrow ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from img2mesh.models import checkpoint_keys as names

PARTS = ("unet", "vae", "image_encoder", "clip_camera_projection")

SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}


@dataclass(frozen=True)
class Widths:
    """Channels of the first U-Net level, first VAE level, CLIP tower and context; layers of the tower.

    The default is that of every published checkpoint.
    """

    unet: int = 320
    vae: int = 128
    clip: int = 1024
    clip_layers: int = 24
    clip_heads: int = 16
    context: int = 768
    image: int = 224
    patch: int = 14

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Widths:
        """Widths of an original state dict; what it does not tell is as published, and found out when filled."""

        def look(name: str, axis: int, default: int) -> int:
            shape = shapes.get(name, ())
            return shape[axis] if len(shape) > axis else default

        layers = {
            key.removeprefix(names.CLIP + "transformer.resblocks.").split(".")[0]
            for key in shapes
            if key.startswith(names.CLIP + "transformer.resblocks.")
        }
        clip = look(names.CLIP + "class_embedding", 0, cls.clip)
        patch = look(names.CLIP + "conv1.weight", 2, cls.patch)
        tokens = look(names.CLIP + "positional_embedding", 0, 257)
        return cls(
            unet=look(names.UNET + "input_blocks.0.0.weight", 0, cls.unet),
            vae=look(names.VAE + "encoder.conv_in.weight", 0, cls.vae),
            clip=clip,
            clip_layers=len(layers) or cls.clip_layers,
            clip_heads=max(1, clip // 64),
            context=look(names.CLIP + "proj", 1, cls.context),
            image=patch * round((tokens - 1) ** 0.5),
            patch=patch,
        )


def build_empty(part: str, widths: Widths | None = None) -> nn.Module:
    """One part with parameters on the meta device: no memory, no time, right names and shapes."""
    from accelerate import init_empty_weights
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    from img2mesh.models.camera_projection import CLIPCameraProjection

    w = widths or Widths()
    with init_empty_weights(include_buffers=False):
        if part == "unet":
            return UNet2DConditionModel(
                sample_size=32,
                in_channels=8,
                out_channels=4,
                down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
                up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
                block_out_channels=(w.unet, 2 * w.unet, 4 * w.unet, 4 * w.unet),
                layers_per_block=2,
                cross_attention_dim=w.context,
                attention_head_dim=8,  # diffusers means the number of heads
            )
        if part == "vae":
            return AutoencoderKL(
                in_channels=3,
                out_channels=3,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                block_out_channels=(w.vae, 2 * w.vae, 4 * w.vae, 4 * w.vae),
                layers_per_block=2,
                latent_channels=4,
                sample_size=256,
                scaling_factor=0.18215,
            )
        if part == "image_encoder":
            return CLIPVisionModelWithProjection(
                CLIPVisionConfig(
                    hidden_size=w.clip,
                    intermediate_size=4 * w.clip,
                    num_hidden_layers=w.clip_layers,
                    num_attention_heads=w.clip_heads,
                    image_size=w.image,
                    patch_size=w.patch,
                    projection_dim=w.context,
                    hidden_act="quick_gelu",
                )
            )
        return CLIPCameraProjection(w.context, 4)
