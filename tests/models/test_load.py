"""Folders of every published layout load; every wrong one is named in a sentence."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models import load_model
from img2mesh.models.precision import cpu_has_bf16, pick_device, pick_dtype
from img2mesh.models.registry import guess_variant
from tests.models.manifest import NARROW, random_state, whole


def load(folder, **kwargs):
    return load_model(str(folder), device="cpu", precision="fp32", **kwargs)


@pytest.fixture
def copy(tiny_full, tmp_path):
    """A copy of the tiny full-size-like folder, to be damaged."""
    return shutil.copytree(tiny_full, tmp_path / "model")


def weights(folder, part):
    return next((folder / part).glob("*.safetensors"))


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_record_beside_the_folder_is_used(tiny_mini):
    model = load(tiny_mini)
    assert (model.name, model.licence, model.default_steps, model.default_guidance) == (
        "tiny",
        "none",
        2,
        1.5,
    )
    assert model.distance == 1.6 and model.variant == "original" and model.source == tiny_mini
    assert next(model.unet.parameters()).dtype == torch.float32 and not model.unet.training


def test_the_other_pose_module_and_pickled_weights(copy, tiny_full):
    """zero123-hf's layout: cc_projection with keys projection.*, an empty config, .bin files."""
    (copy / "clip_camera_projection").rename(copy / "cc_projection")
    path = weights(copy, "cc_projection")
    state = {key.replace("proj.", "projection."): value for key, value in load_file(path).items()}
    torch.save(state, path.with_suffix(".bin"))
    path.unlink()
    unet = weights(copy, "unet")
    torch.save(load_file(unet), unet.with_suffix(".bin"))
    unet.unlink()
    encoder = weights(copy, "image_encoder")
    state = load_file(encoder)
    state["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    torch.save(state, encoder.with_name("pytorch_model.bin"))
    encoder.unlink()
    a, b = load(copy), load(tiny_full)
    for part in ("unet", "projection", "image_encoder"):
        for x, y in zip(getattr(a, part).parameters(), getattr(b, part).parameters(), strict=True):
            assert torch.equal(x, y)


def test_weights_in_the_format_before_pytorch_1_6(copy, tiny_full):
    unet = weights(copy, "unet")
    torch.save(load_file(unet), unet.with_suffix(".bin"), _use_new_zipfile_serialization=False)
    unet.unlink()
    assert torch.equal(load(copy).unet.conv_in.weight, load(tiny_full).unet.conv_in.weight)


def test_old_names_of_the_vae_attention(copy, tiny_full):
    path = weights(copy, "vae")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state, renamed = {}, 0
    for key, value in load_file(path).items():
        for new, name in old.items():
            if f".attentions.0.{new}." in key:
                key, renamed = key.replace(new, name), renamed + 1
        state[key] = value.contiguous()
    assert renamed == 16
    save_file(state, path)
    a, b = load(copy).vae.state_dict(), load(tiny_full).vae.state_dict()
    assert all(torch.equal(a[key], b[key]) for key in b)


def test_averaged_variants_are_preferred(copy):
    path = weights(copy, "unet")
    state = {key: torch.zeros_like(value) for key, value in load_file(path).items()}
    save_file(state, path.with_name("diffusion_pytorch_model.fp16_ema.safetensors"))
    model = load(copy)
    assert "fp16_ema" in model.weights and float(model.unet.conv_in.weight.abs().max()) == 0


def test_wrong_betas_are_corrected_with_a_warning(copy):
    edit(copy / "scheduler" / "scheduler_config.json", beta_start=0.02, beta_end=0.085)
    said = []
    progress = Progress()
    progress.warn = said.append
    model = load(copy, progress=progress)
    assert len(said) == 1 and "beta_start 0.02" in said[0] and model.warnings == tuple(said)
    assert model.schedule(10).now[0] == pytest.approx(0.0046601, rel=1e-4)


@pytest.mark.parametrize(
    "name, variant",
    [("stable-zero123", "stable"), ("stable_zero123_c", "stable"), ("ashawkey/stable-zero123-diffusers", "stable"),
     ("zero123-xl", "original"), ("105000", "original")],
)  # fmt: skip
def test_variant_by_name(name, variant):
    assert guess_variant(name) == variant


def break_folder(folder, how):
    unet = weights(folder, "unet")
    if how == "lfs":
        unet.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    elif how == "short":
        unet.write_bytes(unet.read_bytes()[:-5000])
    elif how == "shorter":
        unet.write_bytes(unet.read_bytes()[:100])
    elif how == "empty":
        unet.write_bytes(b"")
    elif how == "incomplete":
        unet.rename(unet.with_suffix(".incomplete"))
    elif how == "no weights":
        unet.unlink()
    elif how == "no vae":
        shutil.rmtree(folder / "vae")
    elif how == "no pose":
        shutil.rmtree(folder / "clip_camera_projection")
    elif how == "no scheduler":
        shutil.rmtree(folder / "scheduler")
    elif how == "no unet":
        shutil.rmtree(folder / "unet")
    elif how == "sd":
        edit(folder / "unet" / "config.json", in_channels=4)
        shutil.rmtree(folder / "image_encoder")
    elif how == "inpainting":
        edit(folder / "unet" / "config.json", in_channels=9)
    elif how == "pix2pix":
        shutil.rmtree(folder / "clip_camera_projection")
        (folder / "text_encoder").mkdir()
    elif how in ("plus without index", "half of plus"):
        edit(folder / "unet" / "config.json", in_channels=4)
        shutil.rmtree(folder / "image_encoder")
        (folder / ("vision_encoder" if how == "plus without index" else "feature_extractor_vae")).mkdir()
        (folder / "text_encoder").mkdir()
    elif how == "plus":
        (folder / "model_index.json").write_text('{"_class_name": "Zero123PlusPipeline"}')
    elif how == "json":
        (folder / "unet" / "config.json").write_text('{"in_chan')
    elif how == "no config":
        (folder / "vae" / "config.json").unlink()
    elif how == "lacks":
        state = load_file(unet)
        del state["conv_out.bias"]
        save_file(state, unet)
    elif how == "extra":
        save_file({**load_file(unet), "stranger": torch.zeros(1)}, unet)
    elif how == "shape":
        save_file({**load_file(unet), "conv_out.bias": torch.zeros(7)}, unet)
    elif how == "pickle":
        unet.unlink()
        torch.save({"w": Progress()}, unet.with_suffix(".bin"))
    elif how == "old pickle":
        unet.unlink()
        torch.save({"w": Progress()}, unet.with_suffix(".bin"), _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    "how, said",
    [
        ("lfs", "LFS pointer"),
        ("short", "cut short"),
        ("shorter", "cut short"),
        ("empty", "empty"),
        ("incomplete", "half a download"),
        ("no weights", "no weights"),
        ("no vae", "no vae/"),
        ("no pose", "clip_camera_projection/"),
        ("no scheduler", "scheduler/"),
        ("no unet", "no unet/"),
        ("sd", "Stable Diffusion text-to-image"),
        ("inpainting", "inpainting"),
        ("pix2pix", "InstructPix2Pix"),
        ("plus", r"Zero123\+\+"),
        ("plus without index", r"looks like a Zero123\+\+ model, but lacks its model_index.json"),
        ("half of plus", r"looks like a Zero123\+\+ model"),
        ("json", "not readable JSON"),
        ("no config", "config.json"),
        ("lacks", "lacks 1 of"),
        ("extra", "stranger"),
        ("shape", "conv_out.bias"),
        ("pickle", "holds no tensors"),
        ("old pickle", "damaged, or holds more than tensors"),
    ],
)
def test_a_wrong_folder_is_named_in_one_sentence(copy, how, said):
    break_folder(copy, how)
    with pytest.raises(Img2MeshError, match=said) as caught:
        load(copy)
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", "?")) and len(text) < 300


def test_unknown_names_are_refused(tmp_path):
    for name in ("zero12345", str(tmp_path / "absent.ckpt"), str(tmp_path), ""):
        with pytest.raises(Img2MeshError):
            load(name)


def test_another_models_variant_is_refused_before_its_weights_are_read(copy, tmp_path, monkeypatch):
    for part in ("unet", "vae", "image_encoder", "clip_camera_projection"):
        weights(copy, part).unlink()
    with pytest.raises(Img2MeshError, match=r"original or stable, not v1\.2"):
        load(copy, variant="v1.2")
    path = tmp_path / "zero123.ckpt"
    torch.save({"state_dict": random_state(whole(**NARROW))}, path)
    monkeypatch.setattr("img2mesh.models.convert.tensors", lambda *_: pytest.fail("read weights"))
    with pytest.raises(Img2MeshError, match=r"zero123\.ckpt.*original or stable, not v1\.1"):
        load(path, variant="v1.1")
    monkeypatch.setattr("img2mesh.models.hub.download", lambda *_, **__: pytest.fail("fetched"))
    for name, variant in (("zero123-xl", "v1.2"), ("zero123plus", "stable")):
        with pytest.raises(Img2MeshError, match=f"no variant {variant}"):
            load(name, variant=variant)


def test_precision_and_device():
    cpu = pick_device("cpu")
    assert pick_dtype(cpu) == (torch.bfloat16 if cpu_has_bf16() else torch.float32)
    assert pick_dtype(cpu, "fp16") == torch.float16
    with pytest.raises(Img2MeshError):
        pick_dtype(cpu, "fp8")
    with pytest.raises(Img2MeshError):
        pick_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(Img2MeshError, match="CUDA"):
            pick_device("cuda")
