"""What a server's workers do: the main job with everything that page and clients want of it, or its first stage."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh.core.progress import Progress
from img2mesh.jobs.item import Item
from img2mesh.jobs.pipeline_work import PipelineWork, Staging
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.mesh import TexturedMesh
    from img2mesh.result import Result
    from img2mesh.segment.cutout import Cutout
    from img2mesh.segment.photo import Photo

CUTOUT_SIDE, VIEW_SIDE = 512, 192  # pixels
NICE = 5  # the server's own process comes first, so that it answers while meshes are made


@dataclass(frozen=True)
class ServiceWork(PipelineWork):
    """The main job; beside `mesh.glb` it writes the other formats, pictures and the report (`PRODUCTS`)."""

    def load(self, settings: Settings, progress: Progress) -> Any:
        """See `PipelineWork`."""
        be_polite()
        return super().load(settings, progress)

    def write(self, item: Item, made: Result) -> tuple[dict[str, int], dict[str, Any]]:
        """See `PipelineWork`."""
        from img2mesh.exports import export
        from img2mesh.report import write_report

        with Staging(item) as staging:
            folder = staging.folder
            export(made, folder / item.output.name, item.settings, Progress())
            _pictures(made, folder)
            _other_formats(made.mesh, folder, item.settings)
            write_report(made.report, folder / "report.json")
            _tidy(folder)
            return staging.publish(), made.report


def be_polite() -> None:
    """Let other processes go first, once."""
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)


def _pictures(made: Result, folder: Path) -> None:
    """Cutout, the views as a strip, the mesh from eight sides, and what of it is photo."""
    from img2mesh.core.images import composite, contact_sheet, resize_rgba, save_png
    from img2mesh.mesh import write_mesh
    from img2mesh.preview import write_preview
    from img2mesh.preview.turntable import write_poster

    mesh, views = made.mesh, made.views.views
    if made.views.photo is not None:
        save_png(resize_rgba(made.views.photo.rgba, CUTOUT_SIDE, CUTOUT_SIDE), folder / "cutout.png")
    small = [composite(resize_rgba(view.rgba, VIEW_SIDE, VIEW_SIDE)) for view in views]
    save_png(
        contact_sheet(small, min(6, len(small)), [view.source.value for view in views]), folder / "views.png"
    )
    write_preview(mesh, folder / "preview.png")
    write_poster(mesh, folder / "poster.png", VIEW_SIDE * 2)
    if mesh.sources is not None:
        write_preview(mesh, folder / "sources.png", sources=True)
        write_mesh(replace(mesh, texture=mesh.sources), folder / "sources.glb", name="mesh")


def _other_formats(mesh: TexturedMesh, folder: Path, settings: Settings) -> None:
    """OBJ (zipped with its texture), STL, 3MF, and USDZ where the extra is installed; what a browser can show."""
    from importlib.util import find_spec

    from img2mesh.mesh import write_mesh

    write_mesh(mesh, folder / "mesh.stl", settings)
    write_mesh(mesh, folder / "mesh.3mf", settings)
    if find_spec("pxr") is not None and not (folder / "mesh.usdz").exists():
        write_mesh(mesh, folder / "mesh.usdz", settings)
    parts = write_mesh(mesh, folder / "mesh.obj", settings)
    with zipfile.ZipFile(folder / "mesh.obj.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.write(part, part.name)
            part.unlink()
    plain = settings.replace(compression="none", texture_format="png")
    if plain != settings:
        write_mesh(mesh, folder / "view.glb", plain)


def _tidy(folder: Path) -> None:
    """The page of --for ar loads its viewer from another server: not from here."""
    (folder / "mesh.html").unlink(missing_ok=True)


@dataclass(frozen=True)
class CutoutWork:
    """The first stage alone: `cutout.png` as the main job would use it, `matte.png` the whole photo with its alpha."""

    def model_key(self, settings: Settings) -> Hashable:
        """No model is kept here; the segmentation networks are loaded as they are needed."""
        return None

    def load(self, settings: Settings, progress: Progress) -> str:
        """Nothing to load."""
        be_polite()
        return "none"

    def make(self, item: Item, model: Any, progress: Progress) -> tuple[Photo, Any, Cutout]:
        """The photo, what was found in it, and the cutout."""
        from img2mesh.segment.cutout import finished_cutout
        from img2mesh.segment.find import find_object
        from img2mesh.segment.read import read_photo

        with progress.stage("segment"):
            photo = read_photo(item.photos[0].path)
            found = find_object(photo, item.settings, progress)
            return photo, found, finished_cutout(photo, found, item.settings)

    def write(self, item: Item, made: tuple[Photo, Any, Cutout]) -> tuple[dict[str, int], dict[str, Any]]:
        """See `Work`."""
        import numpy as np

        from img2mesh.core.images import save_png
        from img2mesh.report import cutout_facts, write_report

        photo, found, cutout = made
        facts = {
            "cutout": cutout_facts(cutout),
            "warnings": list(cutout.warnings),
            "full_size": photo.full_size,
        }
        with Staging(item) as staging:
            side = min(CUTOUT_SIDE, cutout.rgba.shape[0])
            save_png(cutout.resized(side), staging.folder / "cutout.png", "cutout")
            save_png(np.dstack([photo.rgb, found.alpha]), staging.folder / "matte.png", "cutout")
            write_report(facts, staging.folder / "report.json")
            return staging.publish(), facts
