"""A Zero123++ model with random weights in the published layout, small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from img2mesh.models import load_model
from img2mesh.models.zero123plus import Zero123Plus
from tests.models.tiny import TINY_CLIP, TINY_VAE

RAMP = [round(0.02 * i, 3) for i in range(9)]
TILE = 64


def make_tiny_plus(folder: Path, version: str = "v1.2", seed: int = 0) -> Path:
    """Write `model_index.json` and a sub-folder per part, as on the Hub, with views of 64 pixels."""
    from diffusers import AutoencoderKL, EulerAncestralDiscreteScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modules = {
            "unet": UNet2DConditionModel(
                sample_size=16,
                in_channels=4,
                out_channels=4,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                block_out_channels=(16, 32),
                layers_per_block=1,
                cross_attention_dim=24,
                attention_head_dim=(2, 4),
                norm_num_groups=8,
                use_linear_projection=True,
            ),
            "vae": AutoencoderKL(**TINY_VAE, scaling_factor=0.18215),
            "vision_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**TINY_CLIP)),
            "text_encoder": CLIPTextModel(
                CLIPTextConfig(
                    vocab_size=40,
                    hidden_size=24,
                    intermediate_size=32,
                    num_hidden_layers=1,
                    num_attention_heads=2,
                    max_position_embeddings=len(RAMP),
                )
            ),
        }
    folder = Path(folder)
    for name, module in modules.items():
        torch.nn.Module.half(module).save_pretrained(folder / name)
    EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear", prediction_type="v_prediction"
    ).save_pretrained(folder / "scheduler")
    write(
        folder / "model_index.json",
        {
            "_class_name": "Zero123PlusPipeline",
            "_name_or_path": "sudo-ai/zero123plus-v1.1",  # as the published v1.2 says
            "ramping_coefficients": RAMP,
            "unet": ["diffusers", "UNet2DConditionModel"],
        },
    )
    words = {"<|startoftext|>": 38, "<|endoftext|>": 39, "!": 5}
    write(folder / "tokenizer" / "vocab.json", words)
    marks = {"bos_token": {"content": "<|startoftext|>"}, "eos_token": "<|endoftext|>", "pad_token": "!"}
    write(folder / "tokenizer" / "tokenizer_config.json", marks)
    picture = {"size": {"shortest_edge": 64}, "image_mean": 0.5, "image_std": 0.8, "resample": 2}
    write(folder / "feature_extractor_vae" / "preprocessor_config.json", picture)
    write(folder / "feature_extractor_clip" / "preprocessor_config.json", {"size": {"shortest_edge": 32}})
    record = {"name": f"tiny-plus-{version}", "licence": "none", "tile": TILE, "steps": 2, "variant": version}
    write(folder / "img2mesh.json", record)
    return folder


def write(path: Path, content: dict) -> None:
    """A JSON file and the folder above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def on_grey(true_view, cameras) -> np.ndarray:
    """What a perfect model's decoder would say: pictures (n, S, S, 4), alpha 255, the object on grey."""
    pictures = []
    for camera in cameras:
        rgba = true_view(camera).astype(np.float32)
        alpha = rgba[..., 3:] / 255
        rgb = rgba[..., :3] * alpha + 127 * (1 - alpha)
        pictures.append(np.concatenate([rgb, np.full_like(alpha, 255)], axis=-1))
    return np.round(np.stack(pictures)).astype(np.uint8)


def load(folder, **kwargs) -> Zero123Plus:
    return load_model(str(folder), device="cpu", precision="fp32", **kwargs)
