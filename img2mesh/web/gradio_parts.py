"""Gradio's components where ours differ: uploads that nobody opens before they are checked, errors as one sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.utils import get_upload_folder

from img2mesh.errors import Img2MeshError


def upload(**options: Any) -> gr.Image:
    """A photo, handed on as the path of the file as it came: gradio would open it before anything is checked."""
    made = gr.Image(type="filepath", image_mode=None, sources=["upload", "clipboard"], buttons=[], **options)
    made.preprocess = _path  # a subclass would make gradio write a stub file beside this one
    return made


def _path(payload: Any) -> str | None:
    """In the cache, where gradio makes sure it is; a picture inside of the request is not taken."""
    return None if payload is None or payload.path is None else str(payload.path)


def shown(path: str | None) -> str | None:
    """A copy in the cache, which browsers may read; the results' own folder is not open to them."""
    if path is None:
        return None
    return processing_utils.save_file_to_cache(path, cache_dir=get_upload_folder())


def explained(function: Callable) -> Callable:
    """What is wrong with a wish is shown on the page in the program's one sentence."""

    @functools.wraps(function)
    def careful(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Img2MeshError as error:
            raise gr.Error(
                str(error), duration=12, print_exception=False, title="That did not work"
            ) from None

    return careful


def wire(event: Callable, function: Callable, inputs: Any, outputs: Any, **options: Any) -> Any:
    """Let an event call a function of the page; none of them is part of the API."""
    return event(explained(function), inputs, outputs, api_visibility="private", **options)
