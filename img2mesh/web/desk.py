"""What the page's buttons do, without any of its components: a look at the cutout, corrections, jobs."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.service.job import CUTOUT, DONE, Job
from img2mesh.service.limits import NotFound
from img2mesh.service.requests import settings_of
from img2mesh.service.service import JobService
from img2mesh.service.uploads import Upload, check_photo
from img2mesh.settings import Settings
from img2mesh.web.forms import FRONT, accepted

_PATIENCE = 240.0  # seconds for a cutout, those that wait before it included
_STROKE = 96  # of 255: alpha and difference of colours from which a brush stroke counts
_DIM = 0.25  # brightness of what is cut away, where the brush is offered


@dataclass(frozen=True)
class Look:
    """A cutout as the page shows it.

    Attributes:
        cutout: picture of the object alone; matte: of the whole photo with its alpha.
        told: sentences; the first says who found the object, and how sure that is.
        corrected: whether the user said where the object is, so that the matte stands for the photo.
    """

    cutout: str
    matte: str
    told: tuple[str, ...]
    corrected: bool


class Desk:
    """The page's side of a service.

    Args:
        server: settings that requests start from.
    """

    def __init__(self, service: JobService, server: Settings) -> None:
        self.service, self.server = service, server

    def look(self, photo: str | Path, segmenter: str = "auto", box: str = "", point: str = "") -> Look:
        """Cut the object out.

        Raises:
            Img2MeshError: no photo, or nothing is found in it.
        """
        data = Path(photo).read_bytes()
        return self._look(data, {"segmenter": segmenter, "box": box, "point": point}, bool(box or point))

    def brush(self, look: Look, layers: list[Any]) -> Look:
        """Strokes over the photo: green belongs to the object, red does not.

        Args:
            layers: pictures (h, w, 4) uint8 of the strokes, of the matte's shape but perhaps of another size.
        """
        with Image.open(look.matte) as image:
            matte = np.asarray(image.convert("RGBA")).copy()
        height, width = matte.shape[:2]
        for layer in layers:
            strokes = Image.fromarray(np.asarray(layer, np.uint8)).convert("RGBA")
            values = np.asarray(strokes.resize((width, height), Image.Resampling.NEAREST)).astype(int)
            drawn = values[..., 3] >= _STROKE
            greener = values[..., 1] - values[..., 0]
            matte[..., 3][drawn & (greener >= _STROKE)] = 255
            matte[..., 3][drawn & (-greener >= _STROKE)] = 0
        stream = io.BytesIO()
        Image.fromarray(matte, "RGBA").save(stream, "PNG", compress_level=3)
        return self._look(stream.getvalue(), {"segmenter": "alpha"}, True)

    def canvas(self, look: Look) -> np.ndarray:
        """(H, W, 3) uint8: the photo to draw on, dark where it is cut away."""
        with Image.open(look.matte) as image:
            matte = np.asarray(image.convert("RGBA")).astype(np.float32)
        share = _DIM + (1 - _DIM) * matte[..., 3:] / 255
        return (matte[..., :3] * share + 0.5).astype(np.uint8)

    def submit(self, photos: dict[str, str | None], look: Look | None, wishes: dict[str, Any]) -> Job:
        """Queue a mesh.

        Args:
            photos: files by field (`web.forms.FIELDS`).
            look: of the front; where it was corrected, its matte takes the photo's place.
            wishes: settings as in a request; empty values are left out.
        """
        data = {field: Path(path).read_bytes() for field, path in photos.items() if path}
        wishes = {name: value for name, value in wishes.items() if value not in ("", None)}
        if look is not None and look.corrected and FRONT in data:
            data[FRONT] = Path(look.matte).read_bytes()
            wishes["segmenter"] = "auto"  # which goes by the alpha channel where there is one
        return self.service.submit(accepted(data, self.service.limits), settings_of(wishes, self.server))

    def job(self, number: str | None) -> Job | None:
        """The job, if it still exists."""
        try:
            return self.service.status(number) if number else None
        except NotFound:
            return None

    def file(self, job: Job, *names: str) -> str | None:
        """The first of these files that the job has."""
        name = next((name for name in names if name in job.files), None)
        return None if name is None else str(self.service.result(job.id, name))

    def _look(self, data: bytes, wishes: dict[str, Any], corrected: bool) -> Look:
        suffix = check_photo(data, self.service.limits)
        settings = settings_of({k: v for k, v in wishes.items() if v}, self.server)
        job = self.service.submit([Upload(data, suffix)], settings, CUTOUT)
        job = self.service.wait(job.id, _PATIENCE)
        if job.state != DONE:
            self.service.cancel(job.id)
            raise Img2MeshError(job.error or "The cutout took too long.")
        facts = json.loads(self.service.result(job.id, "report.json").read_text())["cutout"]
        sure = f"found by `{facts['method']}`, {100 * facts['confidence']:.0f} % sure"
        said = [text for text in job.said if text[:1].isupper()]
        cutout, matte = (str(self.service.result(job.id, name)) for name in ("cutout.png", "matte.png"))
        return Look(cutout, matte, (f"The object was {sure}.", *said), corrected)
