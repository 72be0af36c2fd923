"""The sampler on random weights: against the paper's equations written plainly, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from img2mesh.errors import Img2MeshError
from img2mesh.models import cpu, load_model
from img2mesh.models.attention import ConstantContext
from img2mesh.models.camera_projection import pose_features
from img2mesh.models.load import load_folder
from img2mesh.models.preprocess import CLIP_MEAN, CLIP_STD
from img2mesh.models.zero123 import view_generator


def load(folder, **kwargs):
    return load_model(str(folder), device="cpu", precision="fp32", **kwargs)


def as_diffusers_has_it(model):
    """Put diffusers' own layers and processors back: the context is then attended to as handed in."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    cpu.restore(model.unet)
    cpu.restore(model.vae)
    for module in model.unet.modules():
        if isinstance(getattr(module, "processor", None), ConstantContext):
            module.set_processor(AttnProcessor2_0())


def paper_run(model, rgba, pose, seed, steps, scale, mini):
    """One view by the published recipe, one network call at a time."""
    image = torch.from_numpy(rgba).permute(2, 0, 1).float() / 255
    image = torch.cat([image[:3] * image[3:] + 1 - image[3:], image[3:]])[None] * 2 - 1
    latent = model.vae.encode(image[:, : model.vae.config.in_channels]).latent_dist.mean  # never scaled
    size = model.image_encoder.config.image_size
    small = torch.nn.functional.interpolate(
        image[:, :3], (size, size), mode="bicubic", align_corners=True, antialias=False
    )
    small = (small + 1) / 2
    small = (small - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)
    seen = model.image_encoder(pixel_values=small)
    tokens = seen.image_embeds[:, None]
    if mini:
        tokens = model.image_encoder.vision_model.post_layernorm(seen.last_hidden_state)
    pose = torch.from_numpy(pose)[None]
    stacked = torch.cat([tokens, pose[:, None].expand(-1, tokens.shape[1], -1)], dim=-1)
    context = nn.functional.linear(stacked, model.projection.proj.weight, model.projection.proj.bias)
    labels = pose_features(pose) if mini else None

    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    bars = np.cumprod(1 - betas)
    if mini:
        roots = np.sqrt(bars)
        bars = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
        times = [round(1000 - k * 1000 / steps) - 1 for k in range(steps)]
        pairs = [(t, bars[t], bars[times[k + 1]] if k + 1 < steps else 1.0) for k, t in enumerate(times)]
    else:
        ascending = [t + 1 for t in range(0, 1000, 1000 // steps)][:-1]
        befores = [bars[0], *(bars[t] for t in ascending[:-1])]
        pairs = [(t, bars[t], before) for t, before in zip(ascending, befores, strict=True)][::-1]

    generator = view_generator(seed, 0)
    x = torch.randn(latent.shape[1:], generator=generator)[None]
    history = []
    for t, bar, before in pairs:
        given = model.unet(torch.cat([x, latent], 1), t, context, class_labels=labels).sample
        blank = model.unet(
            torch.cat([x, torch.zeros_like(latent)], 1),
            t,
            torch.zeros_like(context),
            class_labels=None if labels is None else torch.zeros_like(labels),
        ).sample
        output = blank + scale * (given - blank)
        if mini:
            clean = bar**0.5 * x - (1 - bar) ** 0.5 * output
            epsilon = bar**0.5 * output + (1 - bar) ** 0.5 * x
            sigma = 0.0
        else:
            epsilon = output
            clean = (x - (1 - bar) ** 0.5 * epsilon) / bar**0.5
            sigma = ((1 - before) / (1 - bar)) ** 0.5 * (1 - bar / before) ** 0.5
        x = before**0.5 * clean + max(0.0, 1 - before - sigma**2) ** 0.5 * epsilon
        if sigma:
            x = x + sigma * torch.randn(latent.shape[1:], generator=generator)[None]
        history.append(x)
    decoded = model.vae.decode(x / model.vae.config.scaling_factor).sample
    return history, decoded


@pytest.mark.parametrize("mini, steps", [(True, 8), (False, 20)])
@torch.no_grad()
def test_every_step_equals_the_papers_equations(mini, steps, tiny_mini, tiny_full, picture, ring):
    folder = tiny_mini if mini else tiny_full
    parity = None if mini else "original"
    model = load(folder)
    schedule = model.schedule(steps, parity=parity)
    ours = []
    model.denoise(
        model.condition(picture),
        ring[4:],
        schedule,
        3.0,
        [view_generator(5, 0)],
        watch=lambda i, x: ours.append(x.clone()),
    )
    plain = load_folder(folder, own=False)
    as_diffusers_has_it(plain)
    theirs, decoded = paper_run(plain, picture, ring[4], 5, steps, 3.0, mini)
    assert len(ours) == len(theirs) == (steps if mini else steps - 1)
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).abs().max() < 1e-4 * b.abs().max().clamp(min=1)
    pixels = model.sample(picture, ring[4:], steps=steps, guidance=3.0, seed=5, parity=parity)
    if not mini:
        expected = (((decoded + 1) / 2).clamp(0, 1) * 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
        assert np.abs(pixels[0, ..., :3].astype(int) - expected).max() <= 1
        assert (pixels[..., 3] == 255).all()


@pytest.mark.parametrize("mini", [True, False])
def test_batch_size_and_neighbours_do_not_matter(mini, tiny_mini, tiny_full, picture, ring):
    model = load(tiny_mini if mini else tiny_full)
    settings = {"steps": 3, "guidance": 2.0, "seed": 3, "eta": 0.0 if mini else 1.0}
    whole = model.sample(picture, ring, batch=5, **settings).astype(int)
    for batch in (1, 2):
        assert np.abs(model.sample(picture, ring, batch=batch, **settings) - whole).max() <= 1
    assert np.abs(model.sample(picture, ring[:2], batch=8, **settings) - whole[:2]).max() <= 1
    assert np.array_equal(model.sample(picture, ring, batch=5, **settings), whole)
    other = model.sample(picture, ring, batch=5, **{**settings, "seed": 4})
    assert np.abs(other - whole).max() > 10


class Recorded:
    """An agreement that notes what it is shown and adds a stripe to it."""

    def __init__(self, added=0.0):
        self.added, self.seen = added, []

    def steps(self, count, cost=0.0):
        return frozenset({1})

    def __call__(self, pictures, done):
        self.seen.append((tuple(pictures.shape), done))
        change = torch.zeros_like(pictures)
        change[..., 8:16] = self.added
        return change


@pytest.mark.parametrize("mini", [True, False])
def test_an_agreement_sees_all_views_at_once_and_changes_them(mini, tiny_mini, tiny_full, picture, ring):
    model = load(tiny_mini if mini else tiny_full)
    settings = {"steps": 3, "guidance": 2.0, "seed": 3, "batch": 2}
    apart = model.sample(picture, ring, **settings).astype(int)
    silent, loud = Recorded(), Recorded(3.0)
    assert np.abs(model.sample(picture, ring, agreement=silent, **settings) - apart).max() <= 1
    assert silent.seen[:1] == [((5, 4 if mini else 3, 32, 32), 1 / 3)], "at half the size"
    run = (model.condition(picture), ring, model.schedule(3), 2.0)
    latents = [
        model.denoise(*run, [view_generator(3, i) for i in range(5)], batch=2, agreement=each)
        for each in (silent, loud)
    ]
    assert (latents[1] - latents[0]).abs().amax((1, 2, 3)).min() > 1e-5, "every view is told"


def test_guidance_of_one_needs_half_the_rows(tiny_mini, picture, ring):
    model = load(tiny_mini)
    rows = []
    model.unet.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    model.sample(picture, ring, steps=1, guidance=1.0, batch=5)
    model.sample(picture, ring, steps=1, guidance=1.5, batch=5)
    assert rows == [5, 10]


def test_conditioning_latent_is_the_unscaled_mode(tiny_full, picture):
    model = load(tiny_full)
    white = picture.copy()
    white[..., :3], white[..., 3] = 255, 255
    image = torch.ones(1, 3, 64, 64)
    with torch.no_grad():
        mode = model.vae.encode(image).latent_dist.mode()
    assert model.vae.config.scaling_factor == 0.18215
    assert (model.condition(white).latent - mode).abs().max() < 1e-5


def test_stable_variant_sees_the_elevation(tiny_full, picture, ring):
    model = load(tiny_full, variant="stable")
    seen = []
    model.projection.register_forward_pre_hook(lambda module, args: seen.append(args[1].clone()))
    model.sample(picture, ring, steps=1, input_elevation_deg=30)
    assert seen[0][:, 3].numpy() == pytest.approx(np.deg2rad(60))
    with pytest.raises(Img2MeshError, match="elevation"):
        model.sample(picture, ring, steps=1)


def test_steps_are_reported_and_alpha_comes_with_the_mini(tiny_mini, tiny_full, picture, ring):
    model, counted = load(tiny_mini), []
    out = model.sample(picture, ring, steps=3, batch=2, step=counted.append)
    assert sum(counted) == 3 * len(ring) and out.shape == (5, 64, 64, 4) and out.dtype == np.uint8
    assert model.predicts_alpha and not load(tiny_full).predicts_alpha
    assert model.sample(picture, ring[:0], steps=3).shape == (0, 64, 64, 4)


@pytest.mark.parametrize("mini", [True, False])
def test_bf16_stays_near_fp32(mini, tiny_mini, tiny_full, picture, ring):
    folder = str(tiny_mini if mini else tiny_full)
    run = {"steps": 4, "guidance": 1.5, "seed": 0}
    exact = load_model(folder, device="cpu", precision="fp32").sample(picture, ring, **run)
    rough = load_model(folder, device="cpu", precision="bf16").sample(picture, ring, **run)
    on_white = [p[..., :3] * (p[..., 3:] / 255) + 255 - p[..., 3:] for p in (exact, rough)]
    assert 10 * np.log10(255**2 / np.square(on_white[0] - on_white[1]).mean()) > 30


def test_bad_arguments_are_refused(tiny_mini, picture, ring):
    model = load(tiny_mini)
    for change in (
        {"image_rgba": picture[..., :3]},
        {"image_rgba": picture[:32]},
        {"image_rgba": picture / 255},
        {"batch": -1},
        {"guidance": -1.0},
        {"guidance": float("nan")},
        {"steps": 0},
    ):
        with pytest.raises(Img2MeshError):
            model.sample(**{"image_rgba": picture, "poses": ring, "steps": 1, **change})


def test_one_stage_at_a_time_gives_the_same(tiny_mini, picture, ring):
    from dataclasses import replace

    model = load(tiny_mini)
    expected = model.sample(picture, ring, steps=2, batch=5)
    stages = []
    frugal = replace(model, low_vram=True)
    for name in ("unet", "vae", "image_encoder", "projection"):
        module = getattr(frugal, name)
        module.to = lambda *a, name=name, original=module.to, **k: (
            stages.append((name, a)) or original(*a, **k)
        )
    assert np.array_equal(frugal.sample(picture, ring, steps=2, batch=5), expected)
    order = [name for name, place in stages if place == (frugal.device,)]
    assert order == ["vae", "image_encoder", "projection", "unet", "vae"]
    assert len(stages) == 2 * len(order), "every stage leaves again"
