"""Fixtures: a tiny text-to-image model on disk, an empty cache, no second thread."""

from __future__ import annotations

import pytest

from tests.cli.conftest import img2mesh  # noqa: F401 - a fixture
from tests.text_to_image.tiny import make_tiny_text


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Networks this small lose more to waiting threads than they gain."""
    monkeypatch.setenv("IMG2MESH_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_text(tmp_path_factory):
    """Folder of a tiny Stable Diffusion pipeline."""
    return make_tiny_text(tmp_path_factory.mktemp("text") / "tiny")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"
