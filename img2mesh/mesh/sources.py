"""What the photo, the other views and the field say about the surface's colours, and who is believed where."""

from __future__ import annotations

import numpy as np

from img2mesh.core.rasterise import sample_bilinear
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.exposure import colour_correction, exposure_gain, spread_residual
from img2mesh.mesh.project import ERODE, ERODE_CLEAN, Projector, smoothstep
from img2mesh.mesh.textured_mesh import vertex_normals
from img2mesh.shape.silhouette_confidence import believed

FIELD_WEIGHT = 0.02  # of the field's colour against a view that faces the surface squarely
SHARPNESS = 3  # power of the cosine: how strongly the view that sees a point best wins
FACING = (0.2, 0.5)  # cosines between which the trust in a view other than the photo grows
# sRGB distance between a view's blurred colour and the field's at which the view loses its say
AGREEMENT = {Source.DRAWN: 0.15, Source.GIVEN: 0.4}
STREAKS = (0.1, 0.6)  # cosines between which the photo's colours on the far side grow sharp
DECIDED = 0.999  # the photo's weight from which nobody else is asked


class Sources:
    """Colours of surface points from all sources.

    Corrections, agreement and residuals vary slowly, so they are found at the mesh's vertices and
    interpolated; visibility, weights and the pictures' colours are looked up for every point.

    Views that a model drew without being sure of them (`believed`) know no colours either: what the photo does not see
    then gets the photo's colour on the same ray, as if the object were alike on both sides.

    Args:
        field: has `sdf`, `gradient` and `colour`.
        views: the photo and the others.
        vertices, faces: the closed surface, (V, 3) and (F, 3).
    """

    def __init__(self, field, views: ViewSet, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.field, self.vertices, self.normals = field, vertices, vertex_normals(vertices, faces)
        photo = views.photo
        self.photo = _projector(photo, vertices, faces) if photo is not None else None
        self.belief = believed(views.views) if photo is not None else 1.0
        says = [view.weight * (self.belief if view.source is Source.DRAWN else 1) for view in views.views]
        pairs = [
            (v, w) for v, w in zip(views.views, says, strict=True) if v.source is not Source.PHOTO and w > 0
        ]
        others = [view for view, _ in pairs]
        strongest = max((view.weight for view in others), default=1.0)
        self.trust = [say / strongest for _, say in pairs]
        self.others = [_projector(view, vertices, faces) for view in others]

        self.drift, self.slope = self._snap()
        colours = np.asarray(field.colour((vertices + self.drift).astype(np.float32)), dtype=np.float32)
        photo_colours, weight = np.zeros_like(colours), np.zeros(len(vertices), np.float32)
        if self.photo is not None:
            photo_colours, weight, _ = self.photo.look(vertices, self.normals)
        self.correction = colour_correction(colours, photo_colours, weight)
        colours = self._through(self._corrected(colours), vertices, self.normals)
        self.gains, self.agreement = self._agreement(others, colours)
        base = self._blend(vertices, self.normals, colours, self.agreement)
        self.residual = spread_residual(vertices, faces, photo_colours - base, weight)

    def _snap(self) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3) way from each vertex to the field's zero level, at most 0.02, and the gradient there.

        Two Newton steps along the gradient.
        """
        moved = self.vertices.astype(np.float32)
        for _ in range(2):
            slope = np.asarray(self.field.gradient(moved), dtype=np.float32)
            moved = moved - _newton(np.asarray(self.field.sdf(moved)), slope)
        return _limited(moved - self.vertices, 0.02), slope

    def _agreement(self, others: list[View], colours: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Gain (3,) of each view towards the field's exposure, and (V, n) how well it agrees after that."""
        gains, agreement = [], np.ones((len(self.vertices), len(others)), np.float32)
        for k, (projector, view) in enumerate(zip(self.others, others, strict=True)):
            seen, weight, _ = projector.look(self.vertices, self.normals, FACING, blurred=True)
            gain = exposure_gain(seen, colours, weight)
            distance = ((seen * gain - colours) ** 2).sum(axis=1)
            agreement[:, k] = np.where(weight > 0, np.exp(-distance / (2 * AGREEMENT[view.source] ** 2)), 1)
            gains.append(gain)
        return gains, agreement

    def field_colours(self, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(N, 3) float32 corrected colours of the field at points given by faces' corners and weights.

        The points are moved to the field's zero level before it is asked: by their vertices' way there, and
        by one more Newton step. Where the photo decides alone the answer is grey.
        """
        points, normals = self._at(self.vertices, corners, weights), self._normals(corners, weights)
        asked = np.arange(len(points) if self.belief > 0 else 0)
        if self.photo is not None and self.belief > 0:
            asked = np.nonzero(self.photo.look(points, normals)[1] < DECIDED)[0]
        corners, weights = corners[asked], weights[asked]
        moved = (points[asked] + self._at(self.drift, corners, weights)).astype(np.float32)
        step = _newton(np.asarray(self.field.sdf(moved)), self._at(self.slope, corners, weights))
        moved = (moved - _limited(step, 0.01)).astype(np.float32)
        colours = np.full((len(points), 3), 0.5, np.float32)
        colours[asked] = self._corrected(np.asarray(self.field.colour(moved), dtype=np.float32))
        return colours

    def colours(self, corners: np.ndarray, weights: np.ndarray, field: np.ndarray):
        """Final colours.

        Args:
            corners: (N, 3) vertices around each point. weights: (N, 3) of these.
            field: (N, 3) from `field_colours`.

        Returns:
            (N, 3) float32 and (N,) the photo's share in them.
        """
        points, normals = self._at(self.vertices, corners, weights), self._normals(corners, weights)
        colours, share = np.zeros((len(points), 3), np.float32), np.zeros(len(points), np.float32)
        if self.photo is not None:
            colours, share, _ = self.photo.look(points, normals)
        rest = np.nonzero(share < DECIDED)[0]
        corners, weights = corners[rest], weights[rest]
        agreement = self._at(self.agreement, corners, weights)
        own = self._through(field[rest], points[rest], normals[rest])
        base = self._blend(points[rest], normals[rest], own, agreement)
        base = np.clip(base + self._at(self.residual, corners, weights), 0, 1)
        mine = share[rest, None]
        colours[rest] = colours[rest] * mine + base * (1 - mine)
        return colours, share

    def _through(self, colours: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """The field's colours; as far as it learned them from doubtful views, the photo's on the same rays."""
        if self.belief >= 1:
            return colours
        pixels, _ = self.photo.camera.project(points)
        sharp, blurred = (sample_bilinear(c, pixels) for c in (self.photo.colours, self.photo.blurred))
        # Where the surface runs along the rays, single pixels would be drawn out into streaks.
        away = points - self.photo.camera.position
        cosine = np.abs(np.einsum("ij,ij->i", normals, away)) / np.linalg.norm(away, axis=1)
        clear = smoothstep(*STREAKS, cosine)[:, None].astype(np.float32)
        return self.belief * colours + (1 - self.belief) * (blurred + clear * (sharp - blurred))

    def _blend(self, points, normals, field, agreement) -> np.ndarray:
        """The field's colour, sharpened by the views that agree with it."""
        total, weights = FIELD_WEIGHT * field, np.full(len(points), FIELD_WEIGHT, np.float32)
        for k, (projector, trust) in enumerate(zip(self.others, self.trust, strict=True)):
            colours, weight, cosine = projector.look(points, normals, FACING)
            weight = (
                weight * agreement[:, k] * (trust * np.clip(cosine, 0, 1).astype(np.float32) ** SHARPNESS)
            )
            total = total + weight[:, None] * (colours * self.gains[k])
            weights = weights + weight
        return total / weights[:, None]

    def _corrected(self, colours: np.ndarray) -> np.ndarray:
        matrix = self.correction.astype(np.float32)
        return np.clip(colours @ matrix[:3] + matrix[3], 0, 1)

    def _at(self, values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return sum(values[corners[:, k]] * weights[:, k : k + 1] for k in range(3))

    def _normals(self, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        vectors = self._at(self.normals, corners, weights)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _projector(view: View, vertices: np.ndarray, faces: np.ndarray) -> Projector:
    rgba, erode = (view.rgba, ERODE) if view.full is None else (view.full, ERODE_CLEAN)
    return Projector.of(rgba, view.camera, vertices, faces, erode)


def _newton(distance: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return slope * (distance / np.maximum((slope**2).sum(axis=1), 0.1))[:, None]


def _limited(vectors: np.ndarray, longest: float) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * np.minimum(1, longest / np.maximum(length, 1e-9))
