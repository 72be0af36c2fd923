"""Cores, threads, memory, devices."""

from __future__ import annotations

import pytest

from img2mesh.core.device import (
    cpu_flags,
    peak_memory_mb,
    resolve_device,
    thread_count,
    total_memory_gb,
    usable_cores,
)
from img2mesh.errors import Img2MeshError


def test_threads_come_from_the_environment_or_the_cores(monkeypatch):
    monkeypatch.delenv("IMG2MESH_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert thread_count() == usable_cores() >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert thread_count() == 5
    monkeypatch.setenv("IMG2MESH_THREADS", "3")
    assert thread_count() == 3


@pytest.mark.parametrize("value", ["0", "-1", "two", "2.5", "99999"])
def test_bad_thread_counts_are_named(monkeypatch, value):
    monkeypatch.setenv("IMG2MESH_THREADS", value)
    with pytest.raises(Img2MeshError, match="IMG2MESH_THREADS"):
        thread_count()


def test_memory_is_plausible():
    peak, total = peak_memory_mb(), total_memory_gb()
    assert peak is None or 10 < peak < 1e6
    assert total is None or 0.1 < total < 1e5
    assert all(isinstance(flag, str) for flag in cpu_flags())


def test_auto_is_a_device_that_exists():
    import torch

    assert torch.zeros(1, device=resolve_device("auto")).sum() == 0
    assert resolve_device("cpu") == "cpu"
