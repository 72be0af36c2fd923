"""Orthogonalised steps against singular values, and against what they are for."""

import pytest
import torch

from img2mesh.train.muon import Muon, orthogonalise


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
