"""Gradio without its ways to other servers: no telemetry, no fonts, no address fetched for a stranger."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from img2mesh.errors import Img2MeshError


def prepare(cache: Path) -> None:
    """Before gradio is imported.

    Args:
        cache: folder for what browsers upload and are shown.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(cache)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)


def close_doors() -> None:
    """After it: a request may name an address where a file is meant, and gradio would fetch that itself."""
    from gradio import processing_utils, routes

    for name in ("save_url_to_cache", "ssrf_protected_download", "unsafe_download"):
        setattr(processing_utils, name, _refuse)
    for name in ("async_ssrf_protected_download", "async_ssrf_protected_get"):
        setattr(processing_utils, name, _refuse_later)
    routes.secure_url_stream_response = _refuse_later


def _refuse(*arguments: Any, **named: Any) -> Any:
    raise Img2MeshError("This server fetches nothing from other servers.")


async def _refuse_later(*arguments: Any, **named: Any) -> Any:
    _refuse()
