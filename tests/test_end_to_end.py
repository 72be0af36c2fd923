"""`img2mesh photo.png -o out.glb` with the real field and mesh; only the sampler is a stand-in with true views."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from img2mesh.cli import run as command
from tests.fakes import FakeModel, photo_file

SURFACE = "--iterations 40 --rays 256 --hull-resolution 40 --mesh-resolution 48 --faces 1000 --texture-size 128".split()
QUICK = [*SURFACE, *"--views 6 --steps 1 --elevation 30 --offline".split()]


pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command line in an empty folder with a photo."""
    from img2mesh.timing import SamplerTime

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("img2mesh.models.load_model", lambda *a, **k: FakeModel(30.0), raising=False)
    monkeypatch.setattr("img2mesh.timing.time_sampler", lambda *a, **k: SamplerTime(0.01, 0.01))
    photo_file(tmp_path / "photo.png")
    return lambda *words: command([*words, *QUICK])


def test_the_whole_way(run, tmp_path, capsys):
    assert run("photo.png", "-o", "a.glb", "--report", "r.json", "--keep", "kept") == 0
    scene = trimesh.load(tmp_path / "a.glb")
    (mesh,) = scene.geometry.values()
    assert mesh.visual.material.baseColorTexture.size == (128, 128)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and mesh.volume > 0
    # The true ellipsoid is 1 high and 0.84 wide; +Y is up and the photo's side faces +Z.
    size = mesh.bounds[1] - mesh.bounds[0]
    np.testing.assert_allclose(size[1] / size[0], 1 / 0.84, rtol=0.15)
    assert size[2] < size[0] < size[1]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["front_psnr_db"] > 27
    assert report["mesh"]["watertight"] and report["mesh"]["components"] == 1

    assert run("photo.png", "-o", "b.glb") == 0
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes(), "same seed, same bytes"

    drawn = ["--preview-sources", "s.png"]
    assert command(["reconstruct", "kept/views", "-o", "c.glb", *drawn, *SURFACE]) == 0
    assert (tmp_path / "s.png").stat().st_size > 0
    volume = trimesh.load(tmp_path / "c.glb", force="mesh").volume
    assert volume == pytest.approx(mesh.volume, rel=0.03), "the kept views lead to the same shape"
