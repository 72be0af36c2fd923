"""A Ray on this machine does what the pool of processes does."""

from __future__ import annotations

import os
import signal

import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.jobs.events import Stage
from img2mesh.jobs.pool import Pool
from img2mesh.jobs.ray_actors import Actor, RayActors
from tests.jobs.fake_work import FakeWork, item, photo
from tests.jobs.test_pool import drain


def test_an_actor_needs_no_ray_to_be_tried(tmp_path):
    actor = Actor(FakeWork())
    actor.put("convert", item(photo(tmp_path, "a.png"), tmp_path))
    events = []
    while not any(type(event).__name__ == "Finished" for event in events):
        events += actor.news(5)
    assert events[-1].outcome.error is None and (tmp_path / "a.glb").exists()
    actor.put("stop", None)
    assert actor.news(0.01) == []


@pytest.fixture(scope="module")
def ray():
    return pytest.importorskip("ray", reason="the extra [ray] is not installed")


@pytest.mark.slow
def test_items_deaths_and_limits(tmp_path, ray):
    launcher = RayActors(FakeWork(tmp_path / "diary", seconds=0.2), "local", 2, 1, 0.1)
    pool = Pool(launcher, timeout=3)
    try:
        for name, text in (
            ("a", "ok"),
            ("bad", "bad"),
            ("dies", "exit"),
            ("slow", "hang 60"),
            ("b", "slowwrite"),
        ):
            pool.submit(item(photo(tmp_path, f"{name}.png", text), tmp_path))
        outcomes = drain(pool, 120)
        assert {name: outcome.category for name, outcome in outcomes.items()} == {
            "a": None,
            "bad": "input",
            "dies": "crash",
            "slow": "timeout",
            "b": None,
        }
        pool.submit(item(photo(tmp_path, "lost.png"), tmp_path))
        killed = []

        def lose_the_first(event):
            if isinstance(event, Stage) and not killed:
                killed.append(ray.get(pool.workers[0].link.actor.pid.remote()))
                os.kill(killed[0], signal.SIGKILL)

        assert drain(pool, 120, on_event=lose_the_first)["lost"].error is None, "it was run again"
        assert killed
    finally:
        pool.close(kill=True)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_no_cluster_is_a_sentence(ray):
    with pytest.raises(Img2MeshError, match="--ray auto: "):
        RayActors(FakeWork(), "auto", 1, 1, 0.1)
