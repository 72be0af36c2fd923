"""The report's helpers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.report import Recorder, assumptions, photo_psnr, plain, versions, write_report
from tests.fakes import ball


def test_plain_makes_json_of_anything(tmp_path):
    odd = {
        "a": np.float32(1.5),
        "b": np.arange(3),
        "c": float("nan"),
        "d": (1, math.inf),
        3: None,
        "e": np.bool_(True),
        "f": tmp_path,
    }
    assert plain(odd) == {
        "a": 1.5,
        "b": [0, 1, 2],
        "c": None,
        "d": [1, None],
        "3": None,
        "e": True,
        "f": str(tmp_path),
    }
    write_report(odd, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["b"] == [0, 1, 2]


def test_versions_name_what_decides_the_result():
    assert {"img2mesh", "python", "torch", "numpy"} <= set(versions())


def test_recorder_keeps_each_warning_once_and_shares_times():
    inner = Progress()
    recorder = Recorder(inner)
    recorder.warn("careful")
    recorder.warn("careful")
    with recorder.stage("work", 3) as step:
        step()
    assert recorder.warnings == ["careful"] and recorder.seconds is inner.seconds and "work" in inner.seconds


def test_front_psnr_of_the_mesh_with_its_own_picture_is_high_and_falls_with_error():
    from img2mesh.preview import render_mesh

    mesh, camera = ball(), orbit_camera(20.0, 0.0)
    picture = render_mesh(mesh, camera, background=None)
    assert photo_psnr(mesh, View(picture, camera, Source.PHOTO)) > 35
    shifted = picture.copy()
    shifted[..., :3] = np.clip(picture[..., :3].astype(int) + 25, 0, 255)
    expected = -20 * math.log10(25 / 255)
    assert photo_psnr(mesh, View(shifted, camera, Source.PHOTO)) == pytest.approx(expected, abs=1.0)
    picture[..., 3] = 0
    assert photo_psnr(mesh, View(picture, camera, Source.PHOTO)) is None


def test_how_sure_a_guessed_elevation_is_stands_among_what_was_assumed():
    facts = {"elevation_deg": 23.0, "elevation_confidence": None, "elevation_deviation_deg": 6.4}
    found = assumptions(ViewSet((), facts), {})
    assert found["elevation_deg"] == 23.0 and found["elevation_deviation_deg"] == 6.4
    assert assumptions(ViewSet(()), {})["elevation_deviation_deg"] is None
