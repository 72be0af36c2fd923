"""The doctor's findings and predictions."""

from __future__ import annotations

import pytest

from img2mesh import doctor
from img2mesh.predict import Speed, in_words, seconds_per_stage
from img2mesh.settings import PRESETS, Settings


def test_it_lists_packages_devices_extras_weights_and_models():
    lines = "\n".join(doctor.examine(Settings()).lines)
    for word in (
        "torch",
        "cpu",
        "memory",
        "cuda",
        "extra rembg",
        "extra tinycudann",
        "weights mini",
        "segmenter",
    ):
        assert word in lines


def test_a_missing_package_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "CORE", (("no_such_module_here", "no-such-package"),))
    found = doctor.examine(Settings())
    assert any("no-such-package" in fault for fault in found.faults)


def test_missing_weights_are_a_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "data_folder", lambda name: tmp_path)
    monkeypatch.setattr("img2mesh.zero123.registry.find_cached", lambda entry: None)
    found = doctor.examine(Settings(model="mini"))
    assert any("weights" in fault for fault in found.faults)


def test_the_command_exits_1_exactly_if_there_are_faults(capsys):
    from img2mesh.cli import run

    code = run(["doctor"])
    out = capsys.readouterr().out
    assert code == (1 if "FAULT" in out else 0)
    assert ("img2mesh can run." in out) == (code == 0)


def test_predictions_grow_with_the_work_and_shrink_with_speed():
    slow, fast = Speed(50, 50, "cpu", "bfloat16"), Speed(500, 100, "cpu", "bfloat16")
    totals = [sum(seconds_per_stage(Settings.load(preset), fast, "mini").values()) for preset in PRESETS]
    assert totals == sorted(totals)
    standard = Settings.load("standard")
    for stage, seconds in seconds_per_stage(standard, slow, "mini").items():
        assert seconds >= seconds_per_stage(standard, fast, "mini")[stage] > 0
    mini = seconds_per_stage(standard, fast, "mini")["views"]
    assert seconds_per_stage(standard, fast, "full")["views"] > 5 * mini


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "about 5 s"), (42, "about 45 s"), (600, "about 10 min"), (9000, "about 2.5 h")]
)
def test_in_words(seconds, words):
    assert in_words(seconds) == words


def test_the_measured_speed_is_plausible():
    speed = Speed.measure("cpu", seconds=0.02)
    assert 0.1 < speed.field < 1e5 and 0.1 < speed.sampler < 1e6
