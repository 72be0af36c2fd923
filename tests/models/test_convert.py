"""Names and shapes of the original checkpoints, the round trip, and models made from a synthetic checkpoint."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from img2mesh.errors import Img2MeshError
from img2mesh.models import checkpoint_keys as names
from img2mesh.models import load_model
from img2mesh.models.architecture import PARTS, Widths, build_empty
from img2mesh.models.checkpoint import Checkpoint
from img2mesh.models.convert import convert, our_names, plan, recognise
from tests.models.manifest import NARROW, needed, random_state, whole

PREFIXES = (names.UNET, names.VAE, names.CLIP, names.POSE)


@pytest.fixture(scope="module")
def narrow_checkpoint(tmp_path_factory):
    """A checkpoint with all 1938 keys (two CLIP layers, so fewer here) at small widths, optimiser included."""
    state = random_state(whole(**NARROW))
    path = tmp_path_factory.mktemp("ckpt") / "zero123-narrow.ckpt"
    moments = {i: {"exp_avg": torch.randn(100, 100), "step": i} for i in range(5)}
    extra = {"optimizer_states": [{"state": moments}], "epoch": 1, "global_step": 2, "callbacks": {}}
    torch.save({"state_dict": state, **extra}, path)
    return path, state


def test_the_manifest_has_the_published_totals():
    shapes = needed()
    counts = [sum(name.startswith(prefix) for name in shapes) for prefix in PREFIXES]
    sizes = [sum(prod(s) for n, s in shapes.items() if n.startswith(prefix)) for prefix in PREFIXES]
    assert counts == [686, 248, 296, 2]
    assert sizes == [859_532_484, 83_653_863, 303_966_208, 593_664]
    assert len(whole()) == 1938
    assert sum(prod(shape) for shape in whole().values()) == 2_145_886_546


def test_full_size_modules_have_all_1232_tensors():
    ours = {}
    for part in PARTS:
        for name, value in build_empty(part).state_dict().items():
            ours[part, name] = tuple(value.shape)
    matched = 0
    for key, shape in needed().items():
        prefix = next(p for p in PREFIXES if key.startswith(p))
        part = PARTS[PREFIXES.index(prefix)]
        new = our_names(part, key.removeprefix(prefix))
        assert new is not None, key
        if new == ("visual_projection.weight",):
            shape = shape[::-1]
        elif len(shape) == 4 and shape[2:] == (1, 1) and "mid.attn_1" in key:
            shape = shape[:2]
        shape = (shape[0] // len(new), *shape[1:]) if shape else shape
        for name in new:
            assert ours.pop((part, name)) == shape, key
        matched += 1
    assert matched == 1232 and not ours


def test_averaged_names_do_not_collide():
    unet = [key.removeprefix(names.UNET) for key in needed() if key.startswith(names.UNET)]
    assert len({names.ema_name(key) for key in unet}) == 686
    assert names.ema_name("input_blocks.0.0.weight") == "model_ema.diffusion_modelinput_blocks00weight"


def test_there_and_back_is_exact(narrow_checkpoint):
    path, state = narrow_checkpoint
    model = load_model(str(path), device="cpu", precision="fp32")
    modules = (model.unet, model.vae, model.image_encoder, model.projection)
    states = {part: module.state_dict() for part, module in zip(PARTS, modules, strict=True)}
    for key, shape in needed(**NARROW).items():
        source = key
        if key.startswith(names.UNET):  # the averaged weights were taken
            source = names.ema_name(key.removeprefix(names.UNET))
        part = next(part for part, prefix in zip(PARTS, PREFIXES, strict=True) if key.startswith(prefix))
        new = our_names(part, key.removeprefix(PREFIXES[PARTS.index(part)]))
        value = torch.cat([states[part][name] for name in new])
        value = value.T if new == ("visual_projection.weight",) else value
        assert torch.equal(value.reshape(shape), state[source]), (
            key
        )  # some linear layers were 1x1 convolutions
    assert model.weights == "EMA"


def test_without_averages_the_last_weights_are_taken(tmp_path, narrow_checkpoint):
    _, state = narrow_checkpoint
    path = tmp_path / "stable_zero123.ckpt"
    torch.save({k: v for k, v in state.items() if not k.startswith("model_ema.")}, path)
    model = load_model(str(path), device="cpu", precision="fp32")
    assert model.weights.startswith("last") and model.variant == "stable"
    assert torch.equal(model.unet.conv_in.weight, state[names.UNET + "input_blocks.0.0.weight"])


def test_converted_folder_samples_like_the_checkpoint(tmp_path, narrow_checkpoint, picture, ring):
    path, _ = narrow_checkpoint
    assert convert(path, tmp_path / "out", half=False) == "EMA"
    run = {"steps": 2, "guidance": 3.0, "parity": "original"}
    direct = load_model(str(path), device="cpu", precision="fp32").sample(picture, ring[:2], **run)
    folder = load_model(str(tmp_path / "out"), device="cpu", precision="fp32")
    assert np.array_equal(folder.sample(picture, ring[:2], **run), direct)
    assert json.loads((tmp_path / "out" / "img2mesh.json").read_text())["weights"] == "EMA"
    assert folder.warnings == ()
    half = tmp_path / "half"
    convert(path, half)
    bytes_of = [sum(f.stat().st_size for f in p.rglob("*.safetensors")) for p in (half, tmp_path / "out")]
    assert bytes_of[0] < 0.6 * bytes_of[1]


def test_the_same_in_one_safetensors_file(tmp_path, narrow_checkpoint):
    path, state = narrow_checkpoint
    save_file(state, tmp_path / "zero123.safetensors")
    a = load_model(str(tmp_path / "zero123.safetensors"), device="cpu", precision="fp32")
    b = load_model(str(path), device="cpu", precision="fp32")
    for x, y in zip(a.unet.parameters(), b.unet.parameters(), strict=True):
        assert torch.equal(x, y)


def test_a_failed_conversion_leaves_nothing(tmp_path, narrow_checkpoint):
    _, state = narrow_checkpoint
    broken = dict(state)
    del broken[names.VAE + "quant_conv.weight"]
    torch.save({"state_dict": broken}, tmp_path / "broken.ckpt")
    with pytest.raises(Img2MeshError, match="quant_conv"):
        convert(tmp_path / "broken.ckpt", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["broken.ckpt"]


FIRST = names.UNET + "input_blocks.0.0.weight"


@pytest.mark.parametrize(
    "shapes, said",
    [
        ({FIRST: (320, 4, 3, 3), "cond_stage_model.transformer.text_model.x": (1,)}, "Stable Diffusion 1"),
        ({FIRST: (320, 4, 3, 3)}, "image variations"),
        ({FIRST: (320, 9, 3, 3)}, "inpainting"),
        ({FIRST: (320, 8, 3, 3)}, "InstructPix2Pix"),
        ({FIRST: (320, 5, 3, 3), "cc_projection.weight": (768, 772)}, "5 channels"),
        (
            {FIRST: (320, 8, 3, 3), "cc_projection.weight": (768, 772), "spatial_volume.x": (1,)},
            "SyncDreamer",
        ),
        ({"down_blocks.0.x": (1,)}, "one part of a diffusers model"),
        ({"layer.weight": (3, 3)}, "no Stable Diffusion"),
    ],
)
def test_other_checkpoints_are_named(shapes, said):
    with pytest.raises(Img2MeshError, match=said):
        recognise(shapes, "x.ckpt")


def test_unknown_weights_are_refused():
    shapes = {**needed(**NARROW), "model.diffusion_model.input_blocks.1.3.extra.weight": (3,)}
    with pytest.raises(Img2MeshError, match="another network"):
        plan(shapes, "x.ckpt")


def test_leftovers_of_training_are_tolerated():
    extra = {"cond_stage_model.model.transformer.resblocks.0.ln_1.weight": (3,), "lvlb_weights": (1000,)}
    parts, which = plan({**whole(**NARROW), **extra}, "x.ckpt")
    assert which == "EMA" and len(parts["unet"]) == 686


def test_the_full_manifest_has_a_place_for_every_weight():
    parts, which = plan(whole(), "x.ckpt")
    assert which == "EMA" and sum(map(len, parts.values())) == 1232


def test_widths_are_read_from_shapes():
    assert Widths.of(needed()) == Widths()
    widths = Widths.of(needed(**NARROW))
    assert (widths.unet, widths.vae, widths.clip, widths.clip_layers, widths.context) == (32, 32, 64, 2, 16)


def test_every_entry_of_the_checkpoint_is_intact(narrow_checkpoint):
    with Checkpoint(narrow_checkpoint[0]) as checkpoint:
        assert checkpoint.check() is None
