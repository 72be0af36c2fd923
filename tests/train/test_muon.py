"""Orthogonalised steps against singular values, and against what they are for."""

import dataclasses

import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.train.config import Optimisation
from img2mesh.train.denoiser import build_optimizers
from img2mesh.train.muon import Muon, hidden_matrices, orthogonalise
from tests.train.test_training import tiny_denoiser


@pytest.mark.parametrize("shape", [(3, 16, 40), (2, 40, 16), (1, 24, 24)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    result = orthogonalise(matrices)
    values = torch.linalg.svdvals(result)
    assert result.shape == shape and values.min() > 0.3 and values.max() < 1.35
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    nearest = u @ v
    cosine = (result * nearest).sum((1, 2)) / (result.norm(dim=(1, 2)) * nearest.norm(dim=(1, 2)))
    assert cosine.min() > 0.95


def test_a_step_has_adamws_size():
    weight = torch.nn.Parameter(torch.zeros(64, 8, 3, 3))
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    Muon([weight], lr=1e-2, weight_decay=0.0).step()
    assert weight.detach().square().mean().sqrt() == pytest.approx(0.2 * 1e-2, rel=0.25)


def test_directions_of_small_gradients_are_learned_as_fast_as_the_others():
    """Inputs of very different size: what orthogonal steps are for, and where momentum alone crawls."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(256, 12, generator=generator) * torch.logspace(0, -2, 12)
    truth = torch.randn(12, 8, generator=generator)
    weights = {}
    for kind in (Muon, torch.optim.SGD):
        weight = torch.nn.Parameter(torch.zeros(12, 8))
        optimizer = kind([weight], lr=0.05, momentum=0.95, weight_decay=0.0)
        for _ in range(120):
            optimizer.zero_grad()
            (x @ weight - x @ truth).square().mean().backward()
            optimizer.step()
        weights[kind] = weight.detach()
    small = slice(6, None)  # the six smallest inputs
    errors = {kind: (weight - truth)[small].square().mean() for kind, weight in weights.items()}
    assert errors[Muon] < 0.7 * errors[torch.optim.SGD]


def test_inner_matrices_are_muons_and_the_rest_adamws():
    model = tiny_denoiser()
    model.image_encoder.requires_grad_(False)
    plan = dataclasses.replace(Optimisation(), optimizer="muon", projection_rate=10.0)
    muon, adam = build_optimizers(model, plan)
    inner = {p for group in muon.param_groups for p in group["params"]}
    outer = {p for group in adam.param_groups for p in group["params"]}
    assert inner == hidden_matrices(model.trained()) and not inner & outer
    assert model.unet.conv_in.weight in outer and model.unet.conv_out.weight in outer
    assert model.unet.mid_block.resnets[0].conv1.weight in inner
    assert all(p.ndim >= 2 for p in inner)
    learned = {p for m in model.trained().values() for p in m.parameters() if p.requires_grad}
    assert inner | outer == learned
    scales = {
        group["scale"] for group in muon.param_groups if model.projection.proj.weight in set(group["params"])
    }
    assert scales == {10.0}


def test_an_unknown_optimizer_is_named():
    with pytest.raises(Img2MeshError, match="lion"):
        build_optimizers(tiny_denoiser(), dataclasses.replace(Optimisation(), optimizer="lion"))
