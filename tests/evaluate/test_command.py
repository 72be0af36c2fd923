"""`img2mesh evaluate` on two small objects, with a model of random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from img2mesh.cli import run
from img2mesh.core.camera import FOV_DEG, orbit_camera
from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.novel_views import novel_views
from img2mesh.evaluate.objects import input_direction, load_objects, named_objects, read_object
from img2mesh.evaluate.one_image import one_image_meshes
from img2mesh.models.sampler import RelativeViews
from img2mesh.settings import Settings
from tests.models.tiny import make_tiny

SMALL = (
    "--preset draft --iterations 40 --rays 256 --hull-resolution 48 --mesh-resolution 48 --faces 600".split()
)
SMALL += "--carve-resolution 48 --texture-size 128 --number-of-views 8 --steps 1".split()


@pytest.fixture
def model(tmp_path):
    return str(make_tiny(tmp_path / "tiny"))


@pytest.fixture
def small_pictures(monkeypatch):
    """The protocol's cameras with a quarter of their pixels; test_protocol has it as it is."""
    monkeypatch.setattr("img2mesh.evaluate.protocol.IMAGE_SIZE", 128)


def test_objects_are_normalised_and_chosen_the_same_way_each_time(heldout):
    assert [p.stem for p in load_objects(heldout)] == ["ball", "egg"]
    assert [p.stem for p in load_objects(heldout, 1)] == ["ball"]
    assert [p.stem for p in named_objects(heldout, 1, "gg,nothing")] == ["egg"]
    assert named_objects(heldout, 1, None) == load_objects(heldout, 1)
    with pytest.raises(Img2MeshError, match="of that name"):
        named_objects(heldout, None, "cube")
    truth = read_object(heldout / "egg.glb")
    assert np.ptp(truth.vertices, axis=0) == pytest.approx([0.6, 1, 1], abs=0.01)
    assert truth.vertices.max(0) + truth.vertices.min(0) == pytest.approx([0, 0, 0], abs=1e-9)
    directions = [input_direction(f"object {i}") for i in range(200)]
    assert directions[0] == input_direction("object 0")
    assert 0 <= min(e for e, _ in directions) < 3 and 42 < max(e for e, _ in directions) <= 45
    assert max(a for _, a in directions) > 350


def test_views_are_scored_beside_their_baselines(heldout, model, tmp_path, capsys):
    out = tmp_path / "out"
    command = [
        "evaluate",
        str(heldout),
        "--views",
        "--model",
        model,
        "--seeds",
        "0,1",
        "--targets",
        "3",
        "--metrics",
        "none",
    ]
    assert run([*command, *SMALL, "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert (out / "views.md").read_text() in printed + "\n"
    assert "without LPIPS" in printed
    scores = json.loads((out / "views.json").read_text())
    methods = ["tiny", "input view copied", "mean-colour billboard", "swept silhouette (hull of the input)"]
    assert list(scores["means"]) == methods
    assert scores["means"]["tiny"]["PSNR"]["seeds_std"] is not None
    # a ball looks the same from everywhere on a ring: copying its silhouette is perfect
    ball = next(r for r in scores["rows"] if r["object"] == "ball" and r["method"] == methods[1])
    assert ball["mask IoU"] > 0.98
    assert (
        scores["means"]["input view copied"]["mask IoU"]["mean"] > scores["means"]["tiny"]["mask IoU"]["mean"]
    )
    with Image.open(out / "views" / "egg.png") as picture:
        assert picture.width > 4 * 144


class Perfect(RelativeViews):
    """Draws the truth itself from wherever the relative poses lead."""

    name, licence, distance, fov_deg, predicts_alpha = "perfect", "none", 1.6, FOV_DEG, True
    default_steps, default_guidance, dtype = 1, 1.0, "float32"

    def __init__(self, truth, elevation_deg, azimuth_deg=0.0):
        self.truth, self.elevation, self.azimuth = truth, elevation_deg, azimuth_deg

    def sample(self, image_rgba, poses, **_):
        degrees = [(np.degrees(polar), np.degrees(np.arctan2(s, c))) for polar, s, c, _ in poses]
        cameras = [
            orbit_camera(self.elevation - polar, self.azimuth + turn, self.distance)
            for polar, turn in degrees
        ]
        return np.stack([render_truth(self.truth, camera) for camera in cameras])


def test_a_perfect_model_gets_perfect_views(heldout):
    truth = read_object(heldout / "egg.glb")
    model = Perfect(truth, *input_direction("egg"))
    table = novel_views([heldout / "egg.glb"], model, Settings.load("draft"), (0,), targets=3)
    assert table.mean("perfect", "PSNR")[0] > 45 and table.mean("perfect", "mask IoU")[0] > 0.999
    assert table.mean("input view copied", "PSNR")[0] < 25


@pytest.mark.slow
def test_renders_of_the_shape_are_scored_beside_the_drawings(heldout):
    truth = read_object(heldout / "ball.glb")
    model = Perfect(truth, *input_direction("ball"))
    settings = Settings.load("draft", views=8, iterations=30, rays=256, hull_resolution=48)
    settings = settings.replace(
        elevation=f"{input_direction('ball')[0]:.3f}", carve_resolution=48, mesh_resolution=48, faces=500
    )
    table = novel_views([heldout / "ball.glb"], model, settings, (0,), targets=2, rendered=True)
    name = "perfect, rendered from the shape"
    assert table.mean(name, "mask IoU")[0] > 0.95 and table.mean(name, "PSNR")[0] > 16


@pytest.mark.slow
def test_a_perfect_model_gets_a_nearly_perfect_mesh(heldout, small_pictures, tmp_path):
    settings = Settings.load("draft", elevation="30", views=8, iterations=30, rays=256, hull_resolution=48)
    settings = settings.replace(carve_resolution=48, mesh_resolution=48, faces=500, texture_size=64)
    table = one_image_meshes(
        [heldout / "ball.glb"],
        Perfect(read_object(heldout / "ball.glb"), 30.0),
        settings,
        (0,),
        tmp_path / "out",
    )
    means = {name: table.mean(name, "IoU")[0] for name in table.methods}
    assert means["perfect"] > 0.85 and means["visual hull of perfect's views"] > 0.85
    assert 0.5 < means["swept silhouette (hull of the input)"] < 0.85  # it holds the ball and more
    assert means["billboard"] < 0.2
    assert table.mean("perfect", "Chamfer")[0] < 0.02 < table.mean("billboard", "Chamfer")[0]
    assert table.mean("perfect", "aligned Chamfer")[0] <= table.mean("perfect", "Chamfer")[0] + 0.002
    assert (tmp_path / "out" / "mesh" / "ball.png").is_file() and (
        tmp_path / "out" / "mesh" / "ball-0.glb"
    ).is_file()


@pytest.mark.slow
def test_the_oracle_is_scored_through_the_command(heldout, small_pictures, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["evaluate", str(heldout), "--oracle", "--objects", "1", *SMALL, "-o", str(out)]) == 0
    oracle = json.loads((out / "oracle.json").read_text())["means"]
    assert oracle["visual hull of the views"]["IoU"]["mean"] > 0.85
    assert oracle["field and mesh"]["IoU"]["mean"] > 0.8
    assert oracle["field and mesh"]["PSNR"]["mean"] > 14
    assert (out / "oracle" / "ball-0.glb").is_file() and (out / "oracle" / "ball.png").is_file()
    assert "| billboard |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["heldout"], "--views, --mesh or --oracle"),
        (["missing", "--oracle"], "No such folder"),
        (["heldout", "--oracle", "--objects", "0"], "--objects"),
        (["heldout", "--oracle", "--seeds", "1,1"], "--seeds"),
        (["heldout", "--oracle", "--seeds", "x"], "--seeds"),
        (["heldout", "--views", "--targets", "0"], "--targets"),
        (["heldout", "--views", "--metrics", "nowhere"], "LPIPS"),
        (["heldout", "--views", "--model", "./nowhere"], "No such model"),
        (["heldout", "--oracle", "-o", "heldout/ball.glb"], "--output"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(heldout, monkeypatch, capsys, arguments, word):
    monkeypatch.chdir(heldout.parent)
    assert run(["evaluate", *arguments]) == 2
    message = capsys.readouterr().err
    assert word in message and message.count("\n") == 1


def test_a_broken_list_of_objects_is_refused(heldout):
    (heldout / "objects.json").write_text('[{"id": "ball"}]')
    with pytest.raises(Img2MeshError, match="objects"):
        load_objects(heldout)


@pytest.mark.slow
def test_meshes_of_a_model_with_cameras_of_its_own(heldout, small_pictures, tmp_path, capsys):
    """Zero123++ draws from the distance that it learned, whatever the protocol's is."""
    from tests.models.tiny_plus import make_tiny_plus

    make_tiny_plus(tmp_path / "plus")
    words = [
        "evaluate",
        str(heldout),
        "--mesh",
        "--objects",
        "1",
        "--metrics",
        "none",
        "--device",
        "cpu",
        *SMALL,
    ]
    assert run([*words, "--model", str(tmp_path / "plus"), "--steps", "1", "-o", str(tmp_path / "out")]) == 0
    rows = json.loads((tmp_path / "out" / "mesh.json").read_text())["rows"]
    assert any(row["method"] == "tiny-plus-v1.2" and row["IoU"] >= 0 for row in rows), capsys.readouterr().err
