"""The mini's networks and noise schedule, made from a recipe."""

from __future__ import annotations

from typing import Any

from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from img2mesh.models.camera_projection import POSE_FEATURES, CLIPCameraProjection
from img2mesh.train.config import DenoiserRecipe


def build_networks(recipe: DenoiserRecipe) -> Any:
    """U-Net, image encoder and camera projection with random weights, in the widths of the recipe."""
    n = len(recipe.widths)
    unet = UNet2DConditionModel(
        sample_size=32,
        in_channels=8,
        out_channels=4,
        down_block_types=tuple(
            "CrossAttnDownBlock2D" if i in recipe.attention_levels else "DownBlock2D" for i in range(n)
        ),
        up_block_types=tuple(
            "CrossAttnUpBlock2D" if n - 1 - i in recipe.attention_levels else "UpBlock2D" for i in range(n)
        ),
        block_out_channels=recipe.widths,
        layers_per_block=recipe.layers,
        cross_attention_dim=recipe.context,
        attention_head_dim=tuple(max(1, width // recipe.head_dim) for width in recipe.widths),
        norm_num_groups=16,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=POSE_FEATURES,
        resnet_time_scale_shift="scale_shift",
    )
    width = recipe.encoder_width
    image_encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=recipe.encoder_layers,
            num_attention_heads=max(1, width // 32),
            image_size=recipe.encoder_size,
            patch_size=recipe.encoder_patch,
            projection_dim=recipe.context,
        )
    )
    projection = CLIPCameraProjection(width, 4, recipe.context, tokens="all")
    return unet, image_encoder, projection


def build_scheduler(recipe: DenoiserRecipe) -> DDIMScheduler:
    """Zero-1-to-3's betas (docs/zero123.md); few-step sampling is a property of this record, not of the sampler."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=recipe.zero_snr,
        steps_offset=1,
        prediction_type=recipe.prediction,
        timestep_spacing="trailing" if recipe.zero_snr else "leading",
        rescale_betas_zero_snr=recipe.zero_snr,
    )
