"""How the page looks: styles, the bar of progress, pictures and downloads of a result."""

from __future__ import annotations

import html
import time
from importlib.util import find_spec

from img2mesh.service.job import CANCELLED, DONE, FAILED, QUEUED, Job

FORMATS = {
    "mesh.glb": "GLB",
    "mesh.obj.zip": "OBJ",
    "mesh.stl": "STL",
    "mesh.3mf": "3MF",
    "mesh.usdz": "USDZ",
    "report.json": "Report",
}
STAGES = {
    "begin": "starting",
    "load model": "loading the model",
    "segment": "cutting the object out",
    "place photos": "placing the photos",
    "elevation": "finding the camera",
    "views": "drawing other views",
    "shape": "finding the shape",
    "fit field": "fitting shape and colours",
    "mesh": "extracting the surface",
    "unwrap": "unwrapping",
    "texture": "painting the texture",
    "base": "cutting the base",
    "solid": "making it solid",
    "bake": "baking details",
    "write": "writing files and previews",
}
TITLE = (
    "# img2mesh\nA photo of an object becomes a textured 3D mesh. Everything happens on this computer; "
    "nothing is sent anywhere."
)
CSS = """
.gradio-container { max-width: min(1280px, 100vw) !important; min-width: 0 !important; margin: 0 auto !important; }
@media (max-width: 640px) { .gradio-container main { padding: .75rem !important; } }
.bar { height: .75rem; border-radius: .4rem; overflow: hidden; background: var(--border-color-primary); }
.bar > div { height: 100%; background: var(--color-accent); transition: width .4s; }
.told { display: flex; justify-content: space-between; gap: 1rem; margin: 0 0 .35rem; flex-wrap: wrap; }
.failed { color: var(--error-text-color, #b91c1c); font-weight: 600; }
#trouble p { position: fixed; z-index: 50; left: 50%; bottom: 1rem; transform: translateX(-50%); margin: 0;
  width: min(40rem, calc(100vw - 2rem)); padding: .75rem 1rem; border-radius: .4rem; box-shadow: 0 .2rem 1rem #0004;
  background: var(--background-fill-primary); border: 1px solid currentColor; }
.downloads { display: flex; flex-wrap: wrap; gap: .5rem; }
.downloads a { padding: .5rem 1rem; border-radius: .4rem; text-decoration: none; font-weight: 600;
  background: var(--button-secondary-background-fill); color: var(--button-secondary-text-color); }
.downloads a.first { background: var(--button-primary-background-fill); color: var(--button-primary-text-color); }
.shot { width: 100%; height: auto; border-radius: .4rem; background: #fff; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: center; }
.legend b { font-weight: inherit; white-space: nowrap; }
.legend span { width: 1rem; height: 1rem; border-radius: .2rem; display: inline-block; }
.said { margin: .6rem 0 0; font-size: .9rem; opacity: .85; }
#gallery .grid-wrap { padding-top: 2.25rem; }
.checks img { background: repeating-conic-gradient(#ddd 0% 25%, #fff 0% 50%) 0 0 / 20px 20px; }
footer { display: none !important; }
"""


def offered() -> list[tuple[str, str]]:
    """Names and files of the formats that can be written here."""
    return [
        (label, name)
        for name, label in FORMATS.items()
        if name.startswith("mesh") and (name != "mesh.usdz" or find_spec("pxr") is not None)
    ]


def progress_bar(job: Job | None) -> str:
    """HTML for how far a job is; empty before there is one."""
    if job is None:
        return ""
    if job.state == FAILED:
        return trouble(job.error or "It failed.")
    if job.state == CANCELLED:
        return '<p role="status">Cancelled.</p>'
    if job.state == DONE:
        took = (job.ended or 0) - (job.started or job.created)
        return f'<p role="status">Done in {in_words(took)}.{_said(job)}</p>'
    if job.state == QUEUED:
        what = "Waiting for a worker" if not job.ahead else f"Waiting: {job.ahead} before this one"
    else:
        what = STAGES.get(job.stage, job.stage or "starting")
        what = what[:1].upper() + what[1:]
    left = ""
    if job.expected_end is not None:
        seconds = job.expected_end - time.time()
        left = f"about {in_words(seconds)} left" if seconds >= 1 else "longer than expected"
    percent = round(100 * job.share)
    return (
        f'<p class="told" role="status"><span>{html.escape(what)}</span><span>{percent} % · {left}</span></p>'
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}">'
        f'<div style="width:{percent}%"></div></div>'
    )


def _said(job: Job) -> str:
    """Warnings worth reading: what was predicted is past."""
    texts = [text for text in job.said if text[:1].isupper()]
    return "".join(f'<p class="said">{html.escape(text)}</p>' for text in texts[-4:])


def trouble(sentence: str) -> str:
    """HTML that says what went wrong."""
    return f'<p class="failed" role="alert">{html.escape(sentence)}</p>'


def passing(sentence: str) -> str:
    """The same, over the page for a while; the animation has a new name each time, else it would not begin anew."""
    name = f"passing{time.monotonic_ns()}"
    return (
        f"<style>@keyframes {name} {{ to {{ opacity: 0; visibility: hidden; }} }}</style>"
        f'<p class="failed" role="alert" style="animation: {name} .5s 20s forwards">{html.escape(sentence)}</p>'
    )


def downloads(job: Job, wanted: str = "mesh.glb") -> str:
    """HTML: a link per file that there is, the wanted one first."""
    names = sorted((name for name in FORMATS if name in job.files), key=lambda name: name != wanted)
    links = [
        f'<a class="{"first" if name == wanted else ""}" href="v1/jobs/{job.id}/{name}" download="{name}">'
        f"{FORMATS[name]} <small>{size_in_words(job.files[name])}</small></a>"
        for name in names
    ]
    return f'<div class="downloads">{"".join(links)}</div>'


def legend() -> str:
    """HTML: what the colours of the map of sources mean."""
    from img2mesh.mesh.texture import DRAWN, FILL, MIRRORED, OTHER, PALETTE, PHOTO

    means = {
        PHOTO: "your photo",
        OTHER: "your other photos",
        MIRRORED: "guessed: its mirror image",
        DRAWN: "guessed: drawn by the model",
        FILL: "guessed: colours continued",
    }
    spots = [
        f'<b><span style="background:rgb{tuple(PALETTE[name])}"></span> {text}</b>'
        for name, text in means.items()
    ]
    return f'<p class="legend">{" ".join(spots)}</p>'


def picture(job: Job, name: str, what: str) -> str:
    """HTML: one of the job's pictures."""
    if name not in job.files:
        return "<p>There is no such picture of this one.</p>"
    return f'<img class="shot" src="v1/jobs/{job.id}/{name}" alt="{html.escape(what)}">'


def in_words(seconds: float) -> str:
    """Such as `40 s` or `3 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def size_in_words(count: int) -> str:
    """Such as `1.2 MB`."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{max(1, count // 1000)} kB"
