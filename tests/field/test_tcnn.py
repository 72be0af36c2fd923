"""tiny-cuda-nn's hash grid and ours, held together: layout, values, gradients, the whole field.

Each test runs against the real package where there is a CUDA device that has it (marked `gpu`), and against
`tcnn_stand_in` on the device that `tests.pretend_cuda` plays.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from img2mesh.core.visual_hull import visual_hull
from img2mesh.errors import Img2MeshError
from img2mesh.field.fit import GRID, Fit
from img2mesh.field.hash_grid import HashGrid, tcnn_available, tcnn_problem
from img2mesh.field.sdf_network import Field, SurfaceNet
from img2mesh.settings import Settings
from tests.field import tcnn_stand_in
from tests.field.shapes import box_hit, views_of
from tests.pretend_cuda import pretended

SHAPES = [
    dict(levels=4, features=2, log2_size=10, base=4, finest=40),
    dict(levels=3, features=4, log2_size=14, base=8, finest=20),
    dict(levels=3, features=2, log2_size=12, base=4, finest=16),  # growth 2: every resolution is whole
    dict(levels=4, features=2, log2_size=14, base=8, finest=20),  # dense throughout; whole but for rounding
]


@pytest.fixture(params=["stand-in", pytest.param("tinycudann", marks=pytest.mark.gpu)])
def tcnn(request, monkeypatch):
    """A machine with tiny-cuda-nn."""
    if request.param == "tinycudann":
        if not tcnn_available():
            pytest.skip(f"needs CUDA and tinycudann: {tcnn_problem()}")
        yield
        return
    monkeypatch.setitem(sys.modules, "tinycudann", tcnn_stand_in)
    with pretended():
        yield


def pair(shape) -> tuple[HashGrid, HashGrid]:
    """Our grid and tiny-cuda-nn's with the same random table."""
    ours = HashGrid(**shape, implementation="torch", device="cuda")
    theirs = HashGrid(**shape, implementation="tcnn", device="cuda")
    table = torch.randn(ours.table.shape, generator=torch.Generator().manual_seed(0))
    for grid in (ours, theirs):
        with torch.no_grad():
            grid.parameters_flat.copy_(table)
    return ours, theirs


def inner_points(grid: HashGrid, count: int) -> torch.Tensor:
    """(about count, 3) points that lie well inside of their cell on every level: gradients jump between cells."""
    x = torch.rand(8 * count, 3, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.01
    for scale in grid.scales:
        share = (x * scale + 0.5) % 1
        x = x[((share > 0.02) & (share < 0.98)).all(1)]
    return x[:count].to("cuda")


@pytest.mark.parametrize("shape", [*SHAPES, GRID, {}])
def test_the_tables_have_one_layout(tcnn, shape):
    grid = HashGrid(**shape, implementation="tcnn", device="cuda")
    assert grid.parameters_flat.numel() == sum(grid.sizes) * grid.features
    assert grid.parameters_flat.dtype == torch.float32 and grid.parameters_flat.device.type == "cuda"
    assert grid.backend[0].n_output_dims == grid.width
    assert [name for name, _ in grid.named_parameters()] == list(grid.state_dict()) == ["table"]


@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_agree_at_every_number_of_levels(tcnn, shape):
    ours, theirs = pair(shape)
    x = inner_points(ours, 700)  # not a multiple of 256
    upstream = torch.randn(len(x), ours.width, generator=torch.Generator().manual_seed(2)).to("cuda")
    for active in range(1, ours.levels + 1):
        found = []
        for grid in (ours, theirs):
            point = x.clone().requires_grad_()
            out = grid(point, active)
            assert out.dtype == torch.float32 and out.shape == upstream.shape
            (out * upstream).sum().backward()
            found.append([out.detach(), point.grad, grid.parameters_flat.grad])
            grid.parameters_flat.grad = None
        (a, a_point, a_table), (b, b_point, b_table) = found
        assert (b[:, active * ours.features :] == 0).all() and (b[:, : active * ours.features] != 0).any()
        assert torch.allclose(a, b, atol=2e-3)
        assert torch.allclose(a_table, b_table, atol=2e-2)
        assert torch.allclose(a_point, b_point, rtol=2e-3, atol=2e-3 * ours.scales[active - 1])
        first_unused = [*ours.offsets, sum(ours.sizes)][active] * ours.features
        assert (b_table[first_unused:] == 0).all() and (b_table[:first_unused] != 0).any()
        assert (b_point != 0).any()


def surfaces() -> tuple[SurfaceNet, SurfaceNet]:
    """Two whole fields with the same random weights."""
    base = torch.linspace(-0.4, 0.4, 6)[:, None, None].expand(6, 5, 4)
    bounds = np.array([[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]])
    ours, theirs = (SurfaceNet(base, bounds, GRID, 32, kind, "cuda") for kind in ("torch", "tcnn"))
    generator = torch.Generator().manual_seed(3)
    state = {k: torch.randn(v.shape, generator=generator) * 0.3 for k, v in ours.state_dict().items()}
    for name in ("base", "low", "extent"):
        state[name] = ours.state_dict()[name].cpu()
    ours.load_state_dict(state)
    theirs.load_state_dict(state)
    return ours, theirs


def test_whole_fields_agree(tcnn):
    ours, theirs = surfaces()
    unit = inner_points(ours.grid, 300)
    found = []
    for net in (ours, theirs):
        points = (unit * net.extent.max() + net.low).requires_grad_()
        sdf, colour = net(points, active=5)
        (sdf.sum() + colour.square().sum()).backward()
        found.append([sdf, colour, points.grad, *(p.grad for p in net.parameters())])
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape and float((a - b).abs().max()) <= 5e-3 * float(a.abs().max()) + 1e-5


def test_fits_agree_and_states_fit_either_backend(tcnn):
    views = views_of(box_hit, size=48)
    settings = Settings(iterations=3, rays=48, hull_resolution=20)
    pictures = [view.mask for view in views.views], [view.camera for view in views.views]
    hull = visual_hull(*pictures, np.ones(len(views.views)), 20)
    fits = [
        Fit(views, hull.grid, hull.trust, 1.0, settings.replace(field_backend=kind), "cuda")
        for kind in ("torch", "tcnn")
    ]
    fits[1].net.load_state_dict(fits[0].net.state_dict())
    losses = [[fit.step() for _ in range(settings.iterations)] for fit in fits]
    assert fits[1].net.grid.implementation == "tcnn"
    for a, b in zip(*losses, strict=True):
        assert a == pytest.approx(b, rel=0.05, abs=2e-3)
    field = Field(fits[1].net)
    points = np.random.default_rng(4).uniform(-0.4, 0.4, (300, 3))
    plain = SurfaceNet(torch.from_numpy(hull.sdf), hull.bounds, GRID, 32, "torch", "cpu")
    plain.load_state_dict({name: value.cpu() for name, value in fits[1].net.state_dict().items()})
    again = Field(plain)  # on a machine with neither
    assert np.abs(again.sdf(points) - field.sdf(points)).max() < 1e-4
    assert np.abs(again.colour(points) - field.colour(points)).max() < 1e-3


def test_auto_takes_it_on_cuda_alone(tcnn):
    assert HashGrid(**SHAPES[0], device="cuda").implementation == "tcnn"
    assert HashGrid(**SHAPES[0], device="cpu").implementation == "torch"
    with pytest.raises(Img2MeshError, match="on the device cpu"):
        HashGrid(**SHAPES[0], implementation="tcnn", device="cpu")


def test_another_layout_is_refused(monkeypatch):
    """A tinycudann whose table is not ours would train well and be read back as nonsense."""
    monkeypatch.setitem(sys.modules, "tinycudann", tcnn_stand_in)
    monkeypatch.setitem(tcnn_stand_in.DEFAULTS, "log2_hashmap_size", 9)
    whole = HashGrid.tcnn_config
    monkeypatch.setattr(
        HashGrid, "tcnn_config", lambda *a: {k: v for k, v in whole(*a).items() if "log2" not in k}
    )
    with pretended(), pytest.raises(Img2MeshError, match="--field-backend torch"):
        HashGrid(**SHAPES[0], implementation="tcnn", device="cuda")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("undefined symbol: _ZN3c10\nmore"), r"undefined symbol: _ZN3c10\)"),
        (OSError("Could not find compatible tinycudann extension for compute capability 89."), "compatible"),
        (RuntimeError("CUDA error"), "CUDA error"),
    ],
)
def test_why_it_cannot_be_used_is_said(monkeypatch, error, said):
    class Broken:
        def find_spec(self, name, *_):
            if name == "tinycudann":
                raise error

    monkeypatch.delitem(sys.modules, "tinycudann", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pretended():
        assert HashGrid(**SHAPES[0], device="cuda").implementation == "torch"
        with pytest.raises(Img2MeshError, match=said) as caught:
            HashGrid(**SHAPES[0], implementation="tcnn", device="cuda")
    assert "\n" not in str(caught.value) and "docs/install-gpu.md" in str(caught.value)
