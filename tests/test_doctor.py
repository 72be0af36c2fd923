"""The doctor's findings and predictions."""

from __future__ import annotations

import numpy as np
import pytest

from img2mesh import doctor
from img2mesh.settings import PRESETS, Settings
from img2mesh.timing import SamplerTime, float32_speed, in_words, seconds_per_stage, sentence, time_sampler
from tests.models.tiny import make_tiny


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
    monkeypatch.setattr("img2mesh.models.registry.find_cached", lambda entry: None)
    found = doctor.examine(Settings(model="mini"))
    assert any("weights" in fault for fault in found.faults)


def test_the_command_exits_1_exactly_if_there_are_faults(capsys):
    from img2mesh.cli import run

    code = run(["doctor"])
    out = capsys.readouterr().out
    assert code == (1 if "FAULT" in out else 0)
    assert ("img2mesh can run." in out) == (code == 0)


def test_predictions_grow_with_the_work_and_shrink_with_speed():
    pace, step = SamplerTime(0.05, 0.1), 0.05
    totals = [
        sum(seconds_per_stage(Settings.load(preset, steps=8), pace, step, 100.0).values())
        for preset in PRESETS
    ]
    assert totals == sorted(totals)
    standard = Settings.load("standard", steps=8, elevation="20")
    stages, quicker = (seconds_per_stage(standard, pace, step, speed) for speed in (100.0, 200.0))
    assert quicker["mesh"] == pytest.approx(stages["mesh"] / 2**0.5) and quicker["views"] == stages["views"]
    assert quicker["field"] > standard.iterations * step, "steps were timed on this machine, whatever the CPU"
    assert stages["views"] == pytest.approx(standard.views * (standard.steps * 0.05 + 0.1))
    searched = seconds_per_stage(standard.replace(elevation="auto"), pace, step, 100.0)
    assert searched["views"] > stages["views"], "the elevation has to be found first"
    assert "views" in sentence(stages)


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "about 5 s"), (42, "about 45 s"), (600, "about 10 min"), (9000, "about 2.5 h")]
)
def test_in_words(seconds, words):
    assert in_words(seconds) == words


def test_the_sampler_is_timed_without_changing_what_it_draws(tmp_path):
    from img2mesh.models import load_model

    model = load_model(str(make_tiny(tmp_path / "mini")), device="cpu")
    photo = np.full((256, 256, 4), 200, dtype=np.uint8)
    pose = np.array([[0.1, 0.0, 1.0, 0.0]], dtype=np.float32)
    before = model.sample(photo, pose, steps=2, guidance=1.5, seed=3)
    pace = time_sampler(model, Settings())
    assert 0 < pace.evaluation < 60 and 0 < pace.decoding < 60
    np.testing.assert_array_equal(before, model.sample(photo, pose, steps=2, guidance=1.5, seed=3))
    assert float32_speed(seconds=0.02) > 0.1
