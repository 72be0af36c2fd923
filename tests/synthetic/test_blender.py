"""Both engines draw the same silhouettes from the same cameras. Needs the 850 MB package bpy."""

from __future__ import annotations

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.lighting import random_light
from img2mesh.synthetic.read_models import read_model
from img2mesh.synthetic.render import EmbreeEngine, load_engine
from tests.synthetic.shapes import coloured_cube, textured_sphere


def test_a_missing_bpy_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bpy", None)
    with pytest.raises(Img2MeshError, match=r"\[blender\]"):
        load_engine("blender")


@pytest.mark.slow
@pytest.mark.parametrize("make", [coloured_cube, textured_sphere])
@pytest.mark.parametrize("elevation, azimuth, distance", [(20, 35, 1.6), (-15, 250, 2.1)])
def test_engines_agree_in_silhouette_and_camera(tmp_path, make, elevation, azimuth, distance):
    pytest.importorskip("bpy", reason="bpy (extra [blender]) is not installed")
    model = read_model(make(tmp_path / "model.glb")).normalised()
    light = random_light(np.random.default_rng(1))
    camera = orbit_camera(elevation, azimuth, distance)
    pictures = []
    for engine in (EmbreeEngine(), load_engine("blender")):
        engine.open(model, light)
        pictures.append(engine.draw(camera).astype(float))
    ours, theirs = (picture[..., 3] / 255 for picture in pictures)
    both = np.minimum(ours, theirs).sum() / np.maximum(ours, theirs).sum()
    assert both > 0.985
    for mask in (
        ours,
        theirs,
    ):  # the same centre of mass to a tenth of a pixel: camera and principal point agree
        v, u = np.mgrid[0:256, 0:256]
        centres = [(mask * w).sum() / mask.sum() for w in (u, v)]
        wanted = [(ours * w).sum() / ours.sum() for w in (u, v)]
        assert np.allclose(centres, wanted, atol=0.1)
    inside = (ours > 0.99) & (theirs > 0.99)
    assert np.abs(pictures[0][inside][:, :3] - pictures[1][inside][:, :3]).mean() < 20
