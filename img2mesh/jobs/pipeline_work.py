"""What a worker does to an item: the main job, its files, and a strip of small pictures."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import PreviewFailed
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.photos.photo import Photo
    from img2mesh.result import Result

STRIP_SIDE, STRIP_VIEWS = 64, 6  # pixels of a strip's pictures, and how many show the mesh


@dataclass(frozen=True)
class PipelineWork:
    """`img2mesh.pipeline.image_to_mesh` and the writers.

    Attributes:
        shared: folder through which workers of one machine share the model's weights; None: each has its own.
    """

    shared: Path | None = None

    def model_key(self, settings: Settings) -> Hashable:
        """What `chosen_model.load_named_model` goes by."""
        names = "model device variant offline precision low_vram compile".split()
        return tuple(getattr(settings, name) for name in names)

    def load(self, settings: Settings, progress: Progress) -> Any:
        """The sampler."""
        from img2mesh.chosen_model import load_named_model
        from img2mesh.core.device import resolve_device, use_threads

        use_threads()
        device = resolve_device(settings.device)
        if self.shared is None or device != "cpu":
            return load_named_model(settings, device, progress)
        from img2mesh.models.shared_weights import load_shared

        return load_shared(
            lambda: load_named_model(settings, device, progress), self.shared, self.model_key(settings)
        )

    def make(self, item: Item, model: Any, progress: Progress) -> Result:
        """The mesh and its report."""
        from img2mesh.pipeline import image_to_mesh

        return image_to_mesh(photos_of(item), item.settings, keep=item.keep, progress=progress, model=model)

    def write(self, item: Item, made: Result) -> tuple[dict[str, int], dict[str, Any]]:
        """Everything is written into a folder of its own first, and then renamed, the mesh last."""
        with Staging(item) as staging:
            error = _draw(item, made, staging.folder)
            files = staging.publish()
        if error is not None:
            error.files, error.report = files, made.report
            raise error
        return files, made.report


def photos_of(item: Item) -> Path | list[Photo]:
    """What `image_to_mesh` is given: the only photo, or all of them with their directions."""
    if len(item.photos) == 1:
        return item.photos[0].path
    from img2mesh.photos.photo import Photo

    for picture in item.photos[1:]:
        if picture.azimuth is None and picture.elevation is None:
            raise Img2MeshError(
                f"Which side {picture.path.name} shows is not known: end its name in _back, _left, _right or _top."
            )
    return [Photo(picture.path, picture.azimuth or 0.0, picture.elevation) for picture in item.photos]


def strip(result: Result) -> bytes:
    """A WebP picture: the cutout and the mesh from six sides in a row, each 64 x 64 pixels."""
    import numpy as np
    from PIL import Image

    from img2mesh.preview.turntable import turntable_frames

    pictures = [frame[..., :3] for frame in turntable_frames(result.mesh, STRIP_VIEWS, STRIP_SIDE)]
    if result.views.photo is not None:
        cutout = Image.fromarray((result.views.photo.rgb_on_white * 255 + 0.5).astype(np.uint8))
        pictures.insert(0, np.asarray(cutout.resize((STRIP_SIDE, STRIP_SIDE), Image.Resampling.LANCZOS)))
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(pictures, axis=1)).save(stream, "WEBP", quality=55, method=4)
    return stream.getvalue()


def _draw(item: Item, made: Result, folder: Path) -> PreviewFailed | None:
    """Write mesh, preview and strip into a folder; a picture's failure is handed back."""
    from img2mesh.exports import export

    export(made, folder / item.output.name, item.settings, Progress())  # its warnings are in the report, too
    error = None
    if item.preview is not None:
        from img2mesh.preview import write_preview

        try:
            write_preview(made.mesh, folder / item.preview.name)
        except Exception as problem:
            if isinstance(problem, OSError) and problem.errno is not None:
                raise
            text = " ".join(str(problem).split()).rstrip(".")
            error = PreviewFailed(f"{item.output.name} was written, but its preview failed: {text}")
    if item.thumbnail is not None:
        try:
            (folder / f"{_THUMBNAIL}{item.thumbnail.suffix}").write_bytes(strip(made))
        except Exception as problem:  # the page does without
            if isinstance(problem, OSError) and problem.errno is not None:
                raise
    return error


_THUMBNAIL = ".strip"


class Staging:
    """A folder for unfinished files on the file system of the output."""

    def __init__(self, item: Item) -> None:
        self.item = item
        parent = item.staging or item.output.parent
        item.output.parent.mkdir(parents=True, exist_ok=True)
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=".img2mesh-", dir=parent))

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self) -> dict[str, int]:
        """Rename every file to its place; paths and sizes in bytes."""
        item, thumbnail = self.item, self.item.thumbnail
        files, moves = {}, []
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name == item.output.name):
            if path.name.startswith(_THUMBNAIL) and thumbnail is not None:
                thumbnail.parent.mkdir(parents=True, exist_ok=True)
                moves.append((path, thumbnail))
            else:
                moves.append((path, item.output.with_name(path.name)))
                files[str(moves[-1][1])] = path.stat().st_size
            _to_disk(path)
        for path, place in moves:
            if place.is_dir():
                raise Img2MeshError(f"Cannot write {place}: it is a folder.")
            os.replace(path, place)
        return files


def _to_disk(path: Path) -> None:
    """After a power failure a renamed file is whole only if its content was on the disk before its name."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
