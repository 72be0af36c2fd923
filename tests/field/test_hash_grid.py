import sys

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.field.hash_grid import HashGrid

SHAPES = [
    dict(levels=4, features=2, log2_size=10, base=4, finest=40),
    dict(levels=3, features=4, log2_size=14, base=8, finest=20),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_sparse_product_equals_plain_indexing(shape):
    grid = HashGrid(**shape, implementation="torch")
    grid.table.data.normal_(generator=torch.Generator().manual_seed(1))
    x = torch.rand(500, 3, generator=torch.Generator().manual_seed(2))
    x[0], x[1] = 0.0, 1.0  # the cube's corners
    upstream = torch.randn(500, grid.width, generator=torch.Generator().manual_seed(3))
    fast = grid(x)
    (fast * upstream).sum().backward()
    fast_gradient = grid.table.grad.clone()
    grid.table.grad = None
    plain = grid.encode_plain(x.double())
    (plain * upstream).sum().backward()
    assert torch.allclose(fast.double(), plain, atol=1e-4)
    assert torch.allclose(fast_gradient, grid.table.grad, atol=1e-3)


def test_linear_between_lattice_points():
    grid = HashGrid(levels=1, features=1, log2_size=14, base=9, finest=9, implementation="torch")
    r, scale = grid.resolutions[0], grid.scales[0]
    index = torch.arange(r**3)
    place = torch.stack([index % r, index // r % r, index // r**2], -1)
    grid.table.data[: r**3] = ((place - 0.5) / scale) @ torch.tensor([1.0, 2.0, -3.0])
    x = torch.rand(200, 3) * 0.9 + 0.02
    assert torch.allclose(grid(x)[:, 0], x @ torch.tensor([1.0, 2.0, -3.0]), atol=1e-4)


def test_inactive_levels_are_zero():
    grid = HashGrid(**SHAPES[0], implementation="torch")
    out = grid(torch.rand(10, 3), active=2)
    assert out.shape == (10, 8)
    assert (out[:, 4:] == 0).all() and (out[:, :4] != 0).any()


def test_twin_differentiates_positions():
    grid = HashGrid(**SHAPES[1], implementation="torch").double()
    x = (torch.rand(5, 3, generator=torch.Generator().manual_seed(4)).double() * 0.9).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: grid.encode_plain(p), (x,), eps=1e-7, atol=1e-6)


def test_same_bits_twice():
    grids = [HashGrid(**SHAPES[0], implementation="torch", seed=5) for _ in range(2)]
    x = torch.rand(3000, 3)
    for grid in grids:
        grid(x).square().sum().backward()
    assert np.array_equal(grids[0].table.grad.numpy(), grids[1].table.grad.numpy())


def test_missing_tcnn_names_the_guide(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycudann", None)
    with pytest.raises(Img2MeshError, match=r"docs/install-gpu\.md"):
        HashGrid(implementation="tcnn")


def test_a_second_core_changes_no_bit(monkeypatch):
    results = []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        grid = HashGrid(levels=5, log2_size=10, base=4, finest=40, seed=3)
        x = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0))
        found = grid(x, 4)
        (found**2).sum().backward()
        results.append((found.detach(), grid.table.grad))
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))
    assert results[0][1].abs().max() > 0
