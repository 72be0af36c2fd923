"""Means over objects and seeds, and how they are written."""

from __future__ import annotations

import json

import pytest

from img2mesh.evaluate.objects import halves
from img2mesh.evaluate.table import HIGHER, LOWER, Table


@pytest.fixture
def table():
    table = Table("Title", {"PSNR": HIGHER, "Chamfer": LOWER}, ["a note"])
    for seed, shift in ((0, 0.0), (1, 2.0)):
        table.add("ours", "a", seed, {"PSNR": 10 + shift, "Chamfer": 0.1})
        table.add("ours", "b", seed, {"PSNR": 20 + shift, "Chamfer": 0.3})
    table.add("copy", "a", None, {"PSNR": 18.0, "Chamfer": float("inf")})
    return table


def test_means_are_over_objects_then_seeds(table):
    assert table.mean("ours", "PSNR") == (pytest.approx(16), pytest.approx(2**0.5))
    assert table.mean("copy", "PSNR") == (18, None)


def test_the_best_of_each_column_is_bold_in_its_own_sense(table):
    text = table.markdown()
    assert "| copy | **18.00** | – |" in text
    assert "| ours | 16.00 ± 1.4142 | **0.2000 ± 0.0000** |" in text
    assert "PSNR ↑" in text and "Chamfer ↓" in text and "- a note" in text


def test_files_hold_every_score_and_no_infinities(table, tmp_path):
    table.write(tmp_path, "scores")
    record = json.loads((tmp_path / "scores.json").read_text())
    assert len(record["rows"]) == 5 and record["means"]["copy"]["Chamfer"]["mean"] is None
    assert (tmp_path / "scores.md").read_text() == table.markdown()


def test_objects_to_choose_on_and_to_report_on_are_apart(table, tmp_path):
    table.halves = {"a": "dev", "b": "test"}
    assert table.mean("ours", "PSNR", "dev")[0] == pytest.approx(11)
    assert table.mean("ours", "PSNR", "test")[0] == pytest.approx(21)
    text = table.markdown()
    assert text.index("to choose on") < text.index("to report on") < text.index("All objects")
    assert "| ours | 11.00 ± 1.4142 |" in text and "| ours | **21.00 ± 1.4142** |" in text
    table.write(tmp_path, "scores")
    record = json.loads((tmp_path / "scores.json").read_text())
    assert record["means_of_halves"]["test"]["ours"]["PSNR"] == pytest.approx(21)


def test_places_in_the_order_of_names_decide(tmp_path):
    for name in ("c", "a", "b"):
        (tmp_path / f"{name}.glb").write_bytes(b"")
    assert halves(tmp_path) == {"a": "dev", "b": "test", "c": "dev"}
