"""Broken meshes are named rightly, made whole, or said to be beyond repair."""

import json

import numpy as np
import pytest

import img2mesh.finish.printable as printable
from img2mesh.errors import Img2MeshError
from img2mesh.finish.judge import fits, judge
from img2mesh.finish.repair import border_loops, repair
from img2mesh.mesh.textured_mesh import volume

from .shapes import ball, box, painted, table, together


def _broken() -> dict:
    """Name: mesh, the finding it must have, the volume after repair in balls of radius 20 mm (None: beyond)."""
    radius = 0.02
    vertices, faces = ball(radius)
    flipped = faces.copy()
    flipped[::7] = flipped[::7, ::-1]
    inner = (vertices * 0.5, faces)
    half = faces[vertices[faces].mean(axis=1)[:, 2] > 0]
    soup = vertices[faces].reshape(-1, 3) + np.random.default_rng(0).normal(0, 1e-11, (3 * len(faces), 3))
    return {
        "hole": ((vertices, faces[5:]), "holes", 1.0),
        "inverted": ((vertices, faces[:, ::-1]), "inside-out", 1.0),
        "flipped": ((vertices, flipped), "winding", 1.0),
        "crossing": (
            together((vertices, faces), (vertices + np.array([0.015, 0, 0]), faces)),
            "self-intersections",
            1.55,
        ),
        "void": (together((vertices, faces), (inner[0], faces[:, ::-1])), "inner-shells", 1.0),
        "shell": (together((vertices, faces), inner), "inner-shells", 1.0),
        "crumb": (together((vertices, faces), (vertices * 0.01 + [0.04, 0, 0], faces)), "crumbs", 1.0),
        "copies": ((vertices, np.concatenate([faces, faces[:9]])), "duplicates", 1.0),
        "no area": ((vertices, np.concatenate([faces, [[0, 0, 1], [2, 2, 2]]])), "degenerate", 1.0),
        "soup": ((soup, np.arange(len(soup)).reshape(-1, 3)), "holes", 1.0),
        "half": ((vertices, half), "holes", None),
        "triangle": ((vertices[:3], np.array([[0, 1, 2]])), "holes", None),
        "not a number": (
            (np.where(np.arange(len(vertices))[:, None] == 5, np.nan, vertices), faces),
            "not-finite",
            1.0,
        ),
    }


@pytest.mark.parametrize("name", _broken())
def test_broken_meshes(name, monkeypatch):
    monkeypatch.setattr(printable, "CELLS", 64)
    (vertices, faces), finding, left = _broken()[name]
    mesh = painted(np.nan_to_num(vertices), faces)
    if not np.isfinite(vertices).all():
        from dataclasses import replace

        mesh = replace(mesh, vertices=vertices[faces].reshape(-1, 3))
    assert finding in {f.name for f in judge(mesh, standing=False).findings}
    if left is None:
        with pytest.raises(Img2MeshError, match="beyond repair"):
            repair(mesh)
        return
    made, done = repair(mesh)
    assert done
    judgement = judge(made, standing=False)
    assert judgement.worst() in (None, "note"), judgement.findings
    assert volume(*made.welded()) == pytest.approx(left * volume(*ball(0.02)), rel=0.03)


def test_a_good_mesh_is_left_alone():
    mesh = painted(*box((0.03, 0.02, 0.01)))
    made, done = repair(mesh)
    assert made is mesh and done == []
    judgement = judge(mesh, (220, 220, 250))
    assert judgement.worst() is None
    figures = judgement.as_dict()
    assert figures["verdict"] == "good" and figures["closed"] and figures["fits_bed"] and figures["stable"]
    assert figures["size_mm"] == [20.0, 30.0, 10.0]  # width, depth, height
    assert figures["volume_cm3"] == pytest.approx(6.0) and figures["area_mm2"] == pytest.approx(2200)
    assert figures["euler_characteristic"] == 2
    json.dumps(figures)


def test_a_table_is_measured():
    vertices, faces = table()
    judgement = judge(painted(vertices / 1000, faces), (50, 50, 20), wall_mm=6)
    found = {f.name for f in judgement.findings}
    assert found == {"bed", "thin-walls"}
    assert judgement.figures["wall_p5_mm"] == pytest.approx(4, rel=0.05)


def test_beds():
    assert fits(np.array([200, 100, 50]), (220, 120, 250)) and fits(np.array([100, 200, 50]), (220, 120, 250))
    assert not fits(np.array([200, 130, 50]), (220, 120, 250)) and not fits(
        np.array([2, 2, 300]), (220, 120, 250)
    )


def test_border_loops():
    _, faces = ball(detail=1)
    assert border_loops(faces) == []
    loops = border_loops(faces[1:])
    assert len(loops) == 1 and set(loops[0]) == set(faces[0])
