"""Two small photos through the real pipeline in two worker processes, and again."""

from __future__ import annotations

import hashlib
import json

import pytest

from img2mesh.batch import Request, run_batch
from img2mesh.settings import Settings
from tests.fakes import photo_file


@pytest.mark.slow
def test_two_photos_in_two_processes(tmp_path):
    (tmp_path / "photos").mkdir()
    for name, elevation in (("a", 20.0), ("b", 35.0)):
        photo_file(tmp_path / "photos" / f"{name}.png", elevation, 128)
    settings = Settings.load(
        "draft", model="mini", offline=True, views=4, elevations=(0.0,), steps=1, iterations=5, rays=128,
        hull_resolution=32, mesh_resolution=32, faces=500, texture_size=128, segmenter="alpha",
    )  # fmt: skip
    request, out = Request((tmp_path / "photos",), settings), tmp_path / "meshes"
    summary = run_batch(request, out, jobs=2)
    assert summary.complete, summary.lines()
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.glb")}
    assert sorted(before) == ["a.glb", "b.glb"] and before["a.glb"] != before["b.glb"]
    lines = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert all(line["faces"] > 50 and line["report"]["model"] == "mini" for line in lines)
    strips = json.loads((out / "index.html").read_text().split('id="data">')[1].split("</script>")[0])[
        "strips"
    ]
    assert all(strip.startswith("UklGR") for strip in strips)
    (out / "a.glb").unlink()
    again = run_batch(request, out)
    assert again.complete and [record["name"] for record in again.made] == ["a"]
    assert hashlib.sha256((out / "a.glb").read_bytes()).hexdigest() == before["a.glb"]
