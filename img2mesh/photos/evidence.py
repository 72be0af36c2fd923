"""What several photos say of the cells of a lattice: cones of sight, and the occupancy network's guesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from img2mesh.core.camera import Camera, rescaled
from img2mesh.core.visual_hull import mask_distance

CELLS = 48  # of the lattice along each axis
LATTICE = 0.62  # world units from the lattice's middle to its border; the object's longest side is 1
AROUND = (3, 7, 15)  # cells along each side of the cubes that means are taken over
OUTSIDE = 0.015  # world units beyond the hull from which nothing is inside
CONE, LOGIT, SURE = 0.15, 3.0, 1e-3  # scales of distances and logits; least chance
SEARCH, SEARCHED = 1.6, 40  # half side of the cube in which the object is looked for, and cells along it
LIKELY = -2.4  # mean logit from which a cell may belong to the object
MARGIN = 0.04  # added to the box on each side


@dataclass(frozen=True, eq=False)
class Witness:
    """One photo's evidence.

    Attributes:
        camera: its camera; the picture is square.
        distance: (S, S) float32 `mask_distance` of its silhouette, in sides of the picture.
        occupancy: (D, H, W) chance of being inside (`models.occupancy.Guess`), or None where it says nothing.
        middle: depth of the object's middle along the viewing axis, world units.
        reach: world units from there to the first and last depth of `occupancy`.
    """

    camera: Camera
    distance: np.ndarray
    occupancy: np.ndarray | None
    middle: float
    reach: float

    @classmethod
    def of(
        cls, camera: Camera, mask: np.ndarray, occupancy: np.ndarray | None, middle: float, reach: float
    ) -> Witness:
        """That of a photo with an (S, S) alpha in [0, 1]."""
        return cls(camera, (mask_distance(mask) / len(mask)).astype(np.float32), occupancy, middle, reach)

    def rescaled(self, centre: np.ndarray, scale: float) -> Witness:
        """The same in a world whose origin is `centre` and whose unit is `scale` of the old one."""
        camera = rescaled(self.camera, centre, scale)
        return replace(self, camera=camera, middle=self.middle / scale, reach=self.reach / scale)

    def cone(self, points: np.ndarray) -> np.ndarray:
        """(N,) signed distance of (N, 3) points to the cone of sight, world units; negative inside."""
        import torch

        (u, v), depth = self._place(points)
        value = _looked_up(torch.from_numpy(self.distance), [u * 2 - 1, v * 2 - 1], "border")
        beyond = np.maximum(-u, 0) + np.maximum(u - 1, 0) + np.maximum(-v, 0) + np.maximum(v - 1, 0)
        return (value + beyond) * np.maximum(depth, 1e-3) * self.camera.width / self.camera.fl_x

    def logit(self, points: np.ndarray) -> np.ndarray | None:
        """(N,) of the guess at (N, 3) points; None where there is no guess."""
        import torch

        if self.occupancy is None:
            return None
        (u, v), depth = self._place(points)
        away = (depth - self.middle) / self.reach
        volume = torch.from_numpy(np.asarray(self.occupancy, np.float32))
        chance = np.clip(_looked_up(volume, [u * 2 - 1, v * 2 - 1, away], "zeros"), SURE, 1 - SURE)
        return np.log(chance / (1 - chance))

    def _place(self, points: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        pixels, depth = self.camera.project(points)
        return (pixels[:, 0] / self.camera.width, pixels[:, 1] / self.camera.height), depth


def box(witnesses: Sequence[Witness]) -> tuple[np.ndarray, float]:
    """(3,) middle and longest side of the box that holds what the photos show, world units."""
    points = _lattice(SEARCHED, SEARCH)
    hull, logits = _asked(witnesses, points)
    outermost = hull.max(0)
    inside = (outermost < 0.02) & ((logits.mean(0) > LIKELY) if len(logits) else True)
    if inside.sum() < 8:  # next to nothing in common: where the cones come nearest
        inside = outermost <= np.partition(outermost, 50)[50]
    low, high = (
        np.percentile(points[inside], 0.5, 0) - MARGIN,
        np.percentile(points[inside], 99.5, 0) + MARGIN,
    )
    return (low + high) / 2, float((high - low).max())


def features(witnesses: Sequence[Witness], cells: int = CELLS) -> np.ndarray:
    """(cells^3, 24) float32: `evidence` of each cell, its means around the cell, and the hull's extent through it."""
    from scipy.ndimage import uniform_filter

    own = evidence(witnesses, cells)
    columns = list(own)
    for channel in own[:3]:
        columns += [uniform_filter(channel, side, mode="nearest") for side in AROUND]
    inside = (own[0] < 0).astype(np.float32)
    for axis in range(3):
        passed = np.cumsum(inside, axis)
        whole = np.take(passed, [-1], axis)
        columns.append(np.minimum(passed, whole - passed + inside) / (cells / 2))
        columns.append(np.broadcast_to(whole / (cells / 2), inside.shape))
    chance = inside / (1 + np.exp(-LOGIT * own[1]))
    column = chance.sum(2, keepdims=True) / np.maximum(inside.sum(2, keepdims=True), 1)
    columns.append(np.broadcast_to(column, inside.shape))
    return np.stack(columns, axis=-1).reshape(cells**3, -1).astype(np.float32)


def evidence(witnesses: Sequence[Witness], cells: int = CELLS) -> np.ndarray:
    """(8, N, N, N) float32 on the cells' middles of [-`LATTICE`, `LATTICE`]^3, axes x, y, z.

    The largest cone distance (that of the hull), mean, largest and least logit of the guesses, the second largest and
    the mean cone distance, the height, and how many photos there are.
    """
    points = _lattice(cells, LATTICE)
    cones, logits = _asked(witnesses, points)
    if not len(logits):
        logits = np.zeros((1, len(points)))
    ordered = np.sort(cones, axis=0)

    def near(distance: np.ndarray) -> np.ndarray:
        return np.clip(distance, -CONE, CONE) / CONE

    channels = [
        near(ordered[-1]),
        logits.mean(0) / LOGIT,
        logits.max(0) / LOGIT,
        logits.min(0) / LOGIT,
        near(ordered[-2] if len(ordered) > 1 else ordered[-1]),
        near(cones.mean(0)),
        points[:, 2] * 2,
        np.full(len(points), len(cones) / 4 - 0.75),
    ]
    return np.stack(channels).reshape(-1, cells, cells, cells).astype(np.float32)


def _asked(witnesses: Sequence[Witness], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, N) cone distances and (W, N) logits of those that have a guess."""
    said = [logit for witness in witnesses if (logit := witness.logit(points)) is not None]
    cones = np.stack([witness.cone(points) for witness in witnesses])
    return cones, np.stack(said) if said else np.zeros((0, len(points)))


def _lattice(cells: int, half: float) -> np.ndarray:
    axis = ((np.arange(cells) + 0.5) / cells * 2 - 1) * half
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def _looked_up(values: object, place: list[np.ndarray], padding: str) -> np.ndarray:
    """(N,) linear values of a picture or a volume at places in [-1, 1], x first."""
    import torch
    from torch import Tensor

    assert isinstance(values, Tensor)
    at = torch.from_numpy(np.stack(place, axis=-1).astype(np.float32)).view(*[1] * len(place), -1, len(place))
    found = torch.nn.functional.grid_sample(
        values.float()[None, None], at, padding_mode=padding, align_corners=False
    )
    return found.view(-1).numpy()
