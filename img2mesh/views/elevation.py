"""The photo's elevation, found from pictures at known poses relative to it.

The sampler is told how far to move, not from where. Only at the true elevation do the cones of all silhouettes
meet in one solid, and do its points have the same colour in the pictures that see them; so a few elevations are
tried on a coarse grid and scored by both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.visual_hull import cone_distances, mask_distance, weighted_quantile

CANDIDATES = np.arange(-10.0, 66.0, 5.0)  # degrees
CELLS = 36  # of the grid, per side
HALF = 0.75  # its half side, world units
BINS = 32  # coarse pixels per side
VIEWS = 12  # at most this many pictures are compared
TOLERANCE = 0.08  # share of the pictures that may be wrong
USUAL = (20.0, 25.0)  # centre and width, degrees, of the elevations that photos of products have
USUAL_WEIGHT = 0.06  # how much that counts: enough for objects that look the same from everywhere


def estimate_elevation(
    rgba: np.ndarray,
    delta_polar_deg: np.ndarray,
    delta_azimuth_deg: np.ndarray,
    distance: float,
    fov_deg: float,
) -> tuple[float, float]:
    """Elevation of the first picture in degrees, and how sure that is.

    Args:
        rgba: (n, H, W, 4) uint8, the photo first.
        delta_polar_deg: (n,) polar angle minus the photo's; positive is further down. The first is 0.
        delta_azimuth_deg: (n,) azimuth minus the photo's.
        distance: of all cameras from the origin.
        fov_deg: field of view.

    Returns:
        (elevation_deg, confidence in [0, 1]): confidence compares the best elevation's score with the scores of
        those more than 15 degrees away; about 0 where all fit alike (a ball, a single picture).
    """
    polar, azimuth = np.asarray(delta_polar_deg), np.asarray(delta_azimuth_deg)

    def cameras_at(elevation: float) -> list[Camera]:
        angles = np.clip(elevation - polar, -89.0, 89.0)
        return [orbit_camera(e, a, distance, fov_deg) for e, a in zip(angles, azimuth, strict=True)]

    return best_elevation(list(rgba), cameras_at)


def best_elevation(
    rgba: Sequence[np.ndarray], cameras_at: Callable[[float], Sequence[Camera]], clear: float = 0.15
) -> tuple[float, float]:
    """(elevation_deg, confidence), as above, of the first of some square pictures.

    Args:
        rgba: n pictures (H, W, 4) uint8, the photo first.
        cameras_at: their n cameras if the photo's elevation is the given one.
        clear: gap between the scores at which the confidence is 63 %; smaller where only the photo's camera moves.
    """
    scores = elevation_scores(rgba, cameras_at)
    if scores is None:
        return USUAL[0], 0.0
    total = combined(scores)
    best = int(np.argmin(total))
    elevation = float(CANDIDATES[best])
    if 0 < best < len(total) - 1:
        a, b, c = total[best - 1 : best + 2]
        if a - 2 * b + c > 1e-9:
            elevation += float(np.clip(0.5 * (a - c) / (a - 2 * b + c), -0.5, 0.5) * 5)
    away = np.abs(CANDIDATES - CANDIDATES[best]) > 15
    gap = float(total[away].min() - total[best])
    return elevation, float(1 - np.exp(-max(gap, 0.0) / clear))


def combined(scores: np.ndarray) -> np.ndarray:
    """(2, C) silhouette and colour disagreement to (C,) one score, with the weak preference for usual views."""
    floor = np.array([0.002, 0.004])
    relative = np.log(scores + floor[:, None])
    usual = ((CANDIDATES - USUAL[0]) / USUAL[1]) ** 2
    return relative[0] + relative[1] + USUAL_WEIGHT * usual


def elevation_scores(
    rgba: Sequence[np.ndarray], cameras_at: Callable[[float], Sequence[Camera]]
) -> np.ndarray | None:
    """(2, C) for the candidates: mean length by which rays of a silhouette miss the common solid (world units),
    and mean colour difference at the best point of each ray; None where fewer than three pictures show anything.
    """
    import cv2

    shown = np.flatnonzero([(picture[..., 3] > 127).sum() > 20 for picture in rgba])
    if len(shown) < 3:
        return None
    if len(shown) > VIEWS:  # the photo and an even choice of the others
        shown = shown[np.unique(np.round(np.linspace(0, len(shown) - 1, VIEWS)).astype(int))]
    size = 64
    small, distances = [], []
    for picture in (rgba[i] for i in shown.tolist()):
        straight = picture.astype(np.float32) / 255
        straight[..., :3] *= straight[..., 3:]
        reduced = cv2.resize(straight, (size, size), interpolation=cv2.INTER_AREA)
        reduced[..., :3] /= np.maximum(reduced[..., 3:], 1e-3)
        small.append(reduced)
        distances.append(
            mask_distance(cv2.resize(straight[..., 3], (128, 128), interpolation=cv2.INTER_AREA))
        )
    axis = (np.arange(CELLS) + 0.5) / CELLS * 2 * HALF - HALF
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=-1) < HALF * 1.1]
    scores = np.empty((2, len(CANDIDATES)))
    for column, elevation in enumerate(CANDIDATES):
        cameras = cameras_at(float(elevation))
        cameras = [cameras[i].resized(128, 128) for i in shown.tolist()]
        scores[:, column] = _score(cameras, distances, small, points)
    return scores


def _score(
    cameras: list[Camera], distances: list[np.ndarray], pictures: list[np.ndarray], points: np.ndarray
) -> tuple[float, float]:
    values = cone_distances(distances, cameras, points)
    common = weighted_quantile(values, np.ones(len(cameras)), TOLERANCE)
    cell = 2 * HALF / CELLS
    solid = common < 0.5 * cell
    bins = [_bins(points, camera) for camera in cameras]
    missed, differing = [], []
    inner = points[solid]
    colours = _colours(inner, cameras, pictures) if len(inner) else np.zeros((len(cameras), 0, 4))
    towards = np.stack([camera.position / camera.distance for camera in cameras])
    near = towards @ towards.T
    for i, distance in enumerate(distances):
        least = np.full(BINS * BINS, 0.3, dtype=np.float32)
        np.minimum.at(least, bins[i], common)
        core = _reduced(distance) < -1.0
        if not core.any():
            continue
        missed.append(np.clip(least[core] - 0.4 * cell, 0, 0.3).mean())
        others = [j for j in np.argsort(-near[i], kind="stable") if j != i and near[i, j] > 0.15][:5]
        if not others or not len(inner):
            continue
        gap = np.abs(colours[others, :, :3] - colours[i, :, :3]).mean(-1)
        gap[colours[others, :, 3] < 0.5] = 0.25
        gap = np.sort(np.minimum(gap, 0.25), axis=0)[: max(1, len(others) // 2)].mean(0)
        least = np.full(BINS * BINS, 0.25)
        np.minimum.at(least, bins[i][solid], gap)
        differing.append(least[core].mean())
    return float(np.mean(missed or [0.3])), float(np.mean(differing or [0.25]))


def _bins(points: np.ndarray, camera: Camera) -> np.ndarray:
    """(N,) coarse pixel of each point."""
    pixels, _ = camera.resized(BINS, BINS).project(points)
    cell = np.clip(np.floor(pixels), 0, BINS - 1).astype(np.int64)
    return cell[:, 1] * BINS + cell[:, 0]


def _reduced(distance: np.ndarray) -> np.ndarray:
    """(BINS * BINS,) mean signed distance of the coarse pixels."""
    step = distance.shape[0] // BINS
    return distance.reshape(BINS, step, BINS, step).mean((1, 3)).ravel()


def _colours(points: np.ndarray, cameras: list[Camera], pictures: list[np.ndarray]) -> np.ndarray:
    """(V, N, 4) what each small picture shows at the points."""
    import cv2

    found = np.empty((len(cameras), len(points), 4), dtype=np.float32)
    for row, (camera, picture) in enumerate(zip(cameras, pictures, strict=True)):
        size = picture.shape[0]
        place = (camera.resized(size, size).project(points)[0] - 0.5).astype(np.float32)
        for start in range(0, len(place), 1 << 14):  # remap's pictures are at most 32767 a side
            part = slice(start, start + (1 << 14))
            found[row, part] = cv2.remap(
                picture, place[part][None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )[0]
    return found
