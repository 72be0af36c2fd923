"""The samplers on a CUDA device that `tests.pretend_cuda` plays: every tensor in its place, and how many bytes."""

from __future__ import annotations

import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img2mesh.models import load_model
from img2mesh.models.architecture import PARTS, SCHEDULER, build_empty
from img2mesh.models.zero123 import Zero123
from tests.pretend_cuda import pretended

DIRECTIONS = np.array([[0.0, 30.0], [20.0, 200.0]])


@pytest.mark.parametrize("low_vram", [False, True])
@pytest.mark.parametrize("kind", ["tiny_mini", "tiny_full", "tiny_plus"])
def test_the_same_pictures_as_on_the_cpu(kind, low_vram, picture, request):
    folder = str(request.getfixturevalue(kind))
    run = {"steps": 2, "guidance": 2.0, "seed": 1}
    expected = load_model(folder, device="cpu", precision="fp32").draw(picture, DIRECTIONS, **run).rgba
    with pretended() as memory:
        model = load_model(folder, device="cuda", precision="fp32", low_vram=low_vram)
        weights = sum(p.nbytes for name in model.parts for p in getattr(model, name).parameters())
        assert memory.now >= weights if not low_vram else memory.now < weights / 4
        drawn = model.draw(picture, DIRECTIONS, **run).rgba
        assert np.abs(drawn.astype(int) - expected).max() <= 1, "but for rounding"
        assert model.guess(picture) is None
        assert memory.now >= weights if not low_vram else memory.now < weights / 4, "weights leave again"


def test_old_devices_compute_in_fp16_and_newer_ones_in_bf16(tiny_full):
    for bf16, dtype in ((False, torch.float16), (True, torch.bfloat16)):
        with pretended(bf16=bf16):
            assert load_model(str(tiny_full), device="auto").unet.conv_in.weight.dtype == dtype


@pytest.mark.parametrize("kind", ["tiny_full", "tiny_plus"])
def test_the_pace_with_little_memory_is_that_of_steps_not_of_transfers(kind, request, monkeypatch):
    """A run brings the U-Net to the device once, whatever its steps: a step's time must not hold it."""
    with pretended():
        model = load_model(str(request.getfixturevalue(kind)), device="cuda", precision="fp32", low_vram=True)
        moves, evaluations = [], []
        to = model.unet.to
        monkeypatch.setattr(model.unet, "to", lambda place: (moves.append(str(place)), to(place))[1])
        model.unet.register_forward_pre_hook(lambda *_: evaluations.append(1))
        model.pace(1.0, views=2)
        assert moves == ["cuda", "cpu"] and len(evaluations) >= 4


def test_sixteen_views_of_the_published_size_fit_into_four_gigabytes():
    """All tensors of a run with `--low-vram` at half precision, all views in one batch; kernels' own workspaces and
    CUDA itself (some hundred MB) come on top."""
    angles = np.arange(16) * np.pi / 8
    poses = np.stack([0 * angles, np.sin(angles), np.cos(angles), 0 * angles], axis=1).astype(np.float32)
    with pretended(numbers=False) as memory:
        parts = [build_empty(part) for part in PARTS]
        device = torch.device("cuda")
        model = Zero123(*parts, SCHEDULER, device=device, dtype=torch.float16, low_vram=True)
        rgba = model.sample(np.full((256, 256, 4), 200, np.uint8), poses, steps=1, guidance=3.0)
        assert rgba.shape == (16, 256, 256, 4)
        unet = 2 * 859_532_484
        assert unet < memory.peak < 2.6e9 and memory.now < 1e7


def test_the_benchmark_measures_a_gpu(tiny_full, monkeypatch):
    """Its clock, its work and its memory are the device's; the U-Net's time does not come from hooks, which
    torch.compile would compile."""
    benchmark = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "sampler.py"))

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            self.at = time.perf_counter()

        def elapsed_time(self, other):
            return 1000 * (other.at - self.at)

    words = {"model": str(tiny_full), "views": 2, "plain_views": 1, "steps": 1, "batch": 0, "guidance": 3.0}
    monkeypatch.setitem(benchmark["side"].__globals__, "matmul_peak", lambda *_: 1e12)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    for side, dtype in (("plain", "float32"), ("ours", "bfloat16")):
        options = {"device": "cuda", "precision": "auto", "compile": False, "low_vram": True, "side": side}
        with pretended() as memory:
            monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda m=memory: m.peak)
            found = benchmark["side"](SimpleNamespace(**words, **options))
        assert found["dtype"] == dtype and 0 < found["unet_seconds"] < found["seconds"]
        assert 0 < found["device_memory"] < 1e8
    assert found["flops"] > 1e6
