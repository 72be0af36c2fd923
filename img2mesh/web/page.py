"""The page: photo, cutout, settings, progress, result. Here are its components; `page_events` gives them life."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI

from img2mesh.core.files import data_folder
from img2mesh.service.requests import available_segmenters
from img2mesh.service.service import JobService
from img2mesh.settings import PRESETS, PURPOSES, Settings
from img2mesh.web import looks, offline
from img2mesh.web.desk import Desk
from img2mesh.web.forms import FIELDS

TICK = 0.7  # seconds between two looks at a job
OFF, BOX, POINT = CLICKS = ("nothing", "two corners of a box around the object", "a point on the object")
TEXTURE, SOURCES = SHOWN = ("Textured", "Photo or guess")


def mount(app: FastAPI, service: JobService, server: Settings) -> None:
    """Put page and MCP at the root of an app that has its other routes already."""
    offline.prepare(service.store.cache)
    import gradio as gr

    offline.close_doors()
    theme = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    page = build(Desk(service, server), service.store.secret())
    page.has_launched = True  # only then does gradio refuse paths, in requests, that were not uploaded
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        max_file_size=service.limits.photo_bytes,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        mcp_server=True,
        theme=theme,
        css=looks.CSS,
        allowed_paths=[str(data_folder("examples"))],
        blocked_paths=[str(service.store.folder / name) for name in (".secret", ".lock")],
    )


def build(desk: Desk, secret: str) -> Any:
    """The page's blocks.

    Args:
        secret: with which the browser's memory of its results is signed.
    """
    import gradio as gr

    from img2mesh.web.page_events import connect
    from img2mesh.web.tools import add_tools

    with gr.Blocks(title="img2mesh", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        parts = SimpleNamespace(
            looked=gr.State(None),
            corner=gr.State(""),
            current=gr.State(""),
            shown=gr.Textbox(visible="hidden"),  # unlike a state's, its change is seen by the browser
            memory=gr.BrowserState([], storage_key="img2mesh-results", secret=secret),
            timer=gr.Timer(TICK, active=False),
        )
        gr.Markdown(looks.TITLE)
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                _photos(parts)
                _cutout(parts, desk)
            with gr.Column(scale=7, min_width=320):
                _settings(parts, desk)
                _result(parts)
        parts.trouble = gr.HTML("", elem_id="trouble")
        connect(page, parts, desk)
        add_tools(desk)
    return page


def _photos(parts: SimpleNamespace) -> None:
    import gradio as gr

    from img2mesh.web.gradio_parts import upload

    parts.photo = upload(label="1 · Photo of one object", height=320, elem_id="photo")
    example = data_folder("examples") / "mug.jpg"
    if example.is_file():
        gr.Examples([[str(example)]], [parts.photo], label="No photo at hand?", cache_examples=False)
    with gr.Accordion("More sides of the same object (optional)", open=False), gr.Row():
        names = {"left": "its own left", "right": "its own right"}
        parts.sides = [
            upload(label=names.get(side, side), height=140, min_width=140, elem_id=f"side-{side}")
            for side in FIELDS[1:]
        ]


def _cutout(parts: SimpleNamespace, desk: Desk) -> None:
    import gradio as gr

    parts.cutout = gr.Image(
        label="2 · What will be used of it",
        height=280,
        interactive=False,
        format="png",
        buttons=["fullscreen"],
        elem_id="cutout",
        elem_classes=["checks"],
    )
    parts.told = gr.Markdown("", elem_id="told")
    with gr.Accordion("Not the object? Show where it is", open=False, elem_id="correct"):
        parts.clicks = gr.Radio(list(CLICKS), value=OFF, label="A click on the photo means", elem_id="clicks")
        with gr.Row():
            parts.box = gr.Textbox(label="Box", placeholder="x,y,w,h in pixels", elem_id="box")
            parts.point = gr.Textbox(label="Point", placeholder="x,y in pixels", elem_id="point")
        parts.segmenter = gr.Dropdown(
            available_segmenters(), value=desk.server.segmenter, label="Who looks for it", elem_id="segmenter"
        )
        gr.Markdown("Or paint: **green** belongs to the object, **red** does not.")
        parts.brush = gr.ImageEditor(
            label="Brush",
            type="numpy",
            sources=(),
            transforms=(),
            layers=False,
            height=380,
            brush=gr.Brush(colors=["#00ff00", "#ff0000"], color_mode="fixed", default_size=24),
            elem_id="brush",
        )
        with gr.Row():
            parts.start_brush = gr.Button("Paint on the photo", elem_id="start-brush")
            parts.apply_brush = gr.Button("Use what I painted", elem_id="apply-brush")


def _settings(parts: SimpleNamespace, desk: Desk) -> None:
    import gradio as gr

    with gr.Group():
        parts.preset = gr.Radio(
            list(PRESETS),
            value=desk.server.preset,
            label="3 · Effort",
            info="draft: seconds; standard: a minute; high: several",
            elem_id="preset",
        )
        with gr.Row():
            parts.height = gr.Textbox(label="True height", placeholder="such as 12cm", elem_id="height")
            parts.purpose = gr.Dropdown(
                list(PURPOSES), value="none", label="What it is for", elem_id="purpose"
            )
            parts.format = gr.Dropdown(
                looks.offered(),
                value="mesh.glb",
                label="Format",
                elem_id="format",
            )
    with gr.Row():
        parts.make = gr.Button("Make the mesh", variant="primary", size="lg", elem_id="make")
        parts.cancel = gr.Button("Cancel", variant="stop", size="lg", visible=False, elem_id="cancel")
    parts.bar = gr.HTML("", elem_id="progress")


def _result(parts: SimpleNamespace) -> None:
    import gradio as gr

    with gr.Column(visible=False) as parts.result:
        parts.which = gr.Radio(list(SHOWN), value=TEXTURE, show_label=False, elem_id="which")
        parts.model = gr.Model3D(
            label="Turn and zoom",
            height=430,
            clear_color=(1.0, 1.0, 1.0, 1.0),
            elem_id="model",
        )
        parts.files = gr.HTML("", elem_id="downloads")
        with gr.Tabs():
            with gr.Tab("Eight sides"):
                parts.sheet = gr.HTML("", elem_id="sheet")
            with gr.Tab("Photo or guess"):
                gr.HTML(looks.legend())
                parts.guess = gr.HTML("", elem_id="guess")
            with gr.Tab("Views"):
                parts.strip = gr.HTML("", elem_id="views")
    parts.gallery = gr.Gallery(
        label="Your results so far",
        columns=6,
        fit_columns=False,
        height=230,
        allow_preview=False,
        format="png",
        visible=False,
        interactive=False,
        buttons=[],
        elem_id="gallery",
    )
