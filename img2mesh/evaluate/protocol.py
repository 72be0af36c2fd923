"""SyncDreamer's protocol for meshes from one image (Liu et al. 2023, its eval_mesh), and its aligned variant.

16 cameras at elevation 30 degrees, 22.5 degrees apart, distance 1.5, focal length 280 px at 256 px. What they see of
both meshes is back-projected from depth and thinned to one point per voxel of 0.01; the Chamfer distance is half
the sum of both mean distances, not squared. Volumes are compared on 64^3 points of [-1, 1]^3. The true mesh has its
longest side 1 and its bounding box centred; the predicted one is taken as it is.
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import FOV_DEG, IMAGE_SIZE, Camera, orbit_camera, ring_azimuths
from img2mesh.core.ray_casting import cast, ray_scene
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.metrics import chamfer, point_scores
from img2mesh.synthetic.voxelize import occupancy

ELEVATION, DISTANCE, VIEWS, VOXEL, RESOLUTION = 30.0, 1.5, 16, 0.01, 64
Mesh = tuple[np.ndarray, np.ndarray]  # (V, 3) vertices and (F, 3) faces


def protocol_cameras() -> list[Camera]:
    """The 16 cameras; the first, at azimuth 0, takes the input picture."""
    return [orbit_camera(ELEVATION, a, DISTANCE, FOV_DEG, IMAGE_SIZE) for a in ring_azimuths(VIEWS)]


def visible_points(mesh: Mesh, cameras: list[Camera] | None = None) -> np.ndarray:
    """(N, 3) what the cameras see of a mesh: depth at pixel centres, back-projected, thinned by `thinned`."""
    vertices, faces = mesh
    if not len(faces):
        return np.zeros((0, 3))
    scene, found = ray_scene(vertices, faces), []
    for camera in cameras or protocol_cameras():
        origins, directions = (rays.reshape(-1, 3) for rays in camera.rays())
        face, _, distance = cast(scene, origins, directions)
        hit = face >= 0
        found.append(origins[hit] + distance[hit, None] * directions[hit])
    return thinned(np.concatenate(found))


def thinned(points: np.ndarray, voxel: float = VOXEL) -> np.ndarray:
    """The mean of the points in each voxel."""
    if not len(points):
        return points
    cell = np.floor(points / voxel).astype(np.int64)
    cell -= cell.min(axis=0)
    _, key = np.unique(np.ravel_multi_index(cell.T, cell.max(axis=0) + 1), return_inverse=True)
    count = np.bincount(key)
    return np.stack([np.bincount(key, points[:, k]) / count for k in range(3)], axis=1)


def volume(mesh: Mesh) -> np.ndarray:
    """(64, 64, 64) bool on the points linspace(-1, 1, 64) of each axis."""
    vertices, faces = mesh
    if not len(faces):
        return np.zeros((RESOLUTION,) * 3, dtype=bool)
    return occupancy(vertices, faces, RESOLUTION, RESOLUTION / (RESOLUTION - 1))


def shape_scores(mesh: Mesh, true_points: np.ndarray, true_volume: np.ndarray) -> dict[str, float]:
    """Chamfer, F-scores and volume IoU, unaligned; and the same after a similarity alignment ("aligned ...")."""
    points = visible_points(mesh)
    plain = _measure(points, true_points, volume(mesh), true_volume)
    scale, rotation, shift = similarity(points, true_points)
    moved = (scale * mesh[0] @ rotation.T + shift, mesh[1])
    aligned = _measure(thinned(scale * points @ rotation.T + shift), true_points, volume(moved), true_volume)
    return {**plain, **{f"aligned {name}": value for name, value in aligned.items()}}


def _measure(
    points: np.ndarray, true_points: np.ndarray, filled: np.ndarray, true_filled: np.ndarray
) -> dict[str, float]:
    return {
        "IoU": volume_iou(filled, true_filled),
        **point_scores(points, true_points, (0.01, 0.05)),
    }


def similarity(
    points: np.ndarray, target: np.ndarray, rounds: int = 30
) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, (3, 3) rotation and (3,) shift that bring points (N, 3) onto a target (M, 3), by ICP.

    Correspondences are taken in both directions, so that shrinking does not pay. It starts once where the points
    are and once with their box scaled and moved onto the target's; the better result counts, and the points'
    own place if nothing is better.
    """
    best = (1.0, np.eye(3), np.zeros(3))
    if not len(points) or not len(target):
        return best
    rng = np.random.default_rng(0)
    source = points[rng.choice(len(points), min(len(points), 3000), replace=False)]
    aim = target[rng.choice(len(target), min(len(target), 3000), replace=False)]
    least = chamfer(source, aim)
    boxes = [(np.ptp(p, axis=0), (p.max(0) + p.min(0)) / 2) for p in (source, aim)]
    ratio = float(boxes[1][0].max() / max(boxes[0][0].max(), 1e-9))
    for start in ((1.0, np.zeros(3)), (ratio, boxes[1][1] - ratio * boxes[0][1])):
        found = _icp(source, aim, start[0], start[1], rounds)
        error = chamfer(found[0] * source @ found[1].T + found[2], aim)
        if error < least:
            least, best = error, found
    return best


def _icp(
    source: np.ndarray, aim: np.ndarray, scale: float, shift: np.ndarray, rounds: int
) -> tuple[float, np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    rotation, tree = np.eye(3), cKDTree(aim)
    for _ in range(rounds):
        moved = scale * source @ rotation.T + shift
        forth, back = tree.query(moved)[1], cKDTree(moved).query(aim)[1]
        a, b = np.concatenate([source, source[back]]), np.concatenate([aim[forth], aim])
        before, (scale, rotation, shift) = scale * rotation, umeyama(a, b)
        if np.abs(scale * rotation - before).max() < 1e-5:
            break
    return scale, rotation, shift


def umeyama(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Least-squares similarity from (N, 3) points onto (N, 3) points (Umeyama 1991, eq. 40-42)."""
    mean_a, mean_b = a.mean(0), b.mean(0)
    u, singular, vt = np.linalg.svd((b - mean_b).T @ (a - mean_a) / len(a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = float((singular * sign).sum() / max(np.square(a - mean_a).sum(1).mean(), 1e-12))
    return scale, rotation, mean_b - scale * rotation @ mean_a
