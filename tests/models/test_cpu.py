"""The networks arranged for a CPU against the same networks as diffusers has them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from img2mesh.models import cpu, load_model


@pytest.fixture
def enlarging():
    """A layer as in the U-Net and in the VAE."""
    from diffusers.models.upsampling import Upsample2D

    torch.manual_seed(0)
    return nn.Sequential(Upsample2D(6, use_conv=True, out_channels=5))


@torch.no_grad()
def test_enlarging_by_phases_is_the_same_convolution(enlarging):
    x = torch.randn(2, 6, 5, 7)
    expected = enlarging(x)
    cpu.arrange(enlarging)
    found = enlarging(x)
    assert found.shape == (2, 5, 10, 14) and torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(enlarging[0](x, (10, 14)), expected, atol=1e-5)
    assert enlarging[0](x, (9, 13)).shape == (2, 5, 9, 13), "another size is left to diffusers"
    enlarging[0].conv.weight.mul_(2)
    cpu.arrange(enlarging)
    assert torch.allclose(enlarging(x), 2 * expected - enlarging[0].conv.bias[:, None, None], atol=1e-5)


def test_phases_add_up_to_the_kernel():
    weight = torch.arange(9.0).reshape(1, 1, 3, 3)
    kernels = cpu.phase_kernels(weight)
    assert [k.shape for k in kernels] == [(1, 1, 2, 2)] * 4 and all(k.sum() == 36 for k in kernels)
    assert kernels[0].flatten().tolist() == [0, 1 + 2, 3 + 6, 4 + 5 + 7 + 8]
    assert kernels[3].flatten().tolist() == [0 + 1 + 3 + 4, 2 + 5, 6 + 7, 8]


@pytest.mark.parametrize("amx", [False, True])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_the_gated_unit_and_self_attention(kind, amx, monkeypatch):
    from diffusers.models.activations import GEGLU
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    network = nn.ModuleDict({"gate": GEGLU(16, 24), "attn1": Attention(16, heads=2, dim_head=8)}).to(kind)
    network["attn1"].to_k.weight.mul_(4)
    x = torch.randn(3, 7, 16).to(kind)
    arranged = copy.deepcopy(network)
    monkeypatch.setattr(cpu, "cpu_flags", lambda: frozenset({"amx_bf16"} if amx else ()))
    cpu.arrange(arranged)
    assert isinstance(arranged["attn1"].processor, cpu.SelfAttention) != amx
    exact = copy.deepcopy(network).float()
    for name in network:
        expected, plain, found = exact[name](x.float()), network[name](x), arranged[name](x)
        assert found.shape == plain.shape and found.dtype == kind
        error, usual = ((y.float() - expected).norm() / expected.norm() for y in (found, plain))
        assert error < (0.01 if kind == torch.bfloat16 else 1e-6) and error < 3 * usual + 1e-6
    cpu.restore(arranged)
    assert all(torch.equal(arranged[name](x), network[name](x)) for name in network)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@torch.no_grad()
def test_whole_networks_give_the_same(precision, tiny_full, tiny_mini):
    for folder in (tiny_full, tiny_mini):
        model = load_model(str(folder), device="cpu", precision=precision)
        touched = [name for name, module in model.vae.named_modules() if "forward" in vars(module)]
        assert len(touched) == 3 and all("upsamplers" in name for name in touched)
        latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)).to(model.dtype)
        arranged = model.vae.decode(latents).sample
        keys = set(model.vae.state_dict())
        cpu.restore(model.vae)
        plain = model.vae.decode(latents).sample
        limit = 1e-4 if precision == "fp32" else 0.03
        assert (arranged - plain).norm() < limit * plain.norm() and set(model.vae.state_dict()) == keys


def test_nothing_is_arranged_elsewhere(tiny_full):
    from dataclasses import replace

    model = load_model(str(tiny_full), device="cpu", precision="fp32")
    assert any("forward" in vars(module) for module in model.unet.modules())
    moved = replace(model, device=torch.device("meta"))
    assert not any("forward" in vars(module) for net in (moved.unet, moved.vae) for module in net.modules())


def test_without_the_fused_products_the_layer_stays(monkeypatch):
    from diffusers.models.activations import GEGLU

    def absent(*arguments):
        raise AttributeError("no such operator")

    network = nn.Sequential(GEGLU(16, 24)).to(torch.bfloat16)
    monkeypatch.setattr(cpu, "_gated", absent)
    cpu.arrange(network)
    assert "forward" not in vars(network[0]) and network(torch.ones(2, 16).to(torch.bfloat16)).shape == (
        2,
        24,
    )
