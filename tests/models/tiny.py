"""Zero-1-to-3 models with random weights, small enough for tests; other rooms' tests use them too."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from img2mesh.models.camera_projection import POSE_FEATURES, CLIPCameraProjection

TINY_VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (8, 8, 16, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 256,
}
TINY_CLIP = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
    "projection_dim": 24,
}


def make_tiny(folder: Path, mini: bool = True, seed: int = 0) -> Path:
    """Write a model folder in diffusers' layout: like the mini (RGBA, v-prediction, all tokens) or like the
    full-size checkpoints (RGB, noise prediction, one token, one context layer per block). Well under a
    second to make and to sample 64-256 px pictures with."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = 4 if mini else 3
        extra = {}
        if mini:
            extra = {
                "class_embed_type": "projection",
                "projection_class_embeddings_input_dim": POSE_FEATURES,
                "resnet_time_scale_shift": "scale_shift",
            }
        modules = {
            "unet": UNet2DConditionModel(
                sample_size=32,
                in_channels=8,
                out_channels=4,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                block_out_channels=(16, 32),
                layers_per_block=1,
                cross_attention_dim=24,
                attention_head_dim=2,
                norm_num_groups=8,
                **extra,
            ),
            "vae": AutoencoderKL(
                **TINY_VAE,
                in_channels=channels,
                out_channels=channels,
                mid_block_add_attention=not mini,
                scaling_factor=1.0 if mini else 0.18215,
            ),
            "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**TINY_CLIP)),
            "clip_camera_projection": CLIPCameraProjection(
                16 if mini else 24, 4, 24, tokens="all" if mini else "class"
            ),
        }
    folder = Path(folder)
    for name, module in modules.items():
        torch.nn.Module.half(module).save_pretrained(folder / name)
    DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=mini,
        steps_offset=1,
        prediction_type="v_prediction" if mini else "epsilon",
        timestep_spacing="trailing" if mini else "leading",
        rescale_betas_zero_snr=mini,
    ).save_pretrained(folder / "scheduler")
    record = {"name": "tiny", "licence": "none", "distance": 1.6, "steps": 2, "guidance": 1.5}
    (folder / "img2mesh.json").write_text(json.dumps(record))
    return folder
