"""Zero123++ folders: what is recorded, told apart by name, corrected, refused; and the published widths."""

from __future__ import annotations

import json
import shutil

import pytest

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.load_zero123plus import guess_version
from img2mesh.models.zero123plus import Zero123Plus
from tests.models.tiny_plus import load


@pytest.fixture
def copy(tiny_plus, tmp_path):
    return shutil.copytree(tiny_plus, tmp_path / "model")


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_record_and_the_variant(tiny_plus, copy):
    model = load(tiny_plus)
    assert isinstance(model, Zero123Plus) and model.name == "tiny-plus-v1.2" and model.licence == "none"
    assert model.default_steps == 2 and model.weights == "as published" and model.warnings == ()
    (copy / "img2mesh.json").unlink()
    assert load(copy).variant == "v1.2" and load(copy).tile == 320
    older = copy.rename(copy.with_name("zero123plus-v1.1"))
    assert load(older).variant == "v1.1"
    with pytest.raises(Img2MeshError, match=r"v1\.1 or v1\.2"):
        load(older, variant="stable")


@pytest.mark.parametrize(
    ("name", "version"),
    [("zero123plus-v1.1", "v1.1"), ("models--sudo-ai--zero123plus-v1.1", "v1.1"), ("zero123++_1_1", "v1.1"),
     ("zero123plus", "v1.2"), ("zero123plus-v1.2", "v1.2"), ("mine", "v1.2")],
)  # fmt: skip
def test_version_by_name(name, version):
    assert guess_version("", name) == version


def test_wrong_noise_levels_are_corrected_with_a_warning(copy):
    edit(copy / "scheduler" / "scheduler_config.json", beta_schedule="scaled_linear")
    said, progress = [], Progress()
    progress.warn = said.append
    model = load(copy, progress=progress)
    assert "scaled_linear" in said[0] and model.warnings == tuple(said)
    assert model.schedule(4).now[0] == pytest.approx(0.00157896, rel=1e-4)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no vision", r"Zero123\+\+ model: it has no vision_encoder/"),
        ("no text", "no text_encoder/"),
        ("no scheduler", "no scheduler/"),
        ("no ramp", "ramping_coefficients"),
        ("words", "ramping_coefficients"),
        ("channels", "takes 8 channels"),
        ("weights", "no weights"),
        ("vocabulary", "does not fit its tokenizer"),
    ],
)
def test_a_wrong_folder_is_named_in_one_sentence(copy, how, said):
    if how in ("no vision", "no text", "no scheduler"):
        part = {"no vision": "vision_encoder", "no text": "text_encoder", "no scheduler": "scheduler"}[how]
        shutil.rmtree(copy / part)
    elif how == "no ramp":
        (copy / "model_index.json").write_text('{"_class_name": "Zero123PlusPipeline"}')
    elif how == "words":
        edit(copy / "model_index.json", ramping_coefficients=["a"])
    elif how == "channels":
        edit(copy / "unet" / "config.json", in_channels=8)
    elif how == "weights":
        next((copy / "vae").glob("*.safetensors")).unlink()
    else:
        (copy / "tokenizer" / "vocab.json").unlink()
    with pytest.raises(Img2MeshError, match=said) as caught:
        load(copy)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_bad_arguments_are_refused(tiny_plus, picture):
    model = load(tiny_plus)
    for change in (
        {"image_rgba": picture[..., :3]},
        {"image_rgba": picture[:32]},
        {"guidance": -1.0},
        {"steps": 0},
        {"solver": "euler"},
    ):
        with pytest.raises(Img2MeshError):
            model.draw(**{"image_rgba": picture, "steps": 1, **change})


def test_the_published_widths_have_the_published_numbers_of_parameters(tmp_path):
    """Stable Diffusion 2's U-Net and text encoder, CLIP ViT-H, Stable Diffusion's VAE; no memory is taken."""
    from img2mesh.models.model_parts import empty_module
    from tests.models.tiny_plus import write

    cross, plain = "CrossAttn{}Block2D", "{}Block2D"
    configs = {
        "unet": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [320, 640, 1280, 1280],
            "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024, "layers_per_block": 2,
            "use_linear_projection": True, "sample_size": 64,
            "down_block_types": [cross.format("Down")] * 3 + [plain.format("Down")],
            "up_block_types": [plain.format("Up")] + [cross.format("Up")] * 3,
        },
        "vae": {
            "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4,
            "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
        },
        "vision_encoder": {
            "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
            "num_attention_heads": 16, "patch_size": 14, "projection_dim": 1024, "hidden_act": "gelu",
        },
        "text_encoder": {
            "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23,
            "num_attention_heads": 16, "vocab_size": 49408, "hidden_act": "gelu",
        },
    }  # fmt: skip
    counts = {
        "unet": 865_910_724,
        "vae": 83_653_863,
        "vision_encoder": 632_076_800,
        "text_encoder": 340_387_840,
    }
    for part, config in configs.items():
        write(tmp_path / part / "config.json", config)
        module = empty_module(part, tmp_path / part)
        assert sum(p.numel() for p in module.parameters()) == counts[part], part
        assert all(p.device.type == "meta" for p in module.parameters())
