"""The main job: segment, synthesize views, fit a field, make a mesh. The command line is a shell over it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh.core.device import peak_memory_mb, resolve_device, use_threads
from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.outputs import check_outputs, kept_outputs
from img2mesh.report import Recorder, front_psnr, plain, versions
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.mesh import TexturedMesh
    from img2mesh.models.sampler import Sampler
    from img2mesh.segment import Cutout
    from img2mesh.segment.read import Source


@dataclass(frozen=True, eq=False)
class Result:
    """What a run made: the mesh (`img2mesh.mesh.write_mesh` writes it), the views, the report's values."""

    mesh: TexturedMesh
    views: ViewSet
    report: dict[str, Any]


def image_to_mesh(
    photo: Source,
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> Result:
    """One photo of an object to a textured mesh.

    Args:
        photo: a path, bytes, an open binary file, a Pillow picture or an array (`img2mesh.segment.read_photo`).
        settings: default: the preset `standard`.
        keep: folder for every stage's product: cutout.png, views/, field.npz, mesh.glb.
        progress: listener; silent by default.
        model: a model loaded before, to be used again; default: the one the settings name.

    Raises:
        Img2MeshError: bad input, in one sentence.
    """
    run = _Run(settings or Settings.load(), progress)
    if keep is not None and isinstance(photo, (str, Path)):
        check_outputs(kept_outputs(Path(keep), run.settings.views), [photo], overwrite=True)
    cutout = run.segment(photo, keep)
    model = run.load(model)
    run.predict(model)
    views = run.synthesize(cutout, model, keep)
    del model  # its memory serves the field, unless the caller holds it too
    return run.finish(views, keep, cutout)


def synthesize_views(
    photo: Source,
    settings: Settings | None = None,
    *,
    directions: Sequence[tuple[float | None, float]] | None = None,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> ViewSet:
    """The photo and views of its object from other cameras, the photo first.

    Args:
        directions: (elevation or None for the photo's own, azimuth) in degrees of each view; default: the
            plan of the main job. `img2mesh.views.orbit.ring_directions` makes whole rings.
        Others: as for `image_to_mesh`.
    """
    from img2mesh.views.orbit import synthesize_at, views_to_draw

    run = _Run(settings or Settings.load(), progress)
    cutout = run.segment(photo, keep)
    model = run.load(model)
    if directions is None:
        run.predict_views(model, run.settings.views)
        return run.synthesize(cutout, model, keep)
    run.predict_views(model, views_to_draw(list(directions), run.settings, model))
    with run.timed("views"):
        return synthesize_at(cutout, model, list(directions), run.settings, run.progress)


def reconstruct(
    source: str | Path | ViewSet,
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Views at known cameras to a textured mesh.

    Args:
        source: a folder with a transforms.json (`img2mesh.views.load_views`), or views in memory.
    """
    from img2mesh.views import load_views

    run = _Run(settings or Settings.load(), progress)
    if isinstance(source, ViewSet):
        views = source
    else:
        with run.timed("load views"):
            views = load_views(source)
        for warning in views.facts.get("warnings", ()):
            run.progress.warn(warning)
    return run.finish(views, keep, None)


def load_named_model(settings: Settings, device: str, progress: Progress) -> Sampler:
    """The model that the settings name, on a device; `image_to_mesh(model=...)` uses it again and again."""
    from img2mesh.models import load_model

    return load_model(
        settings.model,
        device=device,
        variant=settings.variant,
        offline=settings.offline,
        progress=progress,
        precision=settings.precision,
        low_vram=settings.low_vram,
        compile=settings.compile,
    )


class _Run:
    """The stages of one run and their times."""

    def __init__(self, settings: Settings, progress: Progress | None) -> None:
        self.settings = settings
        self.progress = Recorder(progress or Progress())
        self.seconds: dict[str, float] = {}
        self.start = time.perf_counter()
        self.device = resolve_device(settings.device)
        self.threads = use_threads()
        self.predicted: dict[str, float] | None = None

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)

    def segment(self, photo: Source, keep: str | Path | None) -> Cutout:
        from img2mesh.segment import segment_photo

        with self.timed("segment"):
            cutout = segment_photo(photo, self.settings, self.progress)
        for warning in cutout.warnings:
            self.progress.warn(warning)
        if keep is not None:
            save_png(cutout.rgba, Path(keep) / "cutout.png", "cutout")
        return cutout

    def load(self, model: Sampler | None) -> Sampler:
        if model is None:
            with self.timed("load model"):
                model = load_named_model(self.settings, self.device, self.progress)
        self.settings = self.settings.for_model(model)
        return model

    def predict(self, model: Sampler) -> None:
        """Say how long the rest will take, from the model's own pace on this machine."""
        from img2mesh.timing import float32_speed, seconds_per_stage, sentence, time_field, time_sampler

        with self.timed("predict"):
            sampler, step = time_sampler(model, self.settings), time_field(self.settings, self.device)
            self.predicted = seconds_per_stage(self.settings, sampler, step, float32_speed())
        self.progress.note(sentence(self.predicted))

    def predict_views(self, model: Sampler, views: int) -> None:
        """The same where only views are wanted."""
        from img2mesh.timing import seconds_of_views, sentence, time_sampler

        with self.timed("predict"):
            sampler = time_sampler(model, self.settings, views)
        self.progress.note(sentence({"views": seconds_of_views(self.settings, views, sampler)}))

    def synthesize(self, cutout: Cutout, model: Sampler, keep: str | Path | None) -> ViewSet:
        from img2mesh.views import generate_views, save_views

        with self.timed("views"):
            views = generate_views(cutout, model, self.settings, self.progress)
        if keep is not None:
            save_views(views, Path(keep) / "views")
        return views

    def finish(self, views: ViewSet, keep: str | Path | None, cutout: Cutout | None) -> Result:
        from img2mesh.field import fit_field
        from img2mesh.mesh import build_mesh, mesh_report, write_mesh

        if not views.views:
            raise Img2MeshError("There are no views to reconstruct from.")
        with self.timed("field"):
            field = fit_field(views, self.settings, self.progress, self.device)
        if keep is not None:
            _save_field(field, Path(keep))
        with self.timed("mesh"):
            mesh = build_mesh(field, views, self.settings, self.progress)
        if keep is not None:
            write_mesh(mesh, Path(keep) / "mesh.glb", self.settings)
        with self.timed("check"):
            psnr = front_psnr(mesh, views.photo) if views.photo is not None else None
            mesh_facts = mesh_report(mesh, self.settings)
        facts = dict(views.facts)
        warnings = [*self.progress.warnings]
        told = (facts.pop("warnings", ()), facts.pop("model_warnings", ()), field.facts.get("warnings", ()))
        for found in told:
            warnings += [warning for warning in found if warning not in warnings]
        report = {
            "settings": self.settings.as_dict(),
            "versions": versions(),
            "device": self.device,
            "threads": self.threads,
            "seed": self.settings.seed,
            "model": facts.get("model"),
            "licence_of_the_weights": facts.get("licence"),
            "weights": facts.get("weights"),
            "variant": facts.get("variant"),
            "precision": facts.get("precision"),
            "segmentation": cutout.method if cutout is not None else None,
            "elevation_deg": facts.get("elevation_deg"),
            "elevation_confidence": facts.get("elevation_confidence"),
            "views": {"number": len(views.views), **facts},
            "field": {k: v for k, v in field.facts.items() if k != "warnings"},
            "mesh": mesh_facts,
            "front_psnr_db": psnr,
            "seconds": {**self.seconds, "total": round(time.perf_counter() - self.start, 3)},
            "predicted_seconds": self.predicted,
            "stages": {k: round(v, 3) for k, v in self.progress.seconds.items()},
            "peak_memory_mb": peak_memory_mb(),
            "warnings": warnings,
        }
        return Result(mesh, views, plain(report))


def _save_field(field: Any, folder: Path, resolution: int = 64) -> None:
    """The field as data that any program reads: signed distance and colour on a grid (`field.npz`)."""
    import numpy as np

    from img2mesh.core.files import atomic_file

    low, high = np.asarray(field.bounds, dtype=np.float64)
    axes = [np.linspace(low[i], high[i], resolution) for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)
    shape = (resolution,) * 3
    sdf = np.asarray(field.sdf(points), dtype=np.float32).reshape(shape)
    colour = np.asarray(field.colour(points)).reshape(*shape, 3)
    with atomic_file(folder / "field.npz") as temporary:
        colour_bytes = np.round(np.clip(colour, 0, 1) * 255).astype(np.uint8)
        np.savez_compressed(temporary, img2mesh=1, bounds=np.stack([low, high]), sdf=sdf, colour=colour_bytes)
