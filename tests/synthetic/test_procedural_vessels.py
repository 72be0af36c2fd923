"""Random vessels: closed, hollow or not, the same for the same numbers, and their insides reach the training."""

import json

import numpy as np
import pytest
import trimesh

from img2mesh.synthetic import procedural_textures
from img2mesh.synthetic.dataset import RenderOptions, render_dataset
from img2mesh.synthetic.procedural_vessels import KINDS, random_vessel
from img2mesh.train.dataset import load_renders

MANY = 60


@pytest.fixture(scope="module")
def vessels():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(procedural_textures, "RAYS", 6)  # for the soft shadows: a quarter of the time
        return [random_vessel(np.random.default_rng([1, index])) for index in range(MANY)]


def test_every_part_is_closed_and_turned_outwards(vessels):
    for index, (kind, parts) in enumerate(vessels):
        for part in parts:
            mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
            assert mesh.is_watertight and mesh.volume > 0, (index, kind)
            assert part.colour.shape == part.vertices.shape
            assert part.colour.min() >= 0 and part.colour.max() <= 1


def test_all_kinds_come_and_most_are_hollow(vessels):
    assert {kind for kind, _ in vessels} == set(KINDS)
    hollow = []
    for _, parts in vessels:
        body = trimesh.Trimesh(parts[0].vertices, parts[0].faces, process=False)
        hollow.append(body.volume < 0.6 * body.convex_hull.volume)
    assert 0.5 < np.mean(hollow) < 1


def test_equal_numbers_make_equal_vessels():
    one, two = (random_vessel(np.random.default_rng(5)) for _ in range(2))
    assert one[0] == two[0] and np.array_equal(one[1][0].vertices, two[1][0].vertices)


def test_what_is_rendered_knows_its_inside(tmp_path, vessels):
    scene = trimesh.Scene()
    for part in vessels[0][1]:
        scene.add_geometry(trimesh.Trimesh(part.vertices[:, [1, 2, 0]], part.faces, process=False))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "thing.glb").write_bytes(scene.export(file_type="glb"))
    for packed in (False, True):
        folder = tmp_path / f"data{packed}"
        options = RenderOptions(views=2, size=32)
        assert render_dataset([tmp_path / "models"], folder, options, packed=packed).rendered == ("thing",)
        data = load_renders(folder)
        assert data.read(0, 1).shape == (32, 32, 4)
        solid = data.solid(0)
        points = trimesh.util.concatenate(
            [trimesh.Trimesh(part.vertices, part.faces) for part in vessels[0][1]]
        )
        low, high = points.bounds
        body = trimesh.Trimesh(vessels[0][1][0].vertices, vessels[0][1][0].faces)
        volume = body.volume / (high - low).max() ** 3
        assert solid.share.mean() == pytest.approx(volume, rel=0.35), "the handle adds a little"
    assert (
        json.loads((tmp_path / "dataFalse" / "thing" / "cameras.json").read_text())["options"]["size"] == 32
    )
