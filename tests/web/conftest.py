"""Skips the room where the extra [web] is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

if find_spec("fastapi") is None or find_spec("gradio") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def small_photo() -> bytes:
    from tests.service.hostile import picture

    return picture("JPEG")
