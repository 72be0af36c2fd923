"""The batch benchmark's own arithmetic."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.fakes import fake_rooms

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "batch.py"


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path(str(SCRIPT), run_name="batch_benchmark")


def test_table_and_paper(benchmark):
    made = benchmark["Measured"]
    one = made("1", 2, 6, 120.0, 90.0, 900.0, None, 4e5, "aa")
    two = made("2", 1, 6, 60.0, 90.0, 1000.0, 0.01, 4e5, "aa")
    lines = benchmark["table"]([one, two]).splitlines()
    assert (
        "| 1 | 2 | 180 | 1.00 | 240 | 900 |" in lines[2]
        and "| 2 | 1 | 360 | 2.00 | 240 | 1000 | +1.0 % |" in lines[3]
    )
    paper = benchmark["on_paper"](two, benchmark["Settings"].load("draft"))
    assert "4,167 core-hours" in paper and "0.40 TB of meshes" in paper and "50 of them" in paper


def test_photos_differ(benchmark, tmp_path):
    example = SCRIPT.parents[1] / "examples" / "mug.jpg"
    benchmark["make_photos"](example, tmp_path / "photos", 3)
    assert len({path.read_bytes() for path in (tmp_path / "photos").iterdir()}) == 3


def test_a_way_is_measured(benchmark, tmp_path, monkeypatch):
    from img2mesh.settings import Settings

    fake_rooms(monkeypatch)
    example = SCRIPT.parents[1] / "examples" / "mug.jpg"
    benchmark["make_photos"](example, tmp_path / "photos", 2)
    run = benchmark["run_batch"]
    monkeypatch.setitem(
        benchmark["measure"].__globals__,
        "run_batch",
        lambda *a, **k: run(*a, **{**k, "jobs": 0, "ray": None}),
    )
    found = benchmark["measure"](
        "1", tmp_path / "photos", tmp_path / "out", Settings.load("draft", offline=True)
    )
    assert found.items == 2 and found.per_hour > 0 and found.bytes_of_one > 100 and found.cpu_seconds > 0
