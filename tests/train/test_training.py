"""The training itself at tiny widths: it learns, resumes exactly, and writes a folder that loads."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.preprocess import to_network
from img2mesh.models.verify import verify
from img2mesh.train.autoencoder import build_autoencoder, object_crop, train_autoencoder
from img2mesh.train.checkpoints import learning_rate, load_state
from img2mesh.train.config import (
    AutoencoderRecipe,
    DenoiserRecipe,
    OccupancyRecipe,
    Optimisation,
    TrainConfig,
    load_config,
)
from img2mesh.train.dataset import load_renders
from img2mesh.train.decoder_finetune import MISSED, shown_loss
from img2mesh.train.denoiser import Denoiser, train_denoiser
from img2mesh.train.distributed import Workers
from img2mesh.train.export import finished_autoencoder, fold_normalisation, write_model
from img2mesh.train.loop import export, export_occupancy, identity_projection, train, widen_input
from img2mesh.train.networks import build_networks, build_scheduler

TINY = DenoiserRecipe(
    widths=(16, 16, 32),
    head_dim=16,
    context=32,
    encoder_width=32,
    encoder_layers=1,
    encoder_size=32,
    encoder_patch=16,
    targets=2,
    optimisation=Optimisation(steps=8, batch=4, learning_rate=2e-3, warmup=1, ema=0.9),
)


@pytest.fixture
def config(quick, monkeypatch):
    monkeypatch.setattr("img2mesh.train.export.NORMALISED", 8)
    monkeypatch.setattr("img2mesh.train.occupancy.CALIBRATED", 4)
    plan = Optimisation(steps=2, batch=2, warmup=1)
    return dataclasses.replace(
        quick,
        autoencoder=AutoencoderRecipe(
            widths=(8, 8, 8, 8),
            crop=64,
            optimisation=Optimisation(steps=3, batch=2, learning_rate=2e-3, warmup=1),
            decoder=Optimisation(steps=2, batch=2, learning_rate=2e-3, warmup=1),
        ),
        denoiser=TINY,
        occupancy=OccupancyRecipe(widths=(8, 16), fine=8, optimisation=plan),
    )


def tiny_denoiser(seed=0):
    torch.manual_seed(0)
    vae = build_autoencoder(AutoencoderRecipe(widths=(8, 8, 8, 8)))
    torch.manual_seed(seed)
    return Denoiser(*build_networks(TINY), vae, build_scheduler(TINY), True)


def test_training_lowers_the_loss_on_two_objects(config):
    data = load_renders(config.data)
    data.objects = data.objects[:2]
    plan = dataclasses.replace(TINY.optimisation, steps=40)
    config = dataclasses.replace(
        config, denoiser=dataclasses.replace(TINY, optimisation=plan, augment=False, dropout=0.0)
    )
    model = tiny_denoiser()
    train_denoiser(config, model, data, Workers("cpu"))
    losses = [json.loads(line)["loss"] for line in (Path(config.run) / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]


def test_resuming_equals_an_uninterrupted_run(config, tmp_path):
    data = load_renders(config.data)
    whole = train_denoiser(config, tiny_denoiser(), data, Workers("cpu"))
    killed = dataclasses.replace(config, run=str(tmp_path / "killed"))
    stopped = dataclasses.replace(killed, minutes=1e-9)  # every call does one step, saves and stops
    train_denoiser(stopped, tiny_denoiser(), data, Workers("cpu"))
    for _ in range(2):  # other random weights: the state's replace them
        train_denoiser(stopped, tiny_denoiser(seed=9), data, Workers("cpu"))
    assert load_state(Path(killed.run) / "denoiser.pt")["step"] == 3
    resumed = train_denoiser(killed, tiny_denoiser(seed=9), data, Workers("cpu"))
    assert whole.updates == resumed.updates == 8
    for key, value in whole.shadow.items():
        torch.testing.assert_close(resumed.shadow[key], value, atol=1e-5, rtol=0)


def test_all_stages_write_a_folder_that_the_sampler_loads(config, tmp_path):
    train(config, "all", tmp_path / "model")
    assert export(config, tmp_path / "again") == 8
    for part in ("unet", "vae", "image_encoder", "clip_camera_projection", "occupancy"):
        first, second = (next((tmp_path / name / part).glob("*.safetensors")) for name in ("model", "again"))
        assert first.read_bytes() == second.read_bytes()
        assert first.stat().st_mode & 0o444 == 0o444
        assert str(tmp_path) not in (first.parent / "config.json").read_text()
    assert "CC0" in (tmp_path / "model" / "NOTICE").read_text()
    from img2mesh.models import load_model

    model = load_model(str(tmp_path / "model"), device="cpu")
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[64:192, 64:192] = (200, 40, 40, 255)
    views = model.sample(rgba, np.array([[0, 0, 1, 0]], np.float32), steps=2, guidance=1.0, seed=0, batch=1)
    assert views.shape == (1, 256, 256, 4) and views.dtype == np.uint8
    assert model.guess(rgba).occupancy.shape == (64, 64, 64)
    assert verify(tmp_path / "model").checksums == 5
    _an_occupancy_network_alone_replaces_that_of_a_model(config, tmp_path)


def _an_occupancy_network_alone_replaces_that_of_a_model(config, tmp_path):
    weights = {path.parent.name: path.read_bytes() for path in (tmp_path / "model").rglob("*.safetensors")}
    start = dataclasses.replace(config.occupancy, start=str(tmp_path / "model" / "occupancy"))
    alone = dataclasses.replace(config, run=str(tmp_path / "alone"), occupancy=start)
    with pytest.raises(Img2MeshError, match="holds no trained occupancy network"):
        export_occupancy(alone, tmp_path / "model")
    with pytest.raises(Img2MeshError, match="no model folder made by img2mesh train"):
        train(alone, "occupancy", tmp_path)
    assert not Path(alone.run).exists(), "said before it trains"
    train(alone, "occupancy", tmp_path / "model")
    changed = {
        path.parent.name
        for path in (tmp_path / "model").rglob("*.safetensors")
        if path.read_bytes() != weights[path.parent.name]
    }
    assert changed == {"occupancy"} and verify(tmp_path / "model").checksums == 5
    assert str(tmp_path) not in (tmp_path / "model" / "occupancy" / "config.json").read_text()


def test_folded_normalisation_keeps_the_pictures():
    torch.manual_seed(1)
    vae = build_autoencoder(AutoencoderRecipe(widths=(8, 8, 8, 8))).eval()
    images = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 4), dtype=np.uint8)
    with torch.no_grad():
        before = vae.decode(vae.encode(to_network(images)).latent_dist.mode()).sample
        fold_normalisation(vae, images)
        latents = vae.encode(to_network(images)).latent_dist.mode()
        after = vae.decode(latents).sample
    torch.testing.assert_close(before, after, atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)


def test_the_autoencoder_resumes(config):
    data = load_renders(config.data)
    train_autoencoder(dataclasses.replace(config, minutes=1e-9), data, Workers("cpu"))
    assert load_state(Path(config.run) / "autoencoder.pt")["step"] == 1
    train_autoencoder(config, data, Workers("cpu"))
    assert load_state(Path(config.run) / "autoencoder.pt")["step"] == 3


def test_the_decoder_learns_on_over_the_same_latents(config):
    data = load_renders(config.data)
    train(config, "autoencoder")
    first = finished_autoencoder(config, data)
    train(config, "decoder")
    further = finished_autoencoder(config, data)
    x = to_network(data.read(0, 0)[None])
    with torch.no_grad():
        torch.testing.assert_close(first.encode(x).latent_dist.mode(), further.encode(x).latent_dist.mode())
        z = first.encode(x).latent_dist.mode()
        assert (first.decode(z).sample - further.decode(z).sample).abs().max() > 1e-4


def test_crops_hold_some_of_the_object():
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[200:230, 10:30] = 255
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = object_crop(rgba, 128, rng)
        assert crop.shape == (128, 128, 4) and crop[..., 3].any()


def test_learning_rate_warms_up_and_falls():
    plan = Optimisation(steps=100, warmup=10, final_rate=0.1)
    rates = [learning_rate(step, plan) for step in range(101)]
    assert (
        rates[0] == pytest.approx(0.1)
        and max(rates) == pytest.approx(1.0)
        and rates[-1] == pytest.approx(0.1)
    )
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_fine_tuning_starts_as_the_paper_does():
    """Identity projection (docs/zero123.md) and an input layer that ignores the new channels at first."""
    from diffusers import UNet2DConditionModel

    projection = identity_projection(24)
    token = torch.randn(2, 1, 24)
    torch.testing.assert_close(projection(token, torch.zeros(2, 4)), token)
    torch.manual_seed(0)
    narrow = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    wide = widen_input(narrow)
    x, extra, t = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8), torch.tensor([3, 700])
    with torch.no_grad():
        torch.testing.assert_close(
            wide(torch.cat([x, extra], 1), t, token).sample, narrow(x, t, token).sample
        )


def test_written_modules_are_half_precision_and_whole(tmp_path):
    from safetensors.torch import load_file

    model = tiny_denoiser()
    write_model(tmp_path / "m", {**model.trained(), "vae": model.vae}, model.scheduler, {"name": "m"})
    for file in (tmp_path / "m").glob("*/*.safetensors"):
        assert {t.dtype for t in load_file(file).values()} <= {torch.float16, torch.int64}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_recipes_are_checked(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text("[denoiser]\nwidhts = [1]\n")
    with pytest.raises(Img2MeshError, match="widhts"):
        load_config(path)
    path.write_text("seed = 'x'\n")
    with pytest.raises(Img2MeshError, match="seed"):
        load_config(path)
    with pytest.raises(Img2MeshError, match="Unknown stage"):
        train(TrainConfig(), "sleep")


@pytest.mark.parametrize(("name", "dropout"), [("train-mini.toml", 0.015), ("finetune-zero123.toml", 0.05)])
def test_shipped_recipes_load(name, dropout):
    from img2mesh.core.files import data_folder

    recipe = load_config(data_folder("configs") / name, minutes=3.0)
    assert recipe.minutes == 3.0 and recipe.denoiser.dropout == dropout


def test_the_finish_lowers_the_error_of_shown_predictions(config):
    """Over the denoiser's own latents the decoder gets nearer to the pictures; the encoder stays."""
    plan = Optimisation(steps=60, batch=4, learning_rate=2e-3, warmup=1, ema=0.9)
    recipe = dataclasses.replace(config.autoencoder, finish=plan)
    config = dataclasses.replace(config, autoencoder=recipe, log_every=10)
    train(config)
    rows = [json.loads(line) for line in (Path(config.run) / "log.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if row["stage"] == "finish"]
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    first = load_state(Path(config.run) / "decoder.pt")["ema"]
    last = load_state(Path(config.run) / "finish.pt")["ema"]
    assert torch.equal(first["vae.encoder.conv_in.weight"], last["vae.encoder.conv_in.weight"])
    assert not torch.equal(first["vae.decoder.conv_in.weight"], last["vae.decoder.conv_in.weight"])
    vae = finished_autoencoder(config, load_renders(config.data))
    assert torch.equal(vae.decoder.conv_in.weight, last["vae.decoder.conv_in.weight"])


def test_finishing_needs_a_denoiser(config):
    train(config, "autoencoder")
    with pytest.raises(Img2MeshError, match="train that stage first"):
        train(config, "finish")


def test_uncertain_alpha_leans_towards_inside():
    """A pixel inside with probability p is best shown as m p / (m p + 1 - p)."""
    p = 0.4
    wanted = torch.full((10, 4, 1, 1), -1.0)
    wanted[: int(10 * p), 3] = 1.0
    shown = torch.zeros(1, 4, 1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([shown], lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        shown_loss(shown.expand(10, -1, -1, -1), wanted).backward()
        optimizer.step()
    alpha = (shown[0, :, 0, 0].detach() + 1) / 2
    assert alpha[3].item() == pytest.approx(MISSED * p / (MISSED * p + 1 - p), abs=0.01)
    assert alpha[3] > 0.5 and alpha[:3].abs().max() < 0.01  # colours are plain means
