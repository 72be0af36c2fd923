"""The JSON that says what a run did, with what, for how long, and how well the result fits the photo."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.files import atomic_file
from img2mesh.core.marks import MARK
from img2mesh.core.progress import Progress

if TYPE_CHECKING:
    from img2mesh.core.shape import Shape
    from img2mesh.core.view import View, ViewSet
    from img2mesh.finish import Finished
    from img2mesh.mesh import TexturedMesh
    from img2mesh.segment import Cutout
    from img2mesh.settings import Settings

_PACKAGES = (
    "numpy",
    "torch",
    "diffusers",
    "transformers",
    "onnxruntime",
    "trimesh",
    "xatlas",
    "fast-simplification",
)


class Recorder(Progress):
    """Passes everything on to another listener and remembers the warnings, each once."""

    def __init__(self, inner: Progress) -> None:
        super().__init__()
        self.inner = inner
        self.seconds = inner.seconds
        self.warnings: list[str] = []

    def begin(self) -> float:
        return self.inner.begin()

    def note(self, text: str) -> None:
        self.inner.note(text)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self.inner.warn(text)

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[..., None]]:
        with self.inner.stage(name, total) as step:
            yield step


def run_report(
    settings: Settings,
    run: dict[str, Any],
    cutout: Cutout | None,
    shape: Shape,
    mesh: TexturedMesh,
    finished: Finished,
    progress: Recorder,
) -> dict[str, Any]:
    """All that is written down of a run, as plain values.

    Args:
        run: device, threads, seconds, predicted_seconds, photos_psnr_db (`photo_psnr` of each photo, the front first).
        mesh, finished: as it was built, and as it is for its purpose.
        progress: the run's, which kept its stages' times and its warnings.
    """
    from img2mesh.core.device import peak_memory_mb
    from img2mesh.mesh import mesh_report

    mesh_facts = mesh_report(finished.mesh, settings)
    mesh_facts.update({key: value for key, value in mesh.facts.items() if key not in mesh_facts})
    facts = dict(shape.views.facts)
    stored = [*facts.pop("warnings", ()), *facts.pop("model_warnings", ())]
    report = {
        "settings": settings.as_dict(),
        "versions": versions(),
        "device": run["device"],
        "threads": run["threads"],
        "seed": settings.seed,
        "model": facts.get("model"),
        "licence_of_the_weights": facts.get("licence"),
        "weights": facts.get("weights"),
        "variant": facts.get("variant"),
        "precision": facts.get("precision"),
        "segmentation": cutout.method if cutout is not None else None,
        "cutout": cutout_facts(cutout),
        "elevation_deg": facts.get("elevation_deg"),
        "elevation_confidence": facts.get("elevation_confidence"),
        "assumed": assumptions(shape.views, mesh_facts),
        "views": {"number": len(shape.views.views), **facts},
        "field": shape.diagnostics,
        "mesh": mesh_facts,
        "finish": finished.facts,
        "front_psnr_db": next(iter(run["photos_psnr_db"]), None),
        "photos_psnr_db": run["photos_psnr_db"],
        "seconds": run["seconds"],
        "predicted_seconds": run["predicted_seconds"],
        "stages": {k: round(v, 3) for k, v in progress.seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
        "warnings": list(dict.fromkeys([*progress.warnings, *stored])),
    }
    return plain(report)


def versions() -> dict[str, str]:
    """Versions of ourselves, Python and the packages that decide the result."""
    from img2mesh import __version__

    found = {"img2mesh": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cutout_facts(cutout: Cutout | None) -> dict[str, Any] | None:
    """How the object was found, how sure that is (0..1), and what was done to the photo's values."""
    if cutout is None:
        return None
    return {
        "method": cutout.method,
        "confidence": cutout.confidence,
        "doubtful": cutout.doubtful,
        "notes": list(cutout.notes),
    }


def assumptions(views: ViewSet, mesh_facts: dict[str, Any]) -> dict[str, Any]:
    """What was assumed of the object that no photo shows.

    Returns:
        `symmetry`: the plane and its score (`shape.symmetry.symmetry_facts`); `elevation_deg` of the photo's camera and
        `elevation_confidence`, or where a network guessed it `elevation_deviation_deg`, its standard deviation, and
            None for the other; `hollow`: share of what lies between the front and the back of the guessed body that is
            empty, None where none was guessed;
        `guessed_surface`: share of the texture that the photo does not show, 0..1.
    """
    hollow = None
    if views.body is not None:
        from img2mesh.shape.threshold import guessed_solid

        inside = guessed_solid(views.body).occupancy > 1  # (D, H, W), from the photo's camera away
        span = np.maximum.accumulate(inside) & np.maximum.accumulate(inside[::-1])[::-1]
        hollow = round(float((span & ~inside).sum() / max(int(span.sum()), 1)), 3)
    share = mesh_facts.get("photo_share")
    return {
        "symmetry": views.facts.get("symmetry"),
        "elevation_deg": views.facts.get("elevation_deg"),
        "elevation_confidence": views.facts.get("elevation_confidence"),
        "elevation_deviation_deg": views.facts.get("elevation_deviation_deg"),
        "hollow": hollow,
        "guessed_surface": None if share is None else round(1 - share, 4),
    }


def photo_psnr(mesh: TexturedMesh, photo: View) -> float | None:
    """How well the mesh, seen from the photo's camera, repeats the photo: dB inside the photo's mask.

    Both are composited on white at the size of the small cutout (256 x 256); the mask is alpha above 0.5; the
    mean square error is over pixels and channels in sRGB. None if the mask is empty; 99 at most.
    """
    from img2mesh.preview import render_mesh

    picture = render_mesh(mesh, photo.camera, background=(255, 255, 255))
    rendered = picture[..., :3].astype(np.float64) / 255
    inside = photo.mask > 0.5
    if not inside.any():
        return None
    error = float(np.mean((rendered - photo.rgb_on_white)[inside] ** 2))
    return round(min(99.0, -10 * math.log10(max(error, 1e-10))), 2)


def plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts only: numpy values unpacked, NaN and infinity as None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)


def write_report(report: dict[str, Any], path: str | Path) -> None:
    """Write the report as indented JSON, whole or not at all."""
    from img2mesh import __version__

    with atomic_file(path) as temporary:
        marked = {MARK: __version__, **plain(report)}
        text = json.dumps(marked, indent=2, allow_nan=False, ensure_ascii=False)
        # a file name with bytes that are no text becomes an escape, which JSON has too
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
