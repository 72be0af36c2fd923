"""`img2mesh check` and `img2mesh repair`."""

import json

import pytest

from img2mesh.mesh import write_mesh
from img2mesh.settings import Settings
from tests.fakes import ball
from tests.finish.shapes import ball as sphere
from tests.finish.shapes import box, painted


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vertices, faces = sphere(0.02)
    write_mesh(painted(*box((0.03, 0.02, 0.01))), "good.glb")
    write_mesh(painted(vertices, faces[5:]), "hole.stl")
    write_mesh(painted(vertices, faces[:300]), "lost.stl")
    write_mesh(ball(), "mug.3mf", Settings(height="10cm", ground=True))
    return tmp_path


def test_text_and_exit_codes(img2mesh, files):
    outcome = img2mesh("check", "good.glb")
    assert outcome.code == 0 and "good.glb: good" in outcome.out and "20 x 30 x 10 mm" in outcome.out
    outcome = img2mesh("check", "good.glb", "hole.stl")
    assert outcome.code == 1 and "[holes]" in outcome.out
    assert img2mesh("check", "hole.stl", "--fail-on", "never").code == 0
    assert img2mesh("check", "mug.3mf").code == 0
    assert img2mesh("check", "mug.3mf", "--fail-on", "warning").code == 1
    assert "does not fit" in img2mesh("check", "mug.3mf", "--bed", "50x50x50").out


def test_json(img2mesh, files):
    (files / "broken.stl").write_bytes(b"solid nothing")
    outcome = img2mesh("check", "--json", "good.glb", "hole.stl", "broken.stl")
    rows = json.loads(outcome.out)
    assert outcome.code == 1 and [row["verdict"] for row in rows] == ["good", "error", "unreadable"]
    assert rows[1]["findings"][0]["name"] == "holes" and rows[0]["volume_cm3"] == pytest.approx(6)


def test_repair(img2mesh, files):
    outcome = img2mesh("repair", "hole.stl", "-o", "whole.3mf")
    assert outcome.code == 0 and "holes were filled" in outcome.out
    assert img2mesh("check", "whole.3mf").code == 0
    outcome = img2mesh("repair", "lost.stl", "-o", "found.stl")
    assert outcome.code == 1 and "beyond repair" in outcome.out and not (files / "found.stl").exists()
    outcome = img2mesh("repair", "good.glb", "-o", "same.glb")
    assert outcome.code == 0 and "Nothing was wrong" in outcome.out
    assert img2mesh("repair", "good.glb", "-o", "good.glb").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["check", "none.stl"],
        ["check", "photo.png"],
        ["check", "good.glb", "--fail-on", "sometimes"],
        ["check", "good.glb", "--bed", "large"],
        ["repair", "good.glb", "-o", "a.fbx"],
    ],
)
def test_bad_input_is_one_sentence(img2mesh, files, words):
    (files / "photo.png").write_bytes(b"x")
    outcome = img2mesh(*words)
    assert outcome.code == 2 and outcome.err.startswith("error: ") and outcome.err.count("\n") == 1
