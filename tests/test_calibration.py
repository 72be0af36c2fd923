"""What is measured once, kept, and corrected by runs."""

import json

import pytest

from img2mesh.calibration import Calibration, cache_folder
from img2mesh.settings import Settings
from img2mesh.timing import SamplerTime
from tests.fakes import FakeModel


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """How often something was measured; in an empty cache."""
    count = {"sampler": 0, "field": 0, "speed": 0}

    def measured(name, value):
        def measure(*a, **k):
            count[name] += 1
            return value

        return measure

    monkeypatch.setenv("IMG2MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("img2mesh.timing.time_sampler", measured("sampler", SamplerTime(0.1, 0.2)))
    monkeypatch.setattr("img2mesh.timing.time_field", measured("field", 0.05))
    monkeypatch.setattr("img2mesh.timing.float32_speed", measured("speed", 100.0))
    return count


def test_a_machine_is_measured_once(asked):
    model, settings = FakeModel(), Settings.load("draft", steps=1)
    first = Calibration("cpu").stages(model, settings)
    assert Calibration("cpu").stages(model, settings) == first and set(asked.values()) == {1}
    assert Calibration("cpu", anew=True).stages(model, settings) == first and set(asked.values()) == {2}
    Calibration("cpu").stages(model, settings.replace(rays=settings.rays * 2))
    assert asked == {"sampler": 2, "field": 3, "speed": 2}, "other steps take another time"


def test_no_field_is_foretold_for_a_model_that_tells_the_solid(asked):
    model, settings = FakeModel(), Settings.load("draft", steps=1)
    with_field = Calibration("cpu").stages(model, settings)
    model.occupancy = object()
    without = Calibration("cpu").stages(model, settings)
    assert without["field"] == pytest.approx(with_field["field"] - settings.iterations * 0.05)
    assert Calibration("cpu").stages(model, settings.replace(field_fit="always")) == with_field


def test_runs_correct_the_prediction(asked):
    model, settings = FakeModel(), Settings.load("draft", steps=1)
    true = {name: 1.7 * s for name, s in Calibration("cpu").stages(model, settings).items()}
    larger = settings.replace(faces=3 * settings.faces)
    other = Calibration("cpu").stages(model, larger)
    for _ in range(3):
        calibration = Calibration("cpu")
        calibration.learn(settings, calibration.stages(model, settings), true)
    assert Calibration("cpu").stages(model, settings) == pytest.approx(true)
    assert Calibration("cpu").stages(model, larger)["mesh"] == other["mesh"], "not learned from smaller ones"
    calibration.learn(settings, calibration.stages(model, settings), {n: 100 * s for n, s in true.items()})
    assert Calibration("cpu").stages(model, settings) == pytest.approx(true), (
        "a machine that slept teaches nothing"
    )


@pytest.mark.parametrize("damage", ["", "[1, 2]", '{"float32": "fast"}', '{"float32": NaN}', "{"])
def test_a_damaged_file_is_measured_again(asked, damage):
    model, settings = FakeModel(), Settings.load("draft", steps=1)
    calibration = Calibration("cpu")
    first = calibration.stages(model, settings)
    calibration.path.write_text(damage)
    assert Calibration("cpu").stages(model, settings) == first
    assert json.loads(calibration.path.read_text())["float32"] == 100.0


def test_no_cache_is_no_fault(asked, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMG2MESH_CACHE", str(tmp_path / "file" / "below"))
    assert Calibration("cpu").stages(FakeModel(), Settings.load("draft", steps=1))


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.delenv("IMG2MESH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "img2mesh"
