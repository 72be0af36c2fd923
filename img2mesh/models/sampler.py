"""What the rest of the program knows of a sampler: a photo goes in, pictures from known cameras come out.

Two kinds stand behind it: `sampler.Zero123` draws any view whose direction from the photo is given, whatever the
photo's elevation; `plus.Zero123Plus` draws six fixed views at elevations above the horizon, whatever the
photo's. Whoever asks gets `Drawn`, which says where its pictures were taken from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from img2mesh.core.camera import FOV_DEG, IMAGE_SIZE, Camera, orbit_camera
from img2mesh.models.pose_embedding import demo_pose

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

    from img2mesh.models.occupancy import Guess


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures of one object and their cameras, as far as they are known without the photo's elevation.

    Attributes:
        rgba: (n, S, S, 4) uint8, straight alpha.
        directions: (n, 2) float64 degrees: elevation, azimuth relative to the photo's.
        absolute: whether the elevations are above the horizon; otherwise they are relative to the photo's.
        distance, fov_deg: of every picture's camera.
        background: None where alpha is the mask; else alpha is 255 everywhere and the object stands on this
            colour, three values in 0..255.
        meetings: what making them agree found, for the report (`views.agreement`).
    """

    rgba: np.ndarray
    directions: np.ndarray
    absolute: bool
    distance: float
    fov_deg: float
    background: tuple[int, int, int] | None = None
    meetings: tuple[dict[str, float], ...] = ()

    def elevations(self, photo_elevation_deg: float) -> np.ndarray:
        """(n,) degrees above the horizon."""
        return self.directions[:, 0] + (0.0 if self.absolute else photo_elevation_deg)

    def cameras(self, photo_elevation_deg: float) -> list[Camera]:
        """The pictures' cameras in a world where the photo was taken from azimuth 0 and this elevation."""
        size = self.rgba.shape[1]
        return [
            orbit_camera(float(elevation), float(azimuth), self.distance, self.fov_deg, size)
            for elevation, azimuth in zip(
                self.elevations(photo_elevation_deg), self.directions[:, 1], strict=True
            )
        ]

    def photo_camera(self, photo_elevation_deg: float, size: int) -> Camera:
        """The photo's camera, `size` pixels square.

        A sampler of relative views draws as if the photo's camera were like theirs. One of absolute views accepts
        photos of any field of view and framing: its own is then as good a guess as any, and the distance is the
        one from which the photo's frame shows about what the pictures' frames show.
        """
        if not self.absolute:
            return orbit_camera(photo_elevation_deg, 0.0, self.distance, self.fov_deg, size)
        shown = self.distance * np.tan(np.radians(self.fov_deg / 2)) / np.tan(np.radians(FOV_DEG / 2))
        return orbit_camera(photo_elevation_deg, 0.0, float(shown), FOV_DEG, size)


class Agreement(Protocol):
    """What makes the views of one run agree while they are drawn (`views.agreement`)."""

    def steps(self, count: int, cost: float = 0.0) -> frozenset[int]:
        """After which of `count` denoising steps, numbered from 0, it wants to see the predictions.

        `cost` is how many steps take the time of decoding and encoding them once.
        """
        ...

    def __call__(self, pictures: Tensor, done: float) -> Tensor:
        """What to add to the clean pictures (n, 3 or 4, S, S) in about [-1, 1] that are predicted for all views.

        Colours are on the model's background, a fourth channel is alpha. `done` is the share of the steps so far.
        """
        ...


class Sampler(Protocol):
    """What a loaded model offers.

    Attributes:
        name, licence, weights, variant, warnings: for the report.
        default_steps, default_guidance: what the model's makers recommend.
        input_size: side in pixels of the photo that `draw` likes best.
        fixed_views: how many views it draws if it always draws the same ones, 0 if it draws what is asked for.
        distance, fov_deg: of the cameras it draws for.
        lowest_deg: elevation of the lowest cameras that it learned from.
        device, dtype: where it computes and in which format.
    """

    @property
    def name(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def weights(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def default_steps(self) -> int: ...
    @property
    def default_guidance(self) -> float: ...
    @property
    def input_size(self) -> int: ...
    @property
    def fixed_views(self) -> int: ...
    @property
    def distance(self) -> float: ...
    @property
    def fov_deg(self) -> float: ...
    @property
    def lowest_deg(self) -> float: ...
    @property
    def device(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...

    def draw(
        self,
        image_rgba: np.ndarray,
        directions: np.ndarray,
        *,
        steps: int,
        guidance: float,
        seed: int,
        batch: int,
        input_elevation_deg: float | None = None,
        step: Callable[[int], None] | None = None,
        parity: str | None = None,
        solver: str | None = None,
        agreement: Agreement | None = None,
    ) -> Drawn:
        """Pictures of the object of a photo (S, S, 4) uint8, straight alpha.

        Args:
            directions: (n, 2) degrees relative to the photo: elevation, azimuth; a sampler with `fixed_views`
                does not look at them.
            input_elevation_deg: of the photo, or the best guess; only some models use it.
            step: called with the number of view-steps just done.
            parity, solver: where they are not the defaults.
            agreement: for samplers without `fixed_views`, which draw their views independently.
        """

    def at_distance(self, distance: float) -> Sampler:
        """The same model for cameras at another distance, where it can draw for any; else itself."""
        ...

    def guess(self, image_rgba: np.ndarray) -> Guess | None:
        """What the photo alone suggests about the body (`models.occupancy`), or None if the model has no idea."""

    def pace(
        self, guidance: float, solver: str | None = None, *, views: int = 1, batch: int = 0
    ) -> tuple[float, float]:
        """Seconds per view of one denoising step and of decoding, measured on this machine for a run of so many
        views, `batch` of them at once (0: as many as suit the device)."""


class RelativeViews:
    """Gives a class that draws relative poses with `sample` the interface's `draw`."""

    fixed_views = 0
    distance: float
    fov_deg: float
    input_size = IMAGE_SIZE
    lowest_deg = -90.0

    @property
    def predicts_alpha(self) -> bool:
        """Whether the pictures come with masks."""
        raise NotImplementedError

    def sample(self, image_rgba: np.ndarray, poses: np.ndarray, **options: Any) -> np.ndarray:
        """(n, S, S, 4) uint8 pictures at pose vectors (n, 4)."""
        raise NotImplementedError

    def at_distance(self, distance: float) -> Self:
        """The same networks, drawing for cameras at another distance."""
        other = copy.copy(self)
        other.distance = distance
        return other

    def guess(self, image_rgba: np.ndarray) -> Guess | None:
        """Nothing, for a model without such a network."""
        return None

    def draw(self, image_rgba: np.ndarray, directions: np.ndarray, **options: Any) -> Drawn:
        """The pictures at `directions` (n, 2); see `Sampler.draw`."""
        directions = np.asarray(directions, dtype=np.float64).reshape(-1, 2)
        poses = [demo_pose(-elevation, azimuth) for elevation, azimuth in directions]
        rgba = self.sample(image_rgba, np.array(poses, dtype=np.float32).reshape(-1, 4), **options)
        background = None if self.predicts_alpha else (255, 255, 255)
        return Drawn(rgba, directions, False, self.distance, self.fov_deg, background)
