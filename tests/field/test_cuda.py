"""The fit on a CUDA device that `tests.pretend_cuda` plays: every tensor in its place, the same field."""

from __future__ import annotations

import numpy as np
import pytest

from img2mesh.core.visual_hull import visual_hull
from img2mesh.field.fit import Fit
from img2mesh.field.sdf_network import Field
from img2mesh.multiview.surface_colour import Paint
from img2mesh.settings import Settings
from tests.field.shapes import box_hit, views_of
from tests.pretend_cuda import pretended

TINY = Settings(iterations=5, rays=64, hull_resolution=20, field_backend="torch")


@pytest.fixture(scope="module")
def start():
    """Views of a box and their hull."""
    views = views_of(box_hit, size=48)
    pictures = [view.mask for view in views.views], [view.camera for view in views.views]
    return views, visual_hull(*pictures, np.ones(len(views.views)), TINY.hull_resolution)


@pytest.mark.parametrize("known", [False, True])
def test_the_same_field_as_on_the_cpu(known, start, monkeypatch):
    monkeypatch.setattr("img2mesh.field.fit.REFRESH", 2)
    views, hull = start
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 3))

    def fitted(device):
        fit = (
            Paint(views, hull.grid, hull.trust, TINY, device)
            if known
            else Fit(views, hull.grid, hull.trust, 1.0, TINY, device)
        )
        losses = [fit.step()["colour"] for _ in range(TINY.iterations)]
        return Field(fit.net), losses

    expected, losses = fitted("cpu")
    with pretended() as memory:
        field, found = fitted("cuda")
        assert field.device.type == "cuda" and memory.peak > 1e6
        for a, b in zip(losses, found, strict=True):
            assert a == pytest.approx(b, rel=1e-3, abs=1e-5)
        assert np.abs(field.sdf(points) - expected.sdf(points)).max() < 1e-3
        assert np.abs(field.colour(points) - expected.colour(points)).max() < 1e-2
