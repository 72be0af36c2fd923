"""Tables and the page."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess

import pytest

from img2mesh.batch.page import write_page
from img2mesh.batch.reports import Reports
from img2mesh.batch.rows import COLUMNS


def rows_of(folder):
    with (folder / "report.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_tables_have_one_line_an_item(shop):
    shop.add("a.png", 'b,"c".png')
    shop.add("bad.png", text="bad")
    shop.run()
    shop.add("a.png", text="doubt")
    shop.run()
    rows = {row["name"]: row for row in rows_of(shop.meshes)}
    assert set(rows) == {"a", 'b,"c"', "bad"} and tuple(rows["a"]) == tuple(COLUMNS)
    assert rows["a"]["doubtful"] == "True" and rows["a"]["mesh"] == "a.glb" and int(rows["a"]["bytes"]) == 100
    assert rows["bad"]["status"] == "failed" and rows["bad"]["error"] == "bad.png shows nothing."
    lines = [json.loads(line) for line in (shop.meshes / "report.jsonl").read_text().splitlines()]
    assert sorted(line["name"] for line in lines) == ["a", 'b,"c"', "bad"]
    assert next(line for line in lines if line["name"] == "a")["report"]["cutout"]["doubtful"] is True


def test_lines_are_there_as_soon_as_an_item_ends(shop):
    shop.add("a.png", "b.png")
    seen = []
    shop.run(on_done=lambda *_: seen.append(len(rows_of(shop.meshes))))
    assert seen == [1, 2]


def test_the_reports_are_of_the_folder(shop):
    shop.add("a.png", "b.png", "c.png")
    shop.run()
    for name in "bc":
        (shop.photos / f"{name}.png").unlink()
    (shop.meshes / "c.glb").unlink()
    summary = shop.run()
    assert [row["name"] for row in rows_of(shop.meshes)] == ["a", "b"], "whose mesh is there"
    assert summary.total == 1


def data_of(folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return text, json.loads(found[1])


def test_the_page_is_one_file_without_a_network(shop):
    shop.add("a.png", "sub/<b>&.png")
    shop.add("bad.png", text="bad")
    shop.run(recursive=True)
    text, data = data_of(shop.meshes)
    assert not re.search(r"https?://|src=|@import|<link", text)
    assert [row["name"] for row in data["rows"]] == ["a", "bad", "sub/<b>&"]
    assert data["rows"][2]["href"] == "sub/%3Cb%3E%26.glb" and data["rows"][1]["href"] is None
    assert data["rows"][0]["photo_hrefs"] == ["../photos/a.png"]
    assert "<b>" not in text.split('id="data">')[1].split("</script>")[0]


def record(name, **more):
    return {"name": name, "status": "done", "photos": [], "warnings": [], **more}


def test_pictures_are_inside(tmp_path):
    (tmp_path / "t.webp").write_bytes(b"RIFF")
    write_page(tmp_path, [record("a", thumbnail="t.webp"), record("b", thumbnail="gone.webp")], "</script>")
    assert data_of(tmp_path)[1]["strips"] == ["UklGRg==", ""]


def test_twenty_thousand_items(tmp_path):
    write_page(tmp_path, [record(f"{index:05d}") for index in range(20_000)], "many")
    assert len(data_of(tmp_path)[1]["rows"]) == 20_000


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_shows_the_page(tmp_path):
    records = [record(f"item {index:05d}", faces=12, mesh=f"{index}.glb") for index in range(200)]
    records[7] |= {"status": "failed", "error": "it shows nothing.", "error_category": "input"}
    write_page(tmp_path, records, "200 items")
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]
    shown = subprocess.run(
        [*command, f"file://{tmp_path}/index.html"], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    assert "page 1 of 4, 200 items" in shown and "failed 1" in shown and "input: it shows nothing." in shown
    assert "item 00059" in shown and "item 00060" not in shown.split("<script")[0]


def test_the_page_is_written_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr("img2mesh.batch.reports.PAUSE", 0.0)
    reports = Reports(tmp_path)
    reports.page_now_and_then(lambda: [record("a")])
    assert not (tmp_path / "index.html").exists(), "no news"
    reports.append(record("a"), None)
    reports.page_now_and_then(lambda: [record("a")])
    assert (tmp_path / "index.html").exists()
