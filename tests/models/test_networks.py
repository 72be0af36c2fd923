"""Where networks are while they run, how many views go at once, and the compiled way of calling the U-Net."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img2mesh.core.progress import Progress
from img2mesh.models import load_model
from img2mesh.models.networks import CPU_BATCH, Networks
from img2mesh.settings import Settings
from img2mesh.views.synthesize import sample_views
from tests.models.tiny_plus import make_tiny_plus


def test_a_gpu_takes_all_views_at_once():
    at_once = Networks.views_at_once
    cpu, cuda = (SimpleNamespace(device=torch.device(name)) for name in ("cpu", "cuda"))
    assert at_once(cpu, 0, 16) == CPU_BATCH and at_once(cuda, 0, 16) == 16 and at_once(cuda, 0, 0) == 1
    assert at_once(cpu, 3, 16) == at_once(cuda, 3, 16) == 3


@pytest.mark.parametrize("mini", [True, False])
def test_only_one_stage_is_resident_at_a_time(mini, tiny_mini, tiny_full, picture, ring):
    """Which networks are on the device whenever one of them works, with a stand-in for the device."""
    from dataclasses import replace

    model = load_model(str(tiny_mini if mini else tiny_full), device="cpu", precision="fp32")
    frugal = replace(model, low_vram=True)
    resident, seen = set(), []
    for name in frugal.parts:
        module = getattr(frugal, name)

        def to(place, name=name, module=module):
            (resident.discard if place == "cpu" else resident.add)(name)
            return module

        module.to = to
        inner = {"vae": "decoder", "image_encoder": "vision_model"}.get(name)
        inner = getattr(module, inner, module) if inner else module
        inner.register_forward_pre_hook(lambda *_, name=name: seen.append((name, sorted(resident))))
    frugal.sample(picture, ring, steps=2)
    assert {name for name, _ in seen} == set(frugal.parts)
    assert all(there == [name] for name, there in seen), "a network works alone, and only on the device"
    assert not resident


def test_a_compiled_attention_layer_follows_its_context():
    """The processors keep tensors of their own: a trace must not hold those of the first run."""
    from diffusers.models.attention_processor import Attention

    from img2mesh.models.attention import install

    torch.manual_seed(0)
    holder = torch.nn.ModuleDict({"attn2": Attention(8, cross_attention_dim=6, heads=2, dim_head=4)}).eval()
    ((layer, processor),) = install(holder)
    compiled = torch.compile(layer, backend="eager", dynamic=False)
    with torch.inference_mode():
        for tokens in (1, 1, 5, 5):
            hidden = torch.randn(4, 3, 8)
            processor.prepare(layer, torch.randn(2, tokens, 6))
            assert torch.allclose(compiled(hidden), layer(hidden), atol=1e-6)


def test_the_compiled_way_is_taken_on_cuda(tiny_mini, picture, ring, monkeypatch):
    """CUDA graphs cannot be had here: the same path with a compiler that hands the network back."""
    model = load_model(str(tiny_mini), device="cpu", precision="fp32")
    expected = model.sample(picture, ring, steps=2, batch=3)
    asked, marks = [], []
    monkeypatch.setattr(torch, "compile", lambda unet, **how: asked.append(how) or unet)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append(1))
    monkeypatch.setattr(model, "compile", True)
    monkeypatch.setattr(type(model), "_graphs", property(lambda self: self.compile))
    assert np.array_equal(model.sample(picture, ring, steps=2, batch=3), expected)
    assert asked == [{"mode": "reduce-overhead", "dynamic": False}] and len(marks) == 4, (
        "five views in two batches, two steps"
    )


def test_compile_is_only_for_cuda(tiny_mini, picture, ring):
    said, progress = [], Progress()
    progress.warn = said.append
    model = load_model(str(tiny_mini), device="cpu", compile=True, progress=progress)
    assert "no effect" in said[0]
    assert model.sample(picture, ring[:1], steps=1).shape == (1, 64, 64, 4) and model._compiled is None


def test_settings_reach_the_sampler(tiny_full, tmp_path, picture):
    from img2mesh.chosen_model import load_named_model

    settings = Settings(model=str(tiny_full), precision="fp32", solver="ddim", steps=3, guidance=1.0)
    model = load_named_model(settings, "cpu", Progress())
    assert model.dtype == torch.float32
    offsets = np.array([[0.0, 40.0]])
    drawn = {
        solver: sample_views(picture, model, settings.replace(solver=solver), offsets, None, 0).rgba
        for solver in ("auto", "ddim", "dpm++")
    }
    assert np.array_equal(drawn["auto"], drawn["dpm++"]) and not np.array_equal(drawn["auto"], drawn["ddim"])
    plus = load_named_model(
        settings.replace(model=str(make_tiny_plus(tmp_path / "plus")), precision="bf16"), "cpu", Progress()
    )
    assert plus.dtype == torch.bfloat16 and settings.for_model(plus).views == 6
    assert sample_views(picture, plus, settings, offsets, None, 0).rgba.shape == (6, 64, 64, 4)
