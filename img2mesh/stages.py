"""The stages of a run: each does one thing, times itself and keeps its product where that is wanted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh.chosen_model import load_named_model, sees_body
from img2mesh.core.device import check_address_space, resolve_device, use_threads
from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.core.shape import Shape
from img2mesh.core.view import Source, ViewSet
from img2mesh.outputs import check_outputs, kept_outputs
from img2mesh.report import Recorder, photo_psnr, run_report
from img2mesh.result import Result
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.calibration import Calibration
    from img2mesh.mesh import TexturedMesh
    from img2mesh.models.sampler import Sampler
    from img2mesh.photos.photo import Photo
    from img2mesh.photos.place import PlacedPhotos
    from img2mesh.segment import Cutout
    from img2mesh.segment.read import Source as PhotoSource

Directions = Sequence[tuple[float | None, float]]


class Stages:
    """One run.

    Args:
        settings: None: the preset `standard`.
        progress: listener; None: silent.
        keep: folder for every stage's product, or None.

    Attributes:
        seconds: wall time of each stage that was done.
        predicted: what `predict` foretold, if it did, after what had been taken by then (`start`).
    """

    def __init__(
        self, settings: Settings | None, progress: Progress | None = None, keep: str | Path | None = None
    ) -> None:
        self.settings = settings or Settings.load()
        self.progress = Recorder(progress or Progress())
        self.keep = None if keep is None else Path(keep)
        self.seconds: dict[str, float] = {}
        self.predicted: dict[str, float] | None = None
        self.calibration: Calibration | None = None
        self.start = self.progress.begin()
        check_address_space()
        self.device = resolve_device(self.settings.device)
        self.threads = use_threads()
        self._shipped: Sampler | None = None
        self._cut = 0  # photos cut out so far

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note the wall time of a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)

    def check_kept(self, photo: PhotoSource) -> None:
        """None of the stages' products may take the place of the photo.

        Raises:
            Img2MeshError: one of them would.
        """
        if self.keep is not None and isinstance(photo, (str, Path)):
            check_outputs(kept_outputs(self.keep, self.settings.views), [photo], overwrite=True)

    def segment(self, photo: PhotoSource) -> Cutout:
        """The object alone."""
        from img2mesh.segment import segment_photo

        with self.timed("segment"):
            cutout = segment_photo(photo, self.settings, self.progress)
        for warning in cutout.warnings:
            self.progress.warn(warning)
        if self.keep is not None:
            name = "cutout.png" if not self._cut else f"cutout-{self._cut}.png"
            save_png(cutout.rgba, self.keep / name, "cutout")
        self._cut += 1
        return cutout

    def load(self, model: Sampler | None = None) -> Sampler:
        """The model that the settings name, unless one is given; the settings take over its defaults."""
        if model is None:
            with self.timed("load model"):
                model = load_named_model(self.settings, self.device, self.progress)
        self.settings = self.settings.for_model(model)
        return model

    def predict(self, model: Sampler) -> None:
        """Say how long the rest will take, from the model's own pace on this machine."""
        from img2mesh.calibration import Calibration
        from img2mesh.timing import sentence

        with self.timed("predict"):
            self.calibration = Calibration(self.device)
            stages = self.calibration.stages(model, self.settings, self._sparing())
        self.predicted = {"start": time.perf_counter() - self.start, **stages}
        self.progress.note(sentence(self.predicted))

    def learn(self) -> None:
        """Let the next prediction be nearer to what this run took."""
        if self.calibration is not None and self.predicted is not None:
            taken = {name: self.seconds.get(name, 0.0) for name in self.predicted}
            taken["views"] += self.seconds.get("refine views", 0.0)
            self.calibration.learn(self.settings, self.predicted, taken)

    @staticmethod
    def sees_body(model: Sampler) -> bool:
        """Whether the model comes with an occupancy network, as the shipped one does."""
        return sees_body(model)

    @staticmethod
    def sharp(views: ViewSet) -> bool:
        """Whether the sampler knew what it drew; else renders of the shape are the better views."""
        from img2mesh.views.picture_detail import sharp

        return sharp(views.views)

    def predict_views(self, model: Sampler, directions: Directions | None) -> None:
        """The same where only views are wanted."""
        from img2mesh.calibration import Calibration
        from img2mesh.timing import seconds_of_views, sentence
        from img2mesh.views.orbit import views_to_draw

        views = self.settings.views
        if directions is not None:
            views = views_to_draw(list(directions), self.settings, model)
        with self.timed("predict"):
            sampler = Calibration(self.device).sampler(model, self.settings, views)
        self.progress.note(sentence({"views": seconds_of_views(self.settings, views, sampler)}))

    def draw(self, cutout: Cutout, model: Sampler, directions: Directions | None = None) -> ViewSet:
        """The photo and what the sampler draws, around the object or from the directions asked for."""
        from img2mesh.views import generate_views, synthesize_at

        with self.timed("views"):
            if directions is None:
                return generate_views(cutout, model, self.settings, self.progress, self._sparing())
            return synthesize_at(cutout, model, list(directions), self.settings, self.progress)

    def _sparing(self) -> bool:
        """Whether views that no mesh depends on need not be drawn: nobody keeps them, nothing learns from them."""
        settings = self.settings
        return self.keep is None and settings.field_fit != "always" and not settings.consistency

    def refine(self, views: ViewSet) -> ViewSet:
        """Drawn views made sharper by what the occupancy network sees in the photo; others as they are."""
        from img2mesh.shape.view_refinement import refine_views

        with self.timed("refine views"):
            views = refine_views(views, self.settings.symmetry)
        return self._kept_views(views)

    def place(self, photos: Sequence[Photo], cutouts: Sequence[Cutout], model: Sampler) -> PlacedPhotos:
        """Where several photos of the object were taken from."""
        from img2mesh.photos.place import place_photos

        with self.timed("place photos"):
            guesses = [self._guesser(model).guess(cutout.resized()) for cutout in cutouts]
            return place_photos(photos, cutouts, guesses, self.settings.photo_weight, self.progress)

    def _guesser(self, model: Sampler) -> Sampler:
        """The model, or the shipped one where it does not tell a solid from a photo."""
        if not self.sees_body(model):
            if self._shipped is None:
                self._shipped = load_named_model(self.settings.replace(model="mini"), "cpu", self.progress)
            return self._shipped
        return model

    def place_turn(self, cutouts: Sequence[Cutout], clockwise: bool | None = None) -> ViewSet:
        """Photos of one turn of a turntable as views at known cameras."""
        from img2mesh.photos.turntable import turntable_views

        with self.timed("place photos"):
            views = turntable_views(cutouts, clockwise, self.progress)
        return self._kept_views(views)

    def place_scan(self, photos: Sequence[PhotoSource], cutouts: Sequence[Cutout]) -> ViewSet:
        """Hand-held photos from all round as views at the cameras that COLMAP finds."""
        from img2mesh.photos.structure_from_motion import scanned_views

        with self.timed("place photos"):
            views = scanned_views(photos, cutouts, self.progress)
        for warning in views.facts["warnings"]:
            self.progress.warn(warning)
        return self._kept_views(views)

    def draw_unseen(self, placed: PlacedPhotos, cutouts: Sequence[Cutout], model: Sampler) -> ViewSet:
        """The photos, and what the sampler draws of the sides that none of them shows."""
        from img2mesh.photos.draw import draw_unseen

        with self.timed("views"):
            chosen = [cutouts[k] for k in placed.kept]
            views = draw_unseen(placed, chosen, model, self.settings, self.progress)
        return self._kept_views(views)

    def shape_from_photos(self, views: ViewSet, placed: PlacedPhotos) -> Shape:
        """The shape of several photos."""
        from img2mesh.photos.reconstruct import shape_from_photos

        with self.timed("field"):
            shape = shape_from_photos(views, placed.witnesses, self.settings, self.progress, self.device)
        return self._kept(shape)

    def load_views(self, source: str | Path) -> ViewSet:
        """Views from a folder with a transforms.json, or from that file."""
        from img2mesh.views import load_views

        with self.timed("load views"):
            views = load_views(source)
        for warning in views.facts.get("warnings", ()):
            self.progress.warn(warning)
        return views

    def shape_from_photo(self, views: ViewSet) -> Shape:
        """The shape of a photo and drawn views."""
        from img2mesh.shape.reconstruct import shape_from_photo

        with self.timed("field"):
            return self._kept(shape_from_photo(views, self.settings, self.progress, self.device))

    def shape_from_views(self, views: ViewSet) -> Shape:
        """The shape of given views."""
        from img2mesh.multiview.reconstruct import shape_from_views

        with self.timed("field"):
            return self._kept(shape_from_views(views, self.settings, self.progress, self.device))

    def _kept_views(self, views: ViewSet) -> ViewSet:
        if self.keep is not None:
            from img2mesh.views import save_views

            save_views(views, self.keep / "views")
        return views

    def _kept(self, shape: Shape) -> Shape:
        if self.keep is not None:
            from img2mesh.field.grid_file import save_grid

            save_grid(shape.field, self.keep / "field.npz")
        return shape

    def mesh(self, shape: Shape) -> TexturedMesh:
        """The textured mesh of a shape."""
        from img2mesh.finish import source_faces
        from img2mesh.mesh import build_mesh, write_mesh

        with self.timed("mesh"):
            dense = self.settings.replace(faces=source_faces(self.settings))
            mesh = build_mesh(shape, dense, self.progress)
        if self.keep is not None:
            write_mesh(mesh, self.keep / "mesh.glb", self.settings)
            if mesh.sources is not None:
                save_png(mesh.sources, self.keep / "sources.png", "sources")
        return mesh

    def render(self, mesh: TexturedMesh, views: ViewSet, directions: Directions | None, size: int) -> ViewSet:
        """The photo, and the mesh seen from the directions (None: one ring), all of them `size` pixels square."""
        from img2mesh.preview.shape_views import views_of_mesh

        with self.timed("render"):
            return views_of_mesh(mesh, views, directions, size, self.progress)

    def result(self, mesh: TexturedMesh, shape: Shape, cutout: Cutout | None = None) -> Result:
        """The mesh, finished for its purpose, with a report of the whole run."""
        from img2mesh.finish import finish_mesh

        views = shape.views
        with self.timed("check"):
            photos = [view for view in views.views if view.source is Source.PHOTO]
            shown = [photo_psnr(mesh, photo) for photo in photos]
        with self.timed("finish"):
            finished = finish_mesh(mesh, self.settings, self.progress)
        for warning in finished.warnings:
            self.progress.warn(warning)
        self.learn()
        run: dict[str, Any] = {
            "device": self.device,
            "threads": self.threads,
            "predicted_seconds": self.predicted,
        }
        run["seconds"] = {**self.seconds, "total": round(time.perf_counter() - self.start, 3)}
        run["photos_psnr_db"] = shown
        report = run_report(self.settings, run, cutout, shape, mesh, finished, self.progress)
        return Result(finished.mesh, views, report, finished.levels)
