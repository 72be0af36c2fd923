"""Zero123++ on random weights: against its equations written plainly, its layout and cameras."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from img2mesh.models import cpu
from img2mesh.models.reference_attention import ReferenceAttention
from img2mesh.models.zero123plus import FOR_CLIP, FOR_VAE, VERSIONS, Zero123Plus, cut_tiles
from tests.models.tiny_plus import RAMP, TILE, load


class PlainReference:
    """Reference attention as it is usually told: keys and values from both pictures' tokens joined."""

    def __init__(self, tokens: dict, reading: list) -> None:
        self.tokens, self.reading = tokens, reading

    def __call__(self, layer, hidden_states, encoder_hidden_states=None, **kwargs):
        seen = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if encoder_hidden_states is None:
            if self.reading[0]:
                seen = torch.cat([hidden_states, self.tokens[layer]], dim=1)
            else:
                self.tokens[layer] = hidden_states
        heads = layer.heads
        q, k, v = layer.to_q(hidden_states), layer.to_k(seen), layer.to_v(seen)
        rows = []
        for h in range(heads):
            a, b, c = (x.chunk(heads, dim=-1)[h] for x in (q, k, v))
            rows.append(torch.softmax(a @ b.transpose(1, 2) / math.sqrt(a.shape[-1]), dim=-1) @ c)
        return layer.to_out[0](torch.cat(rows, dim=-1))


def plain_run(model, rgba, seed, steps, scale):
    """The published pipeline, one branch and one network call at a time, with diffusers' own solver."""
    from diffusers import EulerAncestralDiscreteScheduler

    cpu.restore(model.unet)
    cpu.restore(model.vae)
    alpha = rgba[..., 3:] / 255
    picture = Image.fromarray(np.round(rgba[..., :3] * alpha + 127 * (1 - alpha)).astype(np.uint8))

    def seen(side, resample, mean, std):
        values = np.asarray(picture.resize((side, side), resample)) / 255
        values = (values - np.array(mean)) / np.array(std)
        return torch.from_numpy(values).float().permute(2, 0, 1)[None]

    pixels = seen(64, Image.Resampling.BILINEAR, 0.5, 0.8)
    small = seen(32, Image.Resampling.BICUBIC, FOR_CLIP.mean, FOR_CLIP.std)
    posteriors = [model.vae.encode(x).latent_dist for x in (pixels, torch.zeros_like(pixels))]
    generator = torch.Generator().manual_seed(seed)
    shape = (2, *posteriors[0].mean.shape[1:])
    noise = torch.randn(shape, generator=generator)
    latents = [p.mean + p.std * n for p, n in zip(posteriors, noise, strict=True)]
    embedding = model.image_encoder(pixel_values=small).image_embeds
    blank = model.empty_prompt
    contexts = [blank + embedding[:, None] * torch.tensor(RAMP)[None, :, None], blank]

    tokens, reading = {}, [False]
    for module in model.unet.modules():
        if hasattr(module, "set_processor") and hasattr(module, "to_q"):
            module.set_processor(PlainReference(tokens, reading))

    solver = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear",
        prediction_type="v_prediction", timestep_spacing="trailing",
    )  # fmt: skip
    solver.set_timesteps(steps)
    bars = np.cumprod(1 - np.linspace(0.00085, 0.012, 1000))
    x = torch.randn(1, 4, 24, 16, generator=generator) * solver.init_noise_sigma
    history = []
    for t in solver.timesteps:
        reference_noise = torch.randn(shape, generator=generator)
        bar = bars[int(t)]
        outputs = []
        for context, latent, n in zip(contexts, latents, reference_noise, strict=True):
            noisy = bar**0.5 * latent + (1 - bar) ** 0.5 * n
            reading[0] = False
            model.unet(noisy, t, context)
            reading[0] = True
            outputs.append(model.unet(solver.scale_model_input(x, t), t, context).sample)
        y = outputs[1] + scale * (outputs[0] - outputs[1])
        x = solver.step(y, t, x, generator=generator).prev_sample
        following = solver.sigmas[solver.step_index]
        history.append(x / (1 + following**2) ** 0.5)
    decoded = model.vae.decode((x / 0.75 + 0.22) / 0.18215).sample / 0.5 * 0.8
    return history, decoded


@torch.no_grad()
def test_every_step_equals_the_published_pipeline(tiny_plus, picture):
    model, ours = load(tiny_plus), []
    generator = torch.Generator().manual_seed(5)
    model.denoise(
        model.condition(picture, generator),
        model.schedule(6),
        4.0,
        generator,
        watch=lambda i, x: ours.append(x.clone()),
    )
    theirs, decoded = plain_run(load(tiny_plus), picture, 5, 6, 4.0)
    assert len(ours) == len(theirs) == 6
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).abs().max() < 2e-4 * b.abs().max().clamp(min=1)
    whole = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round()[0].permute(1, 2, 0).numpy()
    drawn = model.draw(picture, steps=6, seed=5)
    for i, tile in enumerate(drawn.rgba):  # three rows of two
        row, column = divmod(i, 2)
        expected = whole[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        assert np.abs(tile[..., :3] - expected).max() <= 1
    assert (drawn.rgba[..., 3] == 255).all() and drawn.background == (127, 127, 127)


def test_reference_attention_is_attention_over_both_pictures():
    from diffusers.models.attention_processor import Attention

    from img2mesh.models.reference_attention import install_reference

    torch.manual_seed(0)
    holder = torch.nn.ModuleDict({"attn1": Attention(12, heads=3, dim_head=4)}).eval()
    layer = holder["attn1"]
    reference = install_reference(holder)
    assert isinstance(layer.processor, ReferenceAttention)
    there, here = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    with torch.no_grad():
        with reference.leave():
            own = layer(there)
        both = layer(here)
        joined = torch.cat([here, there], dim=1)
        q, k, v = (
            p(x).unflatten(-1, (3, 4)).transpose(1, 2)
            for p, x in ((layer.to_q, here), (layer.to_k, joined), (layer.to_v, joined))
        )
        expected = layer.to_out[0](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    assert torch.allclose(both, expected, atol=1e-6) and own.shape == there.shape
    assert not reference.left, "what was left behind is used once"
    with pytest.raises(KeyError):
        layer(here)


def test_layout_is_cut_row_by_row():
    picture = np.zeros((96, 64, 4), np.uint8)
    for i in range(6):
        row, column = divmod(i, 2)
        picture[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = i
    tiles = cut_tiles(picture)
    assert tiles.shape == (6, 32, 32, 4) and [int(tile.mean()) for tile in tiles] == list(range(6))


@pytest.mark.parametrize(
    ("version", "elevations", "fov", "distance"),
    [("v1.1", (30, -20), 49.13434, None), ("v1.2", (20, -10), 30.0, 1.8660)],
)
def test_cameras_are_the_published_ones(tiny_plus, version, elevations, fov, distance, picture):
    model = load(tiny_plus, variant=version)
    drawn = model.draw(picture, steps=1)
    cameras = drawn.cameras(57.0)
    assert [round(c.azimuth_deg % 360) for c in cameras] == [30, 90, 150, 210, 270, 330]
    assert [round(c.elevation_deg) for c in cameras] == [*elevations] * 3, (
        "not moved by the photo's elevation"
    )
    for camera in cameras:
        assert camera.width == TILE
        assert math.degrees(2 * math.atan(camera.width / 2 / camera.fl_x)) == pytest.approx(fov, abs=1e-3)
        assert camera.distance == pytest.approx(distance or VERSIONS[version].distance, abs=1e-4)
    photo = drawn.photo_camera(12.0, 256)
    assert photo.elevation_deg == pytest.approx(12.0) and photo.azimuth_deg == pytest.approx(0)


def test_constants(tiny_plus):
    model = load(tiny_plus)
    assert (FOR_VAE.size, FOR_VAE.resample, FOR_VAE.mean[0], FOR_VAE.std[0]) == (512, 2, 0.5, 0.8)
    assert (FOR_CLIP.size, FOR_CLIP.resample) == (224, 3)
    assert (model.for_vae.size, model.for_clip.size, model.for_clip.mean) == (64, 32, FOR_CLIP.mean)
    schedule = model.schedule(28)
    assert schedule.timesteps[:2].tolist() == [999, 963] and schedule.timesteps[-1] == 35
    assert schedule.now[0] == pytest.approx(0.00157896, rel=1e-4) and schedule.after[-1] == 1
    assert schedule.prediction == "v_prediction" and schedule.eta == 1
    published = Zero123Plus(model.unet, model.vae, model.image_encoder, {}, model.empty_prompt, model.ramp)
    assert (published.default_steps, published.default_guidance, published.tile) == (28, 4.0, 320)
    assert published.variant == "v1.2" and published.fixed_views == 6


def test_the_empty_prompt_is_marked_and_filled(tiny_plus):
    from transformers import CLIPTextModel

    encoder = CLIPTextModel.from_pretrained(tiny_plus / "text_encoder", dtype=torch.float32).eval()
    with torch.no_grad():
        expected = encoder(torch.tensor([[38, 39, 5, 5, 5, 5, 5, 5, 5]])).last_hidden_state
    model = load(tiny_plus)
    assert torch.allclose(model.empty_prompt, expected, atol=1e-5)
    assert torch.allclose(model.ramp, torch.tensor(RAMP))


def test_seed_decides_and_steps_are_reported(tiny_plus, picture):
    model, counted = load(tiny_plus), []
    first = model.draw(picture, steps=3, seed=1, step=counted.append).rgba
    assert sum(counted) == 18 and first.shape == (6, TILE, TILE, 4)
    assert np.array_equal(first, model.draw(picture, np.zeros((99, 2)), steps=3, seed=1, batch=2).rgba)
    assert np.abs(first.astype(int) - model.draw(picture, steps=3, seed=2).rgba).max() > 10
    for solver in ("ddim", "dpm++"):
        assert not np.array_equal(first, model.draw(picture, steps=3, seed=1, solver=solver).rgba)
    assert 0 < model.pace(4.0)[0] < 60


def test_guidance_of_one_needs_half_the_rows(tiny_plus, picture):
    model, rows = load(tiny_plus), []
    model.unet.register_forward_pre_hook(lambda module, args: rows.append(tuple(args[0].shape)))
    model.draw(picture, steps=1, guidance=1.0)
    model.draw(picture, steps=1, guidance=2.0)
    assert rows == [(1, 4, 8, 8), (1, 4, 24, 16), (2, 4, 8, 8), (2, 4, 24, 16)]


def test_one_stage_at_a_time_gives_the_same(tiny_plus, picture):
    from dataclasses import replace

    model = load(tiny_plus)
    expected = model.draw(picture, steps=2).rgba
    stages = []
    frugal = replace(model, low_vram=True)
    for name in frugal.parts:
        module = getattr(frugal, name)
        module.to = lambda *a, name=name, original=module.to, **k: (
            stages.append((name, str(a[0]))) or original(*a, **k)
        )
    assert np.array_equal(frugal.draw(picture, steps=2).rgba, expected)
    assert [name for name, _ in stages] == [
        name for part in ("vae", "image_encoder", "unet", "vae") for name in (part, part)
    ], "every stage comes alone and leaves again"
