"""Training on a CUDA device that `tests.pretend_cuda` plays: steps, pictures, and going on from a saved state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from img2mesh.train.autoencoder import build_autoencoder
from img2mesh.train.checkpoints import load_state
from img2mesh.train.config import AutoencoderRecipe, DenoiserRecipe, OccupancyRecipe, Optimisation
from img2mesh.train.dataset import load_renders
from img2mesh.train.denoiser import Denoiser, train_denoiser
from img2mesh.train.distributed import Workers
from img2mesh.train.networks import build_networks, build_scheduler
from img2mesh.train.occupancy import train_occupancy
from img2mesh.train.validation_images import Pictures
from tests.pretend_cuda import pretended


def plan(steps: int) -> Optimisation:
    return Optimisation(steps=steps, batch=2, learning_rate=1e-3, warmup=1, optimizer="muon")


def test_training_goes_on_where_it_stopped(quick, monkeypatch):
    """States are read to the CPU: weights, moments and averages have to find back to the device."""
    monkeypatch.setattr("img2mesh.train.occupancy.VALIDATED", 2)
    data = load_renders(quick.data)
    for steps in (1, 2):
        narrow = DenoiserRecipe(
            widths=(16, 16), head_dim=16, context=16, encoder_width=16, encoder_layers=1, encoder_size=32,
            encoder_patch=16, targets=2, optimisation=plan(steps),
        )  # fmt: skip
        body = OccupancyRecipe(widths=(8, 8), fine=8, optimisation=plan(steps))
        config = dataclasses.replace(quick, picture_every=2, log_every=1, denoiser=narrow, occupancy=body)
        torch.manual_seed(0)
        vae = build_autoencoder(AutoencoderRecipe(widths=(8, 8, 8, 8)))
        model = Denoiser(*build_networks(narrow), vae, build_scheduler(narrow), True)
        with pretended() as memory:
            workers = Workers("auto")
            train_denoiser(config, model, data, workers, Pictures(data, Path(quick.run), pairs=1))
            train_occupancy(config, data, data, workers)
            assert model.unet.device.type == "cuda" and memory.peak > 1e5
    for name in ("denoiser", "occupancy"):
        state = load_state(Path(quick.run) / f"{name}.pt")
        assert state["step"] == 2 and state["updates"] == 2, name
    assert (Path(quick.run) / "held-out-0000002.png").is_file()
