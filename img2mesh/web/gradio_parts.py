"""Gradio's components where ours differ: uploads that nobody opens before they are checked, errors as one sentence."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.utils import get_upload_folder

from img2mesh.errors import Img2MeshError
from img2mesh.web import looks


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
    """What is wrong with a program's wish is told it in the one sentence."""

    @functools.wraps(function)
    def careful(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Img2MeshError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return careful


def told(
    function: Callable, count: int, quiet: bool = False, instead: tuple[Any, ...] | None = None
) -> Callable:
    """A function that answers with one value more: what is wrong with a wish, in the program's one sentence.

    Args:
        count: values that the function itself answers with.
        quiet: nobody asked for it, so that what was told before stays.
        instead: the values where it fails; otherwise all stay as they are.
    """
    same = tuple(gr.skip() for _ in range(count)) if instead is None else instead

    @functools.wraps(function)
    def careful(*arguments: Any) -> Any:
        try:
            made = function(*arguments)
        except Img2MeshError as error:
            return *same, looks.passing(str(error))
        except Exception:
            traceback.print_exc()
            return *same, looks.passing("That failed; the server's log says why.")
        return *(made if count > 1 else (made,)), gr.skip() if quiet else ""

    return careful


def wire(
    event: Callable,
    function: Callable,
    inputs: Any,
    outputs: list,
    place: Any,
    quiet: bool = False,
    instead: tuple[Any, ...] | None = None,
    **options: Any,
) -> Any:
    """Let an event call a function of the page; none of them is part of the API.

    The answer comes with the call, not through gradio's queue: there an event that begins in the moment in which the
    stream of answers closes is never answered. Gradio shows no errors of such calls, hence `place`. The jobs have a
    queue of their own.

    Args:
        place: component that shows what went wrong.
        Others: as for `told`.
    """
    options = {
        "api_visibility": "private",
        "queue": False,
        **({"show_progress": "hidden"} if quiet else {}),
        **options,
    }
    return event(told(function, len(outputs), quiet, instead), inputs, [*outputs, place], **options)
