"""A visual hull that survives views which disagree.

The hull of silhouettes (Laurentini 1994) is the intersection of their viewing cones: its signed distance is about
the largest of the distances to the cones. One wrong silhouette then carves the object away, so here the
largest is replaced by a weighted quantile, and each view's say shrinks with how badly it contradicts the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.view import ViewSet

SEARCH = 0.8  # half side of the cube in which an object is looked for, world units
COARSE = 44  # cells per side of the grid on which views are compared
MARGIN = 0.04  # free space kept around the object, world units
LARGEST = 512 * 512  # pixels of a mask whose distances are remembered
OUTSIDE = 0.2  # share of a silhouette left uncovered at which a view loses most of its say


@dataclass(frozen=True, eq=False)
class VisualHull(SdfGrid):
    """The common shape of all silhouettes, and how far each view agrees with it.

    Attributes:
        trust: (V,) float64 in [0, 1], each view's agreement with the others; 1 where it contradicts nothing.
        tolerance: share of the views' weight that may deny a point which still counts as inside.
    """

    trust: np.ndarray
    tolerance: float

    @property
    def grid(self) -> SdfGrid:
        """The shape alone."""
        return SdfGrid(self.sdf, self.bounds)


def mask_distance(alpha: np.ndarray) -> np.ndarray:
    """(H, W) alpha in [0, 1] to signed distance in pixels, negative inside, exact to a fraction near the edge.

    A run asks for the same ones dozens of times: they are remembered, so nobody may write into them.
    """
    return _distance(_Mask(alpha)) if alpha.size <= LARGEST else _distance_of(alpha)


class _Mask:
    """A mask as a key: equal where the contents are. What it holds is only there until it has been looked up."""

    def __init__(self, alpha: np.ndarray) -> None:
        content = np.ascontiguousarray(alpha)
        self.alpha: np.ndarray | None = content
        self.key = (blake2b(content.data, digest_size=16).digest(), content.shape, content.dtype.str)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Mask) and self.key == other.key


@lru_cache(maxsize=80)
def _distance(mask: _Mask) -> np.ndarray:
    alpha, mask.alpha = mask.alpha, None
    assert alpha is not None
    return _distance_of(alpha)


def _distance_of(alpha: np.ndarray) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt  # OpenCV's differs from call to call on a single core

    inside = alpha > 0.5
    if not inside.any():
        return np.full(alpha.shape, float(max(alpha.shape)), dtype=np.float32)
    if inside.all():
        return np.full(alpha.shape, -float(max(alpha.shape)), dtype=np.float32)
    outer, inner = (distance_transform_edt(side) for side in (~inside, inside))
    distance = np.where(inside, 0.5 - inner, outer - 0.5)
    near = np.abs(distance) < 0.75  # a box-filtered straight edge: alpha falls by one over one pixel
    return np.where(near, 0.5 - alpha, distance).astype(np.float32)


def projected(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """`Camera.project` of (N, 3) points in front of the camera in single precision, which is faster."""
    turn = camera.c2w[:3, :3] * [camera.fl_x, -camera.fl_y, -1.0]
    across, down, depth = turn.T.astype(np.float32) @ np.asarray(points, np.float32).T
    for row, shift in zip((across, down, depth), (camera.position @ turn).astype(np.float32), strict=True):
        row -= shift
    scale = 1 / np.maximum(depth, 1e-6)
    pixels = np.empty((len(depth), 2), np.float32)
    pixels[:, 0] = across * scale + np.float32(camera.cx)
    pixels[:, 1] = down * scale + np.float32(camera.cy)
    return pixels, depth


def cone_distances(
    distances: Sequence[np.ndarray], cameras: Sequence[Camera], points: np.ndarray
) -> np.ndarray:
    """(V, N) float32 signed distances, world units, of (N, 3) points to each view's cone of sight.

    `distances` are the views' `mask_distance`. Points that fall outside a picture take its nearest border pixel.
    """
    import torch

    found = np.empty((len(cameras), len(points)), dtype=np.float32)
    points = np.asarray(points, np.float32)
    for row, (distance, camera) in enumerate(zip(distances, cameras, strict=True)):
        pixels, depth = projected(points, camera)
        for k, side in enumerate((camera.width, camera.height)):
            pixels[:, k] *= np.float32(2 / side)
        pixels -= 1
        picture = torch.from_numpy(distance)[None, None]
        value = torch.nn.functional.grid_sample(
            picture,
            torch.from_numpy(pixels)[None, None],
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        found[row] = value.numpy().reshape(-1) * (np.maximum(depth, 1e-3) / np.float32(camera.fl_x))
    return found


def weighted_quantile(values: np.ndarray, weights: np.ndarray, tolerance: float | np.ndarray) -> np.ndarray:
    """(V, N) values to (N,): the largest one such that those above it hold at most `tolerance` of the weight.

    `tolerance` is one share for all, or (N,).
    """
    if np.max(tolerance, initial=0) <= 0:
        return values[weights > 0].max(0)
    order = np.argsort(-values, axis=0)
    held = np.cumsum(weights[order], axis=0)
    first = np.argmax(held > tolerance * weights.sum() + 1e-9, axis=0)
    return np.take_along_axis(values, np.take_along_axis(order, first[None], 0), 0)[0]


def visual_hull(
    alphas: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    weights: Sequence[float] | None = None,
    resolution: int = 96,
    tolerance: float | None = None,
) -> VisualHull:
    """The tolerant hull of V silhouettes.

    Args:
        alphas: V pictures (H, W), alpha in [0, 1].
        cameras: their cameras.
        weights: (V,) prior trust in each; the photo's is the largest. None: all equal.
        resolution: cells along the longest side of the result's box, which is fitted to the object.
        tolerance: share of the weight that may be wrong; None chooses the smallest that explains the masks.

    Returns:
        A hull that is never empty: where the silhouettes share no point at all, the tolerance grows until
        they do, and failing that a ball is returned.
    """
    alphas = [np.asarray(alpha, dtype=np.float32) for alpha in alphas]
    prior = np.ones(len(alphas)) if weights is None else np.asarray(weights, dtype=np.float64)
    prior = prior * np.array([bool((alpha > 0.5).any()) for alpha in alphas])  # an empty picture says nothing
    distances = [mask_distance(alpha) for alpha in alphas]
    box = np.array([[-SEARCH] * 3, [SEARCH] * 3])
    points, shape = lattice(box, 2 * SEARCH / COARSE)
    if not prior.any():
        return _ball(box, resolution, len(alphas))
    values = cone_distances(distances, cameras, points)
    near = np.median(values[prior > 0], axis=0) < 0.1  # nothing further out is ever inside
    points, values = points[near], values[:, near]
    rays = [ray_bins(points, camera, _pixels_across(camera)) for camera in cameras]
    trust, chosen = _consensus(alphas, distances, cameras, points, values, rays, prior)
    if tolerance is not None:
        chosen = tolerance
    say = prior * trust
    common = weighted_quantile(values, say, chosen)
    while not (common < 0).any() and chosen < 0.6:
        chosen += 0.1
        common = weighted_quantile(values, say, chosen)
    cell = 2 * SEARCH / COARSE
    inside = points[common < cell * 0.6]
    if not len(inside):
        return _ball(box, resolution, len(alphas))
    low, high = inside.min(0) - MARGIN, inside.max(0) + MARGIN
    spacing = float((high - low).max()) / (resolution - 1)
    low, high = np.maximum(low, -SEARCH), np.minimum(high, SEARCH)
    high = low + np.ceil((high - low) / spacing) * spacing
    points, shape = lattice(np.stack([low, high]), spacing)
    sdf = np.empty(len(points), dtype=np.float32)
    used = np.flatnonzero(say > 0).tolist()
    for start in range(0, len(points), 1 << 18):
        part = slice(start, start + (1 << 18))
        found = cone_distances([distances[i] for i in used], [cameras[i] for i in used], points[part])
        sdf[part] = weighted_quantile(found, say[used], chosen)
    return VisualHull(sdf.reshape(shape), np.stack([low, high]), trust, float(chosen))


def hull_of_views(views: ViewSet, resolution: int = 96) -> VisualHull:
    """`visual_hull` of views with their weights."""
    masks, cameras = [view.mask for view in views.views], [view.camera for view in views.views]
    return visual_hull(masks, cameras, [view.weight for view in views.views], resolution)


def _ball(box: np.ndarray, resolution: int, count: int) -> VisualHull:
    """What is left to say when no picture shows anything: a ball of half the usual size."""
    points, shape = lattice(box, 2 * SEARCH / (resolution - 1))
    sdf = (np.linalg.norm(points, axis=-1) - 0.35).astype(np.float32).reshape(shape)
    return VisualHull(sdf, box, np.zeros(count), 1.0)


def ray_bins(points: np.ndarray, camera: Camera, size: int = 40) -> np.ndarray:
    """(N,) pixel index of each point in a coarse picture of `camera`, for minima along rays."""
    pixels, _ = camera.resized(size, size).project(points)
    column, row = (np.clip(np.floor(pixels[:, k]), 0, size - 1).astype(np.int64) for k in (0, 1))
    return row * size + column


def _pixels_across(camera: Camera) -> int:
    """Sides of the coarse pictures on which views are compared: no pixel smaller than a cell of the points.

    A camera that shows little of the world would otherwise have pixels without any point, and deny what is there.
    """
    shown = camera.width / camera.fl_x * camera.distance
    return int(np.clip(shown / (2 * SEARCH / COARSE), 12, 40))


def along_rays(values: np.ndarray, bins: np.ndarray, size: int = 40) -> np.ndarray:
    """(size * size,) smallest value of the points in each coarse pixel; +inf where there is none."""
    least = np.full(size * size, np.inf, dtype=np.float32)
    np.minimum.at(least, bins, values)
    return least


def _consensus(alphas, distances, cameras, points, values, rays, prior):
    """Trust in each view, and the tolerance that the set as a whole needs.

    A silhouette is contradicted where no point on its rays is inside the shape that the other views agree on.
    A view is bad if the others leave its own silhouette uncovered (a mirrored picture) or if it takes from the
    others' silhouettes what they cover without it (an empty or shrunken one).
    """
    count = len(alphas)
    active = [i for i in range(count) if prior[i] > 0]
    sizes = [_pixels_across(camera) for camera in cameras]
    cores = [_core(distance, size) for distance, size in zip(distances, sizes, strict=True)]
    trust = (prior > 0).astype(np.float64)
    if len(active) < 3:
        return trust, 0.0

    def uncovered(common: np.ndarray, view: int) -> float:
        """Share of a view's silhouette core whose rays miss the shape."""
        core = cores[view]
        if not core.any():
            return 0.0
        return float((along_rays(common, rays[view], sizes[view])[core] > 0.012).mean())

    for _ in range(2):
        say = prior * trust
        harm = np.zeros(count)
        base = [uncovered(weighted_quantile(values, say, 0.0), j) for j in active]
        for i in active:
            others = say.copy()
            others[i] = 0
            without = weighted_quantile(values, others, 0.0)
            own = uncovered(without, i)
            relief = [b - uncovered(without, j) for b, j in zip(base, active, strict=True) if j != i]
            harm[i] = (
                max(own - np.median(base), 0.0) + max(relief, default=0.0) + np.sum(relief) / len(active)
            )
        excess = np.maximum(harm - np.median(harm[active]) - 0.02, 0)
        update = 1 / (1 + (excess / OUTSIDE) ** 2)
        trust = np.where(prior > 0, np.minimum(trust, np.where(update < 0.1, 0.0, update)), 0.0)
        if trust.sum() < 1:
            trust = (prior > 0).astype(np.float64)
            break
    say = prior * trust
    good = [i for i in active if trust[i] > 0.5] or active
    for tolerance in (0.0, 0.04, 0.08, 0.13, 0.2, 0.3):
        common = weighted_quantile(values, say, tolerance)
        if np.mean([uncovered(common, j) for j in good]) < 0.03:
            break
    return trust, tolerance


def _core(distance: np.ndarray, size: int = 40) -> np.ndarray:
    """(size * size,) bool: coarse pixels that lie wholly inside a silhouette, or its thickest ones."""
    import cv2

    small = cv2.resize(distance, (size, size), interpolation=cv2.INTER_AREA)
    limit = -0.5 * distance.shape[0] / size
    core = small < limit
    if core.sum() < 12:
        core = small <= np.partition(small.ravel(), 11)[11]
        core &= small < 0
    return core.ravel()
