"""Views: pictures with alpha at known cameras, and where each came from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.frustum import Body
from img2mesh.core.images import resize_rgba


class Source(str, Enum):
    """Where a view is from; the values are those of the `kind` key in our transforms.json."""

    PHOTO = "photo"  # the user's own pixels
    DRAWN = "generated"  # a sampler's
    RENDERED = "rendered"  # of a reconstructed, textured shape
    GIVEN = "given"  # a folder of views


@dataclass(frozen=True, eq=False)
class View:
    """One picture of the object.

    Attributes:
        rgba: (H, W, 4) uint8, sRGB, straight alpha; `camera` has this size.
        camera: where it was taken from (docs/conventions.md).
        source: who made it.
        weight: how much the field trusts its colours and silhouette; the photo has the settings' photo_weight.
        full: the photo at full resolution, (S, S', 4) uint8 with the same framing as `rgba`, or None.
        certainty: in [0, 1], how sure its sampler was of it, where that does not show any more.
    """

    rgba: np.ndarray
    camera: Camera
    source: Source = Source.GIVEN
    weight: float = 1.0
    full: np.ndarray | None = None
    certainty: float | None = None

    @property
    def rgb_on_white(self) -> np.ndarray:
        """(H, W, 3) float32 in [0, 1], composited on white in sRGB."""
        rgba = self.rgba.astype(np.float32) / 255
        return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]

    @property
    def mask(self) -> np.ndarray:
        """(H, W) float32 alpha in [0, 1]."""
        return self.rgba[..., 3].astype(np.float32) / 255

    def resized(self, size: int) -> View:
        """The same view, `size` pixels square, made of its full resolution where there is one."""
        rgba = resize_rgba(self.rgba if self.full is None else self.full, size, size)
        return dataclasses.replace(self, rgba=rgba, camera=self.camera.resized(size, size))


@dataclass(frozen=True, eq=False)
class ViewSet:
    """Views of one object; the photo, where there is one, comes first.

    Attributes:
        facts: plain values for the report: elevation and its confidence, model, seed, warnings.
        body: what the photo alone suggests about the shape, where the model says so.
        points: (N, 6) float32 world positions and sRGB in [0, 1] on the surface, where a shape was made.
    """

    views: tuple[View, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    body: Body | None = None
    points: np.ndarray | None = None

    @property
    def photo(self) -> View | None:
        """The user's photo, or None for a folder of views."""
        return next((view for view in self.views if view.source is Source.PHOTO), None)

    @property
    def drawn(self) -> bool:
        """Whether a sampler drew any of them."""
        return any(view.source is Source.DRAWN for view in self.views)
