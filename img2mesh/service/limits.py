"""What one user may cost the others, and the machine."""

from __future__ import annotations

from dataclasses import dataclass

from img2mesh.errors import Img2MeshError


@dataclass(frozen=True)
class Limits:
    """Bounds of a server.

    Attributes:
        queue: jobs that may wait.
        seconds: of one job, the loading of the model aside.
        cutout_seconds: of a cutout that is made for a look at it.
        days: that results are kept.
        photo_bytes: of one uploaded file.
        photo_pixels: width times height, read from the file's head before anything is decoded.
        photos: of one object.
    """

    queue: int = 32
    seconds: float = 1800.0
    cutout_seconds: float = 120.0
    days: float = 7.0
    photo_bytes: int = 32_000_000
    photo_pixels: int = 64_000_000
    photos: int = 6

    @property
    def request_bytes(self) -> int:
        """Of a whole request: all photos, and some room for the rest."""
        return self.photos * self.photo_bytes + 1_000_000


class QueueFull(Img2MeshError):
    """No more jobs can wait.

    Attributes:
        retry_after: seconds after which there may be room.
    """

    def __init__(self, waiting: int, retry_after: float) -> None:
        super().__init__(f"{waiting} jobs are waiting already: try again later.")
        self.retry_after = max(1, round(retry_after))


class NotFound(Img2MeshError):
    """No such job, or none of its files has that name."""


class NotReady(Img2MeshError):
    """The job has not ended, or ended without what was asked for."""


class TooLarge(Img2MeshError):
    """More bytes, pixels or photos than `Limits` allows."""


class NotAPhoto(Img2MeshError):
    """The bytes are no photo of a kind that is read here."""
