"""What happens on the page when somebody does something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr

from img2mesh.errors import Img2MeshError
from img2mesh.service.job import DONE, Job
from img2mesh.web import looks
from img2mesh.web.desk import Desk, Look
from img2mesh.web.forms import FIELDS
from img2mesh.web.gradio_parts import shown, wire
from img2mesh.web.page import BOX, OFF, POINT, SOURCES, TEXTURE

NOTHING = (None, None, "")  # is seen
KEPT = 24  # results that a browser remembers


def connect(page: Any, parts: SimpleNamespace, desk: Desk) -> None:
    """Wire the components of a page."""
    do = Events(desk)
    p = parts
    seen = [p.looked, p.cutout, p.told]
    where = [p.photo, p.segmenter, p.box, p.point]
    slow: dict[str, Any] = {"show_progress_on": p.cutout}
    controls = [p.timer, p.make, p.cancel]

    def on(event: Callable, function: Callable, inputs: list, outputs: list, **options: Any) -> Any:
        return wire(event, function, inputs, outputs, p.trouble, **options)

    on(
        p.photo.change,
        do.first_look,
        [p.photo, p.segmenter],
        [*seen, p.box, p.point, p.corner, p.clicks],
        instead=(*NOTHING, "", "", "", OFF),
        **slow,
    )
    on(
        p.photo.select,
        do.click,
        [p.photo, p.segmenter, p.clicks, p.corner],
        [*seen, p.box, p.point, p.corner],
        **slow,
    )
    for changed in (p.segmenter.input, p.box.submit, p.point.submit):
        on(changed, do.look, where, seen, **slow)
    on(p.start_brush.click, do.canvas, [p.looked], [p.brush])
    on(p.apply_brush.click, do.drawn, [p.looked, p.brush], seen, **slow)
    wishes = [p.preset, p.height, p.purpose, p.segmenter]
    started = [p.current, p.memory, *controls, p.bar]
    given = [p.looked, p.memory, *wishes, p.photo, *p.sides]
    on(p.make.click, do.submit, given, started, show_progress="hidden")
    on(p.timer.tick, do.tick, [p.current], [p.bar, *controls, p.shown], quiet=True)
    on(p.cancel.click, do.stop, [p.current], [p.bar], show_progress="hidden")
    shows = [p.result, p.which, p.files, p.sheet, p.guess, p.strip, p.gallery]
    ready = on(p.shown.change, do.show, [p.shown, p.format, p.memory], shows, quiet=True)
    # The viewer stays empty if its mesh comes while it is still being put on the page.
    on(ready.then, do.mesh_file, [p.shown, p.which], [p.model], quiet=True)
    on(p.which.input, do.mesh_file, [p.shown, p.which], [p.model])
    on(p.format.input, do.links, [p.shown, p.format], [p.files], show_progress="hidden")
    on(p.gallery.select, do.choose, [p.memory], [p.shown], show_progress="hidden")
    on(page.load, do.come_back, [p.memory], [p.current, *controls, p.bar, p.shown], quiet=True)


@dataclass(frozen=True)
class Events:
    """The functions behind the page's components; each returns the new values of its outputs."""

    desk: Desk

    def first_look(self, path: str | None, segmenter: str) -> tuple[Any, ...]:
        """A new photo: what was said of the last one does not count any more."""
        return *self.look(path, segmenter, "", ""), "", "", "", OFF

    def look(self, path: str | None, segmenter: str, box: str, point: str) -> tuple[Any, ...]:
        """Cut out as asked for."""
        if not path:
            return NOTHING
        return _seen(self.desk.look(path, segmenter, box.strip(), point.strip()))

    def click(
        self, path: str | None, segmenter: str, meaning: str, corner: str, event: gr.SelectData
    ) -> tuple[Any, ...]:
        """On the photo: a point, or the first or second corner of a box."""
        x, y = (int(value) for value in event.index)
        same = gr.skip()
        if meaning == POINT:
            return *self.look(path, segmenter, "", f"{x},{y}"), "", f"{x},{y}", ""
        if meaning == BOX and not corner:
            return same, same, f"First corner at {x},{y}: now click the opposite one.", same, same, f"{x},{y}"
        if meaning == BOX:
            a, b = (int(part) for part in corner.split(","))
            box = f"{min(a, x)},{min(b, y)},{abs(a - x)},{abs(b - y)}"
            return *self.look(path, segmenter, box, ""), box, "", ""
        return same, same, same, same, same, ""

    def canvas(self, seen: Look | None) -> dict[str, Any]:
        """The photo for the brush."""
        if seen is None:
            raise Img2MeshError("Choose a photo first.")
        return {"background": self.desk.canvas(seen), "layers": [], "composite": None}

    def drawn(self, seen: Look | None, strokes: dict[str, Any] | None) -> tuple[Any, ...]:
        """The cutout with the brush's strokes."""
        layers = [layer for layer in (strokes or {}).get("layers") or [] if layer is not None]
        if seen is None or not layers:
            raise Img2MeshError("Draw on the photo first.")
        return _seen(self.desk.brush(seen, layers))

    def submit(
        self,
        seen: Look | None,
        known: list[str] | None,
        preset: str,
        height: str,
        use: str,
        segmenter: str,
        *paths: Any,
    ) -> tuple[Any, ...]:
        """A new job."""
        if not paths[0]:
            raise Img2MeshError("Choose a photo first.")
        wishes = {"preset": preset, "height": height.strip(), "for": use, "segmenter": segmenter}
        job = self.desk.submit(dict(zip(FIELDS, paths, strict=True)), seen, wishes)
        return job.id, [job.id, *(known or [])][:KEPT], *_controls(True), looks.progress_bar(job)

    def tick(self, number: str) -> tuple[Any, ...]:
        """How far it is."""
        job = self.desk.job(number)
        if job is not None and not job.over:
            return looks.progress_bar(job), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        ready = number if job is not None and job.state == DONE else gr.skip()
        return looks.progress_bar(job), *_controls(False), ready

    def stop(self, number: str) -> str:
        """Cancel."""
        if self.desk.job(number) is not None:
            self.desk.service.cancel(number)
        return '<p role="status">Cancelling …</p>'

    def mesh_file(self, number: str, which: str) -> str | None:
        """For the viewer."""
        job = self.desk.job(number)
        first = ["sources.glb"] if which == SOURCES else []
        return None if job is None else shown(self.desk.file(job, *first, "view.glb", "mesh.glb"))

    def links(self, number: str, name: str) -> str:
        """To all files, the wanted format first."""
        job = self.desk.job(number)
        return "" if job is None else looks.downloads(job, name)

    def show(self, number: str, name: str, known: list[str] | None) -> tuple[Any, ...]:
        """A result, and the gallery with it."""
        job = self.desk.job(number)
        pictures = [(shown(self.desk.file(each, "poster.png")), "") for each in self._done(known)]
        gallery = gr.Gallery(value=pictures, visible=bool(pictures))
        if job is None:
            return gr.Column(visible=False), *[gr.skip()] * 5, gallery
        return (
            gr.Column(visible=True),
            TEXTURE,
            looks.downloads(job, name),
            looks.picture(job, "preview.png", "the mesh from eight sides, with its texture and as clay"),
            looks.picture(
                job, "sources.png", "the mesh from eight sides, coloured by where its texture is from"
            ),
            looks.picture(job, "views.png", "the photo and the views that were drawn of it"),
            gallery,
        )

    def choose(self, known: list[str] | None, event: gr.SelectData) -> Any:
        """A picture of the gallery."""
        done = self._done(known)
        index = event.index if isinstance(event.index, int) else -1
        return done[index].id if 0 <= index < len(done) else gr.skip()

    def come_back(self, known: list[str] | None) -> tuple[Any, ...]:
        """A browser finds its running job again, or its last result."""
        jobs = [job for number in known or [] if (job := self.desk.job(number)) is not None]
        going = next((job for job in jobs if not job.over), None)
        done = self._done(known)
        number = done[0].id if done else ""
        return going.id if going else "", *_controls(going is not None), looks.progress_bar(going), number

    def _done(self, known: list[str] | None) -> list[Job]:
        jobs = [job for number in known or [] if (job := self.desk.job(number)) is not None]
        return [job for job in jobs if job.state == DONE and "poster.png" in job.files]


def _seen(look: Look) -> tuple[Any, ...]:
    """Values of the cutout's components."""
    return look, shown(look.cutout), "\n\n".join(look.told)


def _controls(running: bool) -> tuple[Any, ...]:
    """Timer, and the buttons to begin and to cancel."""
    return gr.Timer(active=running), gr.Button(interactive=not running), gr.Button(visible=running)
