"""Cores and memory shared out."""

from __future__ import annotations

import pytest

from img2mesh.jobs import capacity as room
from img2mesh.jobs.capacity import Capacity, capacity, memory_for_another


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.delenv("IMG2MESH_THREADS", raising=False)
    monkeypatch.setattr(room, "usable_cores", lambda: 8)
    monkeypatch.setattr(room, "total_memory_gb", lambda: 32.0)
    monkeypatch.setattr(room, "cuda_devices", lambda: ())


@pytest.mark.parametrize(
    ("options", "jobs", "threads"),
    [
        ({"jobs": None}, 8, 1),
        ({"jobs": 2}, 2, 4),
        ({"jobs": 20}, 20, 1),
        ({"jobs": None, "items": 3}, 3, 2),
        ({"jobs": None, "worker_gb": 10.0}, 2, 4),
        ({"jobs": None, "worker_gb": 10.0, "shared_gb": 6.0}, 4, 2),
        ({"jobs": None, "threads": 2}, 4, 2),
        ({"jobs": None, "device": "mps"}, 1, 8),
    ],
)
def test_shares(options, jobs, threads):
    found = capacity(**options)
    assert (found.jobs, found.threads) == (jobs, threads)


def test_a_given_number_of_threads(monkeypatch):
    monkeypatch.setenv("IMG2MESH_THREADS", "4")
    assert capacity(None) == Capacity(2, 4)


def test_a_worker_for_each_gpu(monkeypatch):
    monkeypatch.setattr(room, "cuda_devices", lambda: ("0", "3"))
    found = capacity(None)
    assert (found.jobs, found.threads, found.gpus) == (2, 4, ("0", "3"))
    assert [found.environment(k)["CUDA_VISIBLE_DEVICES"] for k in range(3)] == ["0", "3", "0"]
    assert capacity(None, device="cpu").gpus == ()


def test_the_environment_of_a_worker():
    assert Capacity(2, 3).environment(0)["OMP_NUM_THREADS"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in Capacity(2, 3).environment(0)


def test_memory_that_others_will_still_take_is_counted(monkeypatch):
    monkeypatch.setattr(room, "free_memory_gb", lambda: 5.0)
    monkeypatch.setattr(room, "resident_memory_mb", lambda pid: 500.0)
    assert memory_for_another(2.0, [1]) and not memory_for_another(2.0, [1, 2, 3])
    monkeypatch.setattr(room, "free_memory_gb", lambda: None)
    assert memory_for_another(100.0, [])
