"""One object for options, TOML and report: every value is checked, every source counts in its order."""

import dataclasses
from types import SimpleNamespace

import pytest

from img2mesh.core.files import data_folder
from img2mesh.errors import Img2MeshError
from img2mesh.quantities import parse_elevation, parse_height
from img2mesh.settings import PRESETS, Settings, read_toml


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_load_and_name_themselves(preset):
    settings = Settings.load(preset)
    assert settings.preset == preset
    for key, value in read_toml(data_folder("configs") / f"{preset}.toml").items():
        assert settings.as_dict()[key] == value


def test_standard_preset_equals_the_defaults():
    assert Settings.load("standard") == Settings()


def test_later_sources_win(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("preset = 'draft'\nviews = 9\nfaces = 500\n")
    settings = Settings.load(config=path, faces=700, seed=None)
    assert (settings.preset, settings.views, settings.faces, settings.seed) == ("draft", 9, 700, 0)
    assert Settings.load("high", path).texture_size == Settings.load("high").texture_size


def test_settings_are_frozen_and_round_trip():
    settings = Settings(elevations=(0, 20), seed=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 4
    assert Settings(**settings.as_dict()) == settings
    assert settings.replace(seed=5).seed == 5 and settings.seed == 3


def test_every_setting_has_help():
    for item in dataclasses.fields(Settings):
        assert item.metadata["help"]


@pytest.mark.parametrize(
    "values, words",
    [
        ({"views": -3}, "views must lie between"),
        ({"views": 10**6}, "views must lie between"),
        ({"views": 4.5}, "whole number"),
        ({"views": "many"}, "views must be a number"),
        ({"views": True}, "views must be a number"),
        ({"guidance": float("nan")}, "finite"),
        ({"guidance": float("inf")}, "finite"),
        ({"seed": -1}, "seed must lie"),
        ({"device": "tpu"}, "device must be one of"),
        ({"preset": "best"}, "preset must be one of"),
        ({"elevation": "nan"}, "between -90 and 90"),
        ({"elevation": "91"}, "between -90 and 90"),
        ({"elevation": "up"}, "auto or degrees"),
        ({"elevations": ()}, "at least one"),
        ({"elevations": (0, 120)}, "elevations must lie"),
        ({"height": "12"}, "with a unit"),
        ({"height": "-3cm"}, "with a unit"),
        ({"height": "0cm"}, "with a unit"),
        ({"offline": "yes"}, "true or false"),
        ({"consistency": 1.5}, "between 0 and 1"),
        ({"consistency": 0.5, "parity": "original"}, "must be 0 with parity"),
    ],
)
def test_wrong_values_are_one_sentence(values, words):
    with pytest.raises(Img2MeshError, match=words) as caught:
        Settings(**values)
    assert "\n" not in str(caught.value)


def test_unknown_keys_and_broken_files(tmp_path):
    with pytest.raises(Img2MeshError, match="Unknown setting 'veiws'"):
        Settings.load(veiws=3)
    with pytest.raises(Img2MeshError, match="Unknown preset"):
        Settings.load("ultra")
    with pytest.raises(Img2MeshError, match="No such configuration"):
        Settings.load(config=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("views = = 3")
    with pytest.raises(Img2MeshError, match="not valid TOML"):
        Settings.load(config=tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Img2MeshError, match="Cannot read"):
        Settings.load(config=tmp_path / "binary.toml")


@pytest.mark.parametrize(
    "text, metres", [("12cm", 0.12), ("3 in", 0.0762), ("2.5m", 2.5), (".5mm", 5e-4), ("", None)]
)
def test_heights(text, metres):
    assert parse_height(text) == (None if metres is None else pytest.approx(metres))


def test_elevations():
    assert parse_elevation("auto") is None
    assert parse_elevation("-12.5") == -12.5


def test_the_model_fills_in_steps_and_guidance():
    model = SimpleNamespace(default_steps=6, default_guidance=1.5)
    assert Settings.load("draft").for_model(model).steps == 3
    assert Settings.load("high").for_model(model).steps == 12
    assert Settings.load("high").for_model(SimpleNamespace(default_steps=1, default_guidance=1.0)).steps == 1
    filled = Settings(steps=5, guidance=2.0).for_model(model)
    assert (filled.steps, filled.guidance) == (5, 2.0)
    assert filled.for_model(SimpleNamespace(default_steps=99, default_guidance=9)) == filled
