import hashlib
import io
import urllib.error
from pathlib import Path

import numpy as np
import pytest

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import models, network, segmentation_models

FAKE = b"a very small network"


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    """No model anywhere, and `u2net` has the checksum of FAKE."""
    for variable in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME", "MODEL_CHECKSUM_DISABLED"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fake = models.Model("u2net", hashlib.md5(FAKE).hexdigest(), 320, (0.5,) * 3, (1.0,) * 3, 1)
    monkeypatch.setitem(models.MODELS, "u2net", fake)
    monkeypatch.setattr(models, "_unreachable", {})
    return tmp_path


def _put(path: Path, content=FAKE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("U2NET_HOME", "a", "a/models/u2net/u2net.onnx"),
        ("U2NET_HOME", "a", "a/u2net.onnx"),
        ("REMBG_HOME", "b", "b/models/u2net/u2net.onnx"),
        ("XDG_DATA_HOME", "c", "c/rembg/models/u2net/u2net.onnx"),
        ("XDG_DATA_HOME", "c", "c/.u2net/u2net.onnx"),
        (None, None, "home/.rembg/models/u2net/u2net.onnx"),
        (None, None, "home/.u2net/u2net.onnx"),
    ],
)
def test_rembgs_layouts(empty_home, monkeypatch, variable, value, place):
    if variable:
        monkeypatch.setenv(variable, str(empty_home / value))
    assert models.find_model("u2net") is None
    path = _put(empty_home / place)
    assert models.find_model("u2net") == path
    row = next(row for row in segmentation_models() if row["name"] == "u2net")
    assert row == {"name": "u2net", "runs_with": "onnxruntime", "found": True, "path": str(path)}


def test_wrong_checksum_is_passed_over(empty_home, monkeypatch):
    path = _put(empty_home / "home/.u2net/u2net.onnx", b"something else")
    assert models.find_model("u2net") is None
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    assert models.find_model("u2net") == path


def test_no_session_that_sends_photos_away():
    names = {row["name"] for row in segmentation_models()}
    assert {"u2net", "isnet-general-use", "u2netp", "silueta"} <= names
    assert not names & {"withoutbg", "atlascloud", "withoutbg-api"}


def _serve(monkeypatch, content):
    monkeypatch.setattr(models, "_open", lambda address: io.BytesIO(content))


def test_download_is_checked_and_lands_where_it_is_found(empty_home, monkeypatch):
    _serve(monkeypatch, FAKE)
    path = models.fetch_model("u2net", Progress())
    assert path.read_bytes() == FAKE and models.find_model("u2net") == path


def test_download_with_a_wrong_checksum_leaves_nothing(empty_home, monkeypatch):
    _serve(monkeypatch, FAKE + b"!")
    with pytest.raises(Img2MeshError, match="checksum"):
        models.fetch_model("u2net", Progress())
    assert not [p for p in (empty_home / "home").rglob("*") if p.is_file()]


def test_an_unreachable_server_is_asked_once(empty_home, monkeypatch):
    calls = []

    def refuse(address):
        calls.append(address)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(models, "_open", refuse)
    for _ in range(2):
        with pytest.raises(Img2MeshError, match="no route to host"):
            models.fetch_model("u2net", Progress())
    assert len(calls) == 1 and calls[0].startswith("https://")


def test_network_input_and_answer_have_rembgs_numbers():
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[..., 0] = 128  # the largest value: becomes 1
    model = models.MODELS["u2net"]
    values = network.network_input(rgb, model)
    assert values.shape == (1, 3, 320, 320) and values.dtype == np.float32
    np.testing.assert_allclose(
        values[0, :, 5, 5], [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], 1e-6
    )
    answer = np.full((1, 1, 320, 320), -3.0, np.float32)
    answer[..., 160:] = 5.0
    mask = network.mask_from_answer(answer, 60, 40)
    assert mask.shape == (40, 60) and mask[20, 10] == 0 and mask[20, 50] == 255
    assert not network.mask_from_answer(np.ones((1, 1, 8, 8)), 6, 4).any()


def test_a_file_that_is_no_network(tmp_path):
    path = tmp_path / "u2net.onnx"
    path.write_bytes(FAKE)
    with pytest.raises(Img2MeshError, match="onnxruntime cannot load"):
        network.predict_mask(np.zeros((32, 32, 3), np.uint8), "u2net", path)


def test_rembg_missing_is_one_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rembg", None)
    with pytest.raises(Img2MeshError, match=r"img2mesh\[rembg\]"):
        network.rembg_mask(np.zeros((32, 32, 3), np.uint8), "birefnet-general")
