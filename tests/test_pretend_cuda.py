"""The stand-in for a CUDA device refuses what a real one refuses; otherwise its tests would prove nothing."""

from __future__ import annotations

import pytest
import torch

from tests.pretend_cuda import pretended


def test_what_a_device_refuses_is_refused():
    with pretended():
        x = torch.randn(4, 3, device="cuda")
        assert x.device == torch.device("cuda", 0) and x.is_cuda and (x * 2).cpu().numpy().shape == (4, 3)
        with pytest.raises(RuntimeError, match="same device"):
            x + torch.ones(3)
        with pytest.raises(RuntimeError, match="same device"):
            torch.nn.Linear(3, 2)(x)
        with pytest.raises(TypeError, match=r"Tensor\.cpu\(\)"):
            x.numpy()
        with pytest.raises(RuntimeError, match="generator"):
            torch.randn(3, device="cuda", generator=torch.Generator())
        assert float((x + torch.tensor(1.0) - x).mean()) == pytest.approx(1), "numbers may come from the CPU"
    assert torch.randn(3).device.type == "cpu"


def test_networks_learn_there_as_on_the_cpu():
    def fall(device):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.SiLU(), torch.nn.Linear(8, 1)).to(device)
        optimizer, x = (
            torch.optim.Adam(net.parameters(), lr=0.1),
            torch.linspace(-1, 1, 30).view(10, 3).to(device),
        )
        for _ in range(5):
            optimizer.zero_grad()
            loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
        assert net[0].weight.device.type == device and net[0].weight.grad.device.type == device
        return loss.item()

    expected = fall("cpu")
    with pretended():
        assert fall("cuda") == pytest.approx(expected, rel=1e-5)


def test_memory_is_counted_once_per_storage_and_given_back():
    with pretended() as memory:
        x = torch.zeros(1000, device="cuda")
        y = x.view(10, 100)[2:]
        assert memory.now == 4000
        z = y + 1
        assert memory.now == 4000 + 3200
        del x, y
        assert memory.now == 3200 and memory.peak == 7200
        del z
        assert memory.now == 0
    with pretended(numbers=False) as memory:
        large = torch.empty(10**9, 100, device="cuda", dtype=torch.bfloat16)
        assert memory.now == 2 * 10**11 and large[:2].cpu().tolist() == [[0.0] * 100] * 2
