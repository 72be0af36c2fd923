"""Gradio's components where ours differ: uploads that nobody opens before they are checked, errors as one sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from img2mesh.errors import Img2MeshError

class Upload(gr.Image):
    """A photo, handed on as the path of the file as it came; `service.uploads` opens it."""

    def get_block_name(self) -> str:
        """The browser's part is gradio's."""
        return "image"

    def preprocess(self, payload: Any) -> str | None:
        """The path in the cache, which gradio has checked; a picture inside of the request is not taken."""
        return None if payload is None or payload.path is None else str(payload.path)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

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
