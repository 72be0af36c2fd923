import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from img2mesh.core.visual_hull import visual_hull
from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.baselines import render_from_views
from img2mesh.evaluate.corrupt import KINDS, spoil
from img2mesh.settings import Settings
from tests.field.shapes import ring, sphere_hit, views_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def views():
    return views_of(sphere_hit)


def changed(views, kind):
    found = spoil(views, kind).views
    return [
        not np.array_equal(a.rgba, b.rgba) or not np.array_equal(a.camera.c2w, b.camera.c2w)
        for a, b in zip(views.views, found, strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_photo_stays_and_the_rest_is_spoilt(views, kind):
    moved = changed(views, kind)
    assert not moved[0]
    assert sum(moved) == (1 if kind in ("mirror", "empty") else len(moved) - 1)


def test_each_kind_does_what_it_says(views):
    before, alphas = views.views[1], [v.mask.sum() for v in views.views]
    grown = [v.mask.sum() / a for v, a in zip(spoil(views, "masks").views, alphas, strict=True)][1:]
    assert min(grown) < 0.8 and max(grown) > 1.2
    assert np.array_equal(spoil(views, "jitter").views[1].rgba[..., 3], before.rgba[..., 3])
    angles = [
        v.camera.elevation_deg - w.camera.elevation_deg
        for v, w in zip(spoil(views, "pose").views, views.views, strict=True)
    ]
    assert 1 < np.std(angles[1:]) < 6
    with pytest.raises(Img2MeshError, match="spoiling"):
        spoil(views, "burnt")


def test_projected_colours_are_the_objects(views):
    from img2mesh.evaluate.baselines import hull_surface
    from tests.field.shapes import picture

    cameras = [v.camera for v in views.views]
    surface = hull_surface(visual_hull([v.mask for v in views.views], cameras, resolution=48))
    camera = ring()[1].resized(48, 48)
    shown, true = render_from_views(*surface, views.views, camera), picture(camera, sphere_hit)
    both = (shown[..., 3] == 255) & (true[..., 3] == 255)
    assert both.sum() > 300
    assert np.abs(shown[both].astype(float) - true[both]).mean() < 12


def test_the_benchmark_goes_on_where_it_stopped(tmp_path, glb_folder, monkeypatch):
    spec = importlib.util.spec_from_file_location("reconstruction", ROOT / "benchmarks" / "reconstruction.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    kept, table = tmp_path / "figures.json", tmp_path / "table.md"
    row = {"object": "ball", "views": "clean", "IoU": 0.5, "Chamfer": 0.1, "F@0.01": 0.3, "cpu s": 1.0}
    row |= {"wall s": 1.0, "PSNR": 20.0}
    mine = {**row, "method": "field", "peak GB": 0.5, "watertight": True, "components": 1}
    facts = {"settings": Settings.load("draft").as_dict(), "elevation": 20.0}
    kept.write_text(json.dumps({**facts, "rows": [mine, {**row, "method": "hull"}]}))
    command = ["reconstruction", str(glb_folder), "--json", str(kept), "--markdown", str(table)]
    monkeypatch.setattr(sys, "argv", [*command, "--preset", "draft"])
    assert benchmark.main() == 0
    assert "| clean | field | 1 | 0.5 | 0.1 |" in table.read_text()
    monkeypatch.setattr(sys, "argv", [*command, "--preset", "standard"])
    with pytest.raises(Img2MeshError, match="other settings"):
        benchmark.main()


@pytest.fixture
def glb_folder(tmp_path):
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "ball.glb").write_bytes(b"never read: its figures are there already")
    return tmp_path / "objects"
