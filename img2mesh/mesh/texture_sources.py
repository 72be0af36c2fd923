"""Where a texture's colours may come from: the photo, the photo mirrored, other views, the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from img2mesh.core.frustum import Body
from img2mesh.core.rasterise import rasterise_view
from img2mesh.core.shape import SurfaceField
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.projection import ERODE, ERODE_CLEAN, Projector
from img2mesh.mesh.textured_mesh import unit_vectors, vertex_normals

PHOTO, OTHER, MIRRORED, DRAWN, GIVEN, MEAN, FIELD, FILL = (
    "photo",
    "other photo",
    "mirrored photo",
    "drawn view",
    "given view",
    "given views",
    "field",
    "fill",
)
# How good each is where it sees the surface best, between 0 (as bad as none) and 1 (the photo).
QUALITY = {PHOTO: 1.0, MEAN: 0.98, OTHER: 0.95, MIRRORED: 0.7, DRAWN: 0.6, GIVEN: 0.9, FIELD: 0.4, FILL: 0.2}
FACING = (0.2, 0.7)  # cosines between which the trust in a view other than the photo grows
PHOTO_FACING = (0.04, 0.3)
ASLANT = (0.1, 0.5)  # the same for the mirrored photo, which is as sharp, and for photos of several sides
AGREEMENT = {DRAWN: 0.15, GIVEN: 0.4}  # sRGB distance from the field's colour at which a view loses its say
UNLIKE = 0.06  # sRGB distance of given views from each other at which their mean loses its say
SQUARELY = 2.0  # power of how squarely a view sees a place, in their mean
BELIEVED = 0.9  # share of belief in drawn views from which the field's colours are taken
# IoU of the mirrored outline and the surface's from the mirrored camera, for a mirror to count; less is enough for a
# plane that faces the camera to so many degrees, if the network expects so much more of it than of the one across it.
LEAST_OVERLAP, FACING_OVERLAP = 0.9, 0.7
FACING_PLANE_DEG, SIDE_ON = 30.5, 0.03
HIGHLIGHT = 0.92  # least of a highlight's channels


class TextureSource(Protocol):
    """Colours for points of a surface."""

    @property
    def name(self) -> str:
        """One of this module's constants."""

    def score(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(N,) in [0, 1], how well it shows (N, 3) points; 0 where it does not."""

    def colours(self, points: np.ndarray, blurred: bool = False) -> np.ndarray:
        """(N, 3) float32 sRGB in [0, 1] at points that it is asked for, wherever it sees them or not."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A view as a `TextureSource`."""

    name: str
    projector: Projector
    facing: tuple[float, float]
    quality: float

    @classmethod
    def of(cls, name: str, view: View, vertices: np.ndarray, faces: np.ndarray) -> Picture:
        rgba, erode = (view.rgba, ERODE) if view.full is None else (view.full, ERODE_CLEAN)
        facing = {PHOTO: PHOTO_FACING, OTHER: PHOTO_FACING, MIRRORED: ASLANT}.get(name, FACING)
        return cls(name, Projector.of(rgba, view.camera, vertices, faces, erode), facing, QUALITY[name])

    def score(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        return self.quality * self.projector.visibility(points, normals, self.facing)

    def colours(self, points: np.ndarray, blurred: bool = False) -> np.ndarray:
        return self.projector.sample(points, blurred)


@dataclass(frozen=True, eq=False)
class FieldColours:
    """A fitted field's own colours, asked for on its zero level, as a `TextureSource`."""

    field: SurfaceField
    name: str = FIELD

    def score(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        return np.full(len(points), QUALITY[FIELD])

    def colours(self, points: np.ndarray, blurred: bool = False) -> np.ndarray:
        moved = points.astype(np.float32)
        for _ in range(2):  # Newton's steps, each at most a fiftieth
            slope = np.asarray(self.field.gradient(moved), np.float32)
            step = (
                slope * (np.asarray(self.field.sdf(moved)) / np.maximum((slope**2).sum(axis=1), 0.1))[:, None]
            )
            length = np.linalg.norm(step, axis=1, keepdims=True)
            moved = moved - step * np.minimum(1, 0.02 / np.maximum(length, 1e-9))
        return np.asarray(self.field.colour(moved.astype(np.float32)), np.float32)


@dataclass(frozen=True, eq=False)
class AgreeingViews:
    """The mean of the given views that see a place, the squarest most, as a `TextureSource`.

    Of views that agree no single one is as near to the truth: each lies beside it by what is left of errors in shape
    and camera. Of those that disagree a mean is a ghost, so its quality falls with what they differ by.
    """

    pictures: tuple[Picture, ...]
    field: SurfaceField
    quality: float
    name: str = MEAN

    @classmethod
    def of(
        cls, pictures: Sequence[Picture], field: SurfaceField, vertices: np.ndarray, normals: np.ndarray
    ) -> AgreeingViews:
        """Judged at the vertices (V, 3) of the surface, with their normals."""
        weights = np.stack([_say(picture, vertices, normals) for picture in pictures])
        colours = np.stack([picture.colours(vertices, blurred=True) for picture in pictures])
        total = weights.sum(axis=0)
        mean = np.einsum("vn,vnc->nc", weights, colours) / np.maximum(total, 1e-6)[:, None]
        off = np.einsum("vn,vnc->n", weights, (colours - mean) ** 2) / np.maximum(total, 1e-6)
        several = (weights > 0.1).sum(axis=0) > 1
        spread = float(np.sqrt(np.median(off[several]))) if several.any() else 1.0
        return cls(tuple(pictures), field, QUALITY[MEAN] * float(np.exp(-((spread / UNLIKE) ** 2) / 2)))

    def score(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        best = np.max([p.projector.visibility(points, normals, p.facing) for p in self.pictures], axis=0)
        return self.quality * best

    def colours(self, points: np.ndarray, blurred: bool = False) -> np.ndarray:
        normals = unit_vectors(np.asarray(self.field.gradient(points.astype(np.float32)), np.float64))
        total, mean = np.zeros((len(points), 1), np.float32), np.zeros((len(points), 3), np.float32)
        for picture in self.pictures:  # one by one: all at once take a gigabyte
            # where none sees a place that is asked for, one is as good as any
            weight = np.maximum(_say(picture, points, normals), 1e-6)[:, None]
            total += weight
            mean += weight * picture.colours(points, blurred)
        return mean / total


def _say(picture: Picture, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(N,) weight of a picture in the mean at points (N, 3) with unit normals."""
    return picture.projector.visibility(points, normals, picture.facing) ** SQUARELY


def mirrored_view(photo: View, plane: Mirror) -> View:
    """The photo as a camera behind a mirror takes it: flipped, at the reflected camera, without highlights.

    A highlight is light, not paint: its mirror image would shine where nothing does.
    """
    camera, normal = photo.camera, plane.normal
    c2w = camera.c2w.copy()
    c2w[:3, :3] -= 2 * np.outer(normal, normal @ c2w[:3, :3])
    c2w[:3, 0] *= -1  # right-handed again: the picture is flipped instead
    c2w[:3, 3] = plane.reflected(camera.position)
    turned = replace(camera, c2w=c2w, cx=camera.width - camera.cx)
    full = photo.rgba if photo.full is None else photo.full
    return replace(photo, rgba=photo.rgba[:, ::-1], camera=turned, full=without_highlights(full)[:, ::-1])


def without_highlights(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 whose clipped highlights are painted over from around: small, white, much lighter than there."""
    import cv2

    colours, inside = rgba[..., :3], rgba[..., 3] > 128
    side = max(rgba.shape[:2])
    around = cv2.medianBlur(np.ascontiguousarray(colours), 2 * max(1, side // 64) + 1)
    clipped = (
        (colours.min(axis=-1) > 255 * HIGHLIGHT) & (around.mean(axis=-1) < 255 * HIGHLIGHT - 60) & inside
    )
    if not clipped.any():
        return rgba
    reach = max(1, side // 256)
    mask = cv2.dilate(clipped.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
    painted = cv2.inpaint(np.ascontiguousarray(colours), mask, 3, cv2.INPAINT_TELEA)
    return np.dstack([painted, rgba[..., 3]])


def least_overlap(photo: View, body: Body) -> float:
    """The `outline_overlap` that the photo mirrored at the body's plane needs to count.

    A thing seen from its side shows the same on its back. One that is as symmetric about the plane across, like a
    figure seen from the front, may have one face only.
    """
    plane, expected = body.mirror, body.symmetry
    if plane is None or not len(expected):
        return LEAST_OVERLAP
    turn = (np.degrees(plane.azimuth) - photo.camera.azimuth_deg) % 180
    number = round(turn / 180 * len(expected))
    across = expected[(number + len(expected) // 2) % len(expected)]
    side_on = expected[number % len(expected)] >= across + SIDE_ON
    return FACING_OVERLAP if side_on and min(turn, 180 - turn) <= FACING_PLANE_DEG else LEAST_OVERLAP


def outline_overlap(view: View, vertices: np.ndarray, faces: np.ndarray) -> float:
    """IoU of a view's silhouette with the surface's from its camera."""
    small = view.camera.resized(128, 128)
    hit = rasterise_view(vertices, faces, small, outline=True).hit
    rows, columns = (np.arange(128) * side // 128 for side in view.mask.shape)
    mask = view.mask[np.ix_(rows, columns)] > 0.5
    return float((hit & mask).sum() / max((hit | mask).sum(), 1))


def texture_sources(
    field: SurfaceField, views: ViewSet, belief: float, vertices: np.ndarray, faces: np.ndarray
) -> tuple[list[TextureSource], dict]:
    """All that can colour a surface, the photo first, and facts for the report.

    Args:
        belief: in [0, 1], how far drawn views are believed (`picture_detail.pictures_believed`).
    """
    sources: list[TextureSource] = []
    facts: dict = {}
    photo = views.photo
    if photo is not None:
        others = [view for view in views.views if view.source is Source.PHOTO and view is not photo]
        photos = [Picture.of(PHOTO, photo, vertices, faces)]
        photos += [Picture.of(OTHER, view, vertices, faces) for view in others]
        among_given = any(view.source is Source.GIVEN and view.weight > 0 for view in views.views)
        if others or among_given:  # aslant others see more
            photos = [replace(picture, facing=FACING if among_given else ASLANT) for picture in photos]
        sources += photos
        plane = None if views.body is None else views.body.mirror
        if views.body is not None and plane is not None:
            image = mirrored_view(photo, plane)
            overlap = outline_overlap(image, vertices, faces)
            facts["mirror_overlap"] = round(overlap, 3)
            if overlap >= least_overlap(photo, views.body):
                sources.append(Picture.of(MIRRORED, image, vertices, faces))
    if (
        belief < BELIEVED
    ):  # means of what may be there, and a field that learned from them: the fill says as much
        return sources, facts
    own, normals = FieldColours(field), vertex_normals(vertices, faces)
    reference = own.colours(vertices)
    given = []
    for view in views.views:
        if view.source is Source.PHOTO or view.weight <= 0:
            continue
        picture = Picture.of(DRAWN if view.source is Source.DRAWN else GIVEN, view, vertices, faces)
        sources.append(
            replace(picture, quality=picture.quality * _agreement(picture, vertices, normals, reference))
        )
        if view.source is Source.GIVEN:
            given.append(picture)
    if len(given) > 1:
        mean = AgreeingViews.of(given, field, vertices, normals)
        if mean.quality >= QUALITY[GIVEN]:  # no single one is ever chosen beside it
            sources = [source for source in sources if source.name != GIVEN]
        sources.append(mean)
        facts["mean_of_views"] = round(mean.quality, 3)
    sources.append(own)
    return sources, facts


def _agreement(picture: Picture, vertices: np.ndarray, normals: np.ndarray, reference: np.ndarray) -> float:
    """In [0, 1]: how well a view's colours fit the field's, up to a gain for each channel."""
    weight = picture.projector.visibility(vertices, normals, picture.facing)
    if weight.sum() < 20:
        return 0.0
    seen = picture.colours(vertices, blurred=True)
    gain = np.clip((weight @ reference + 0.02) / (weight @ seen + 0.02), 0.8, 1.25)
    distance = ((seen * gain - reference) ** 2).sum(axis=1)
    return float(weight @ np.exp(-distance / (2 * AGREEMENT[picture.name] ** 2)) / weight.sum())
