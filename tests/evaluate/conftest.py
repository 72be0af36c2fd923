"""A folder of two small textured objects, as held-out sets come."""

from __future__ import annotations

import json

import pytest
import trimesh

from tests.synthetic.shapes import textured_sphere


@pytest.fixture
def heldout(tmp_path):
    folder = tmp_path / "heldout"
    folder.mkdir()
    textured_sphere(folder / "ball.glb", rings=24)
    scene = trimesh.load_scene(textured_sphere(folder / "egg.glb", rings=24))
    scene.apply_transform(trimesh.transformations.scale_matrix(0.6, direction=[0, 0, 1]))
    scene.export(folder / "egg.glb")
    (folder / "objects.json").write_text(
        json.dumps([{"id": n, "file": f"{n}.glb"} for n in ("ball", "egg", "ball")])
    )
    return folder
