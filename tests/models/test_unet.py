"""The package's own U-Nets, autoencoder and CLIP encoder against diffusers' and transformers' classes."""

import subprocess
import sys

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet2DModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from img2mesh.models.autoencoder import Autoencoder
from img2mesh.models.clip_vision import CLIPVision
from img2mesh.models.model_parts import empty_module
from img2mesh.models.unet import ConditionalUNet, PixelUNet
from img2mesh.models.unet_blocks import Attention, attend_plainly
from tests.models.tiny import TINY_CLIP, TINY_VAE

UNET = {
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (16, 32),
    "layers_per_block": 2,
    "cross_attention_dim": 24,
    "attention_head_dim": (1, 2),
    "norm_num_groups": 8,
}
LABELS = {
    "class_embed_type": "projection",
    "projection_class_embeddings_input_dim": 6,
    "resnet_time_scale_shift": "scale_shift",
}


def twin(theirs, ours):
    """Our network with their weights, both ready."""
    ours.load_state_dict(theirs.state_dict())
    return ours.eval()


@pytest.mark.parametrize("extra", [{}, LABELS, {"attention_head_dim": 4}])
def test_the_denoiser_is_that_of_diffusers(extra):
    torch.manual_seed(0)
    theirs = UNet2DConditionModel(sample_size=8, **UNET | extra).eval()
    config = dict(theirs.config)
    config["_class_name"] = "UNet2DConditionModel"
    assert ConditionalUNet.fits(config)
    ours = twin(theirs, ConditionalUNet(config))
    x, times, context = torch.randn(3, 8, 8, 8), torch.tensor([1, 500, 999]), torch.randn(3, 5, 24)
    labels = torch.randn(3, 6) if "class_embed_type" in extra else None
    with torch.no_grad():
        wanted = theirs(x, times, context, class_labels=labels).sample
        assert torch.equal(ours(x, times, context, class_labels=labels).sample, wanted)


@pytest.mark.parametrize(
    "change",
    [
        {"use_linear_projection": True},
        {"dual_cross_attention": True},
        {"class_embed_type": "timestep"},
        {"transformer_layers_per_block": 2},
        {"act_fn": "gelu"},
        {"down_block_types": ("AttnDownBlock2D", "CrossAttnDownBlock2D")},
        {"a_key_of_next_year": 3},
    ],
)
def test_other_denoisers_are_left_to_diffusers(change):
    config = dict(UNet2DConditionModel(sample_size=8, **UNET).config) | {
        "_class_name": "UNet2DConditionModel"
    }
    assert ConditionalUNet.fits(config) and not ConditionalUNet.fits(config | change)


@pytest.mark.parametrize("widths", [(8, 16), (16, 32, 64)])
def test_the_occupancy_core_is_that_of_diffusers(widths):
    torch.manual_seed(1)
    n = len(widths)
    theirs = UNet2DModel(
        sample_size=16,
        in_channels=5,
        out_channels=7,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=(*("DownBlock2D",) * (n - 1), "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", *("UpBlock2D",) * (n - 1)),
        norm_num_groups=8,
        attention_head_dim=8,
    ).eval()
    ours = twin(theirs, PixelUNet(5, 7, widths, groups=8, head=8))
    x, times = torch.randn(2, 5, 16, 16), torch.tensor([0.3, -7.0])
    with torch.no_grad():
        assert torch.equal(ours(x, times).sample, theirs(x, times).sample)


@pytest.mark.parametrize("attention", [True, False])
def test_the_autoencoder_is_that_of_diffusers(attention):
    torch.manual_seed(2)
    theirs = AutoencoderKL(**TINY_VAE, mid_block_add_attention=attention).eval()
    config = dict(theirs.config) | {"_class_name": "AutoencoderKL"}
    assert Autoencoder.fits(config) and not Autoencoder.fits(config | {"use_quant_conv": False})
    ours = twin(theirs, Autoencoder(config))
    pictures, latents = torch.randn(2, 3, 64, 64), torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        wanted = theirs.encode(pictures).latent_dist.mode()
        assert torch.equal(ours.encode(pictures).latent_dist.mode(), wanted)
        assert torch.equal(ours.decode(latents).sample, theirs.decode(latents).sample)


@pytest.mark.parametrize("kind", ["quick_gelu", "gelu"])
def test_the_picture_encoder_is_that_of_transformers(kind):
    torch.manual_seed(3)
    config = CLIPVisionConfig(**TINY_CLIP, hidden_act=kind)
    theirs = CLIPVisionModelWithProjection(config).eval()
    config = config.to_dict() | {"architectures": ["CLIPVisionModelWithProjection"]}
    assert CLIPVision.fits(config) and not CLIPVision.fits(config | {"hidden_act": "relu"})
    ours = twin(theirs, CLIPVision(config))
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        wanted = theirs(pixel_values=pixels)
        assert torch.equal(ours(pixel_values=pixels).image_embeds, wanted.image_embeds)
        assert torch.equal(ours.vision_model(pixels).last_hidden_state, wanted.last_hidden_state)


def test_plain_products_attend_alike():
    torch.manual_seed(4)
    layer, tokens, context = Attention(16, 2, 24), torch.randn(2, 9, 16), torch.randn(2, 3, 24)
    with torch.no_grad():
        fused = layer(tokens, context)
        layer.set_processor(attend_plainly)
        assert torch.allclose(layer(tokens, context), fused, atol=1e-6)


def test_which_classes_a_folder_becomes(tiny_mini):
    for part, kind in (("unet", ConditionalUNet), ("vae", Autoencoder), ("image_encoder", CLIPVision)):
        own, library = empty_module(part, tiny_mini / part, own=True), empty_module(part, tiny_mini / part)
        assert type(own) is kind and type(library).__module__.startswith(("diffusers", "transformers"))
        shapes = [{k: v.shape for k, v in module.state_dict().items()} for module in (own, library)]
        assert shapes[0] == shapes[1] and all(p.is_meta for p in own.parameters())


def test_the_shipped_model_imports_no_compiler_and_no_other_models():
    code = (
        "import sys; from img2mesh.models import load_model; load_model('mini', device='cpu')\n"
        "print(*(n for n in ('torch._dynamo', 'sympy', 'diffusers', 'transformers') if n in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ""
