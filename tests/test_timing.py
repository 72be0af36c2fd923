"""Predicted durations against what a run then takes, on a clock that only the networks move."""

from __future__ import annotations

import numpy as np
import pytest

from img2mesh import timing
from img2mesh.core.visual_hull import visual_hull
from img2mesh.errors import Img2MeshError
from img2mesh.field.fit import GRID, Fit
from img2mesh.field.sdf_network import SurfaceNet
from img2mesh.models import load_model
from img2mesh.models.networks import LONG_SECONDS
from img2mesh.settings import Settings
from img2mesh.timing import seconds_of_views, time_field, time_sampler
from tests.field.shapes import box_hit, views_of
from tests.models.tiny import make_tiny
from tests.models.tiny_plus import make_tiny_plus
from tests.pretend_cuda import pretended


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("tiny")
    return {"relative": make_tiny(home / "full", mini=False), "fixed": make_tiny_plus(home / "plus")}


def clocked(folder, monkeypatch, slow: float, warm_up: float):
    """A model on a clock: a U-Net call takes 0.4 + 0.1 a row, a decoded picture 0.5, times `slow`; and once more
    `warm_up` at first."""
    model = load_model(str(folder), device="cpu", precision="fp32")
    now = {"time": 0.0, "calls": 0}

    def unet(module, arguments):
        now["time"] += slow * (0.4 + 0.1 * len(arguments[0])) + (0 if now["calls"] else warm_up)
        now["calls"] += 1

    def decoder(module, arguments):
        now["time"] += slow * 0.5 * len(arguments[0])

    model.unet.register_forward_pre_hook(unet)
    model.vae.decoder.register_forward_pre_hook(decoder)
    monkeypatch.setattr(model, "clock", lambda: now["time"], raising=False)
    return model, now


@pytest.mark.parametrize("kind", ["relative", "fixed"])
@pytest.mark.parametrize(
    ("slow", "warm_up", "views", "batch"), [(0.1, 1.0, 16, 0), (0.1, 1.0, 18, 0), (0.1, 1.0, 5, 2), (5.0, 1.0, 16, 0)]
)  # fmt: skip
def test_the_prediction_is_what_the_run_takes(folders, monkeypatch, kind, slow, warm_up, views, batch):
    model, now = clocked(folders[kind], monkeypatch, slow, warm_up)
    settings = Settings(views=views, batch=batch, steps=3, guidance=2.0).for_model(model)
    predicted = seconds_of_views(settings, settings.views, time_sampler(model, settings))
    start, photo = now["time"], np.full((64, 64, 4), 200, np.uint8)
    directions = np.zeros((views, 2))
    model.draw(photo, directions, steps=3, guidance=2.0, seed=0, batch=batch)
    assert predicted == pytest.approx(now["time"] - start, rel=0.3)
    if views % 8 == 0 and slow < 1:
        assert predicted == pytest.approx(now["time"] - start, rel=0.01), (
            "the first, slower call did not count"
        )


def test_a_slow_model_is_asked_once_and_a_quick_one_twice(folders, monkeypatch):
    for slow, calls in ((0.1, 2), (LONG_SECONDS, 1)):
        model, now = clocked(folders["relative"], monkeypatch, slow, 0.0)
        settings = Settings(views=16, steps=3, guidance=2.0)
        first = time_sampler(model, settings)
        assert now["calls"] == calls
        assert time_sampler(model, settings) == first and now["calls"] == calls, "a second photo asks no more"
        assert time_sampler(model, settings, views=4) != first


@pytest.fixture
def work_clock(monkeypatch):
    """A clock that only the field's network moves: a millionth for each level of each point."""
    now, forward = [0.0], SurfaceNet.forward

    def counted(net, points, active=None, base=None):
        now[0] += 1e-6 * len(points) * (active or GRID["levels"])
        return forward(net, points, active, base)

    monkeypatch.setattr(SurfaceNet, "forward", counted)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    timing._step_of_a_ball.cache_clear()
    yield now
    timing._step_of_a_ball.cache_clear()


def test_the_fields_prediction_is_what_its_steps_take(work_clock):
    settings = Settings(rays=200, iterations=60, field_backend="torch")
    predicted = settings.iterations * time_field(settings)
    views = views_of(box_hit, size=48)
    pictures = [view.mask for view in views.views], [view.camera for view in views.views]
    hull = visual_hull(*pictures, np.ones(len(views.views)), 24)
    fit, start = Fit(views, hull.grid, hull.trust, 1.0, settings), work_clock[0]
    for _ in range(settings.iterations):
        fit.step()
    assert predicted == pytest.approx(work_clock[0] - start, rel=0.3)
    before = work_clock[0]
    assert time_field(settings) * settings.iterations == predicted and work_clock[0] == before, "asked once"


def test_a_backend_that_cannot_run_is_refused_before_the_views_are_drawn():
    with pytest.raises(Img2MeshError, match="tinycudann"):
        time_field(Settings(field_backend="tcnn"))


def test_the_field_is_timed_on_the_device_it_will_run_on(work_clock):
    with pretended():
        assert time_field(Settings(rays=32, field_backend="torch"), "cuda") > 0
