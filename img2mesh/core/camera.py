"""Pinhole cameras on a sphere, relative poses and rays. Axes, signs and units: docs/conventions.md."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

FOV_DEG = 49.13434  # 2 atan(16/35): the 35 mm lens and 32 mm sensor of Zero-1-to-3's renders
DISTANCE = 1.6  # of every camera of the main job, in units of the object's longest side
IMAGE_SIZE = 256


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera with square or oblong pixels and no distortion.

    Attributes:
        c2w: (4, 4) float64, camera to world, OpenGL axes (+x right, +y up, looks along -z).
        fl_x, fl_y: focal lengths in pixels.
        cx, cy: principal point in pixels; the centre of the top left pixel is (0.5, 0.5).
        width, height: image size in pixels.
    """

    c2w: np.ndarray
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def position(self) -> np.ndarray:
        """(3,) float64 centre of projection in the world."""
        return self.c2w[:3, 3]

    @property
    def elevation_deg(self) -> float:
        """Degrees above the horizon, as seen from the world's origin."""
        x, y, z = self.position
        return math.degrees(math.atan2(z, math.hypot(x, y)))

    @property
    def azimuth_deg(self) -> float:
        """Degrees counter-clockwise from +x seen from above, in (-180, 180]."""
        return math.degrees(math.atan2(self.position[1], self.position[0]))

    @property
    def distance(self) -> float:
        """Distance from the world's origin."""
        return float(np.linalg.norm(self.position))

    def resized(self, width: int, height: int) -> Camera:
        """The same view with other pixels."""
        sx, sy = width / self.width, height / self.height
        return Camera(self.c2w, self.fl_x * sx, self.fl_y * sy, self.cx * sx, self.cy * sy, width, height)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) to pixel coordinates (..., 2) and depth (...) along the viewing axis."""
        local = (points - self.position) @ self.c2w[:3, :3]  # (..., 3) in camera axes
        depth = -local[..., 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        u = self.cx + self.fl_x * local[..., 0] / safe
        v = self.cy - self.fl_y * local[..., 1] / safe
        return np.stack([u, v], axis=-1), depth

    def rays(self, pixels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Origins and unit directions, float64.

        Args:
            pixels: (..., 2) pixel coordinates (u, v); None means all pixel centres, (height, width, 2).

        Returns:
            (..., 3) origins and (..., 3) directions.
        """
        if pixels is None:
            v, u = np.mgrid[0 : self.height, 0 : self.width] + 0.5
            pixels = np.stack([u, v], axis=-1)
        local = np.stack(
            [
                (pixels[..., 0] - self.cx) / self.fl_x,
                -(pixels[..., 1] - self.cy) / self.fl_y,
                -np.ones(pixels.shape[:-1]),
            ],
            axis=-1,
        )
        directions = local @ self.c2w[:3, :3].T
        directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
        return np.broadcast_to(self.position, directions.shape), directions


def look_at(position: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """(4, 4) camera-to-world matrix at `position` looking at `target` (default: origin), world z up.

    Straight above or below, where "up" is undefined, image up is the limit of azimuth atan2(y, x) as the
    camera tilts there: a camera at azimuth 0 that rises to the pole keeps -x as its up direction.
    """
    position = np.asarray(position, dtype=np.float64)
    target = np.zeros(3) if target is None else np.asarray(target, dtype=np.float64)
    back = position - target
    back = back / np.linalg.norm(back)
    if math.hypot(back[0], back[1]) < 1e-9:
        right = np.array([0.0, 1.0, 0.0])
    else:
        right = np.cross([0.0, 0.0, 1.0], back)
        right = right / np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = right, np.cross(back, right), back, position
    return matrix


def orbit_camera(
    elevation_deg: float,
    azimuth_deg: float,
    distance: float = DISTANCE,
    fov_deg: float = FOV_DEG,
    size: int = IMAGE_SIZE,
) -> Camera:
    """A square camera that looks at the origin from spherical coordinates (docs/conventions.md).

    Elevation is clamped to (-90, 90) by a hair so that azimuth stays defined at the poles.
    """
    elevation = math.radians(max(-89.999, min(89.999, elevation_deg)))
    azimuth = math.radians(azimuth_deg)
    position = distance * np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )
    focal = 0.5 * size / math.tan(math.radians(fov_deg) / 2)
    return Camera(look_at(position), focal, focal, size / 2, size / 2, size, size)


def turned(camera: Camera, elevation_deg: float, azimuth_deg: float) -> Camera:
    """The camera moved on its sphere about the world's origin, turned along with it.

    By so many degrees up and counter-clockwise from above; its elevation stays within 89 degrees.
    """
    up = np.radians(np.clip(camera.elevation_deg + elevation_deg, -89, 89)), np.radians(camera.elevation_deg)
    side = np.radians(camera.azimuth_deg + azimuth_deg), np.radians(camera.azimuth_deg)
    frames = []
    for e, a in zip(up, side, strict=True):
        direction = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        frames.append(look_at(direction * camera.distance)[:3, :3])
    turn = frames[0] @ frames[1].T
    c2w = camera.c2w.copy()
    c2w[:3, :3], c2w[:3, 3] = turn @ c2w[:3, :3], turn @ c2w[:3, 3]
    return replace(camera, c2w=c2w)


def rescaled(camera: Camera, centre: np.ndarray, scale: float) -> Camera:
    """The camera in a world whose origin is `centre` and whose unit is `scale` of the old one."""
    c2w = camera.c2w.copy()
    c2w[:3, 3] = (c2w[:3, 3] - centre) / scale
    return replace(camera, c2w=c2w)


def camera_from_w2c(w2c: np.ndarray, fov_deg: float = FOV_DEG, size: int = IMAGE_SIZE) -> Camera:
    """Camera from a 3x4 world-to-camera matrix with OpenGL camera axes: the paper's `.npy` files.

    Zero-1-to-3 stores Blender's camera, which has OpenGL axes, inverted: the centre is C = -R^T t (docs/zero123.md).
    """
    rotation, translation = np.asarray(w2c)[:3, :3], np.asarray(w2c)[:3, 3]
    c2w = np.eye(4)
    c2w[:3, :3], c2w[:3, 3] = rotation.T, -rotation.T @ translation
    focal = 0.5 * size / math.tan(math.radians(fov_deg) / 2)
    return Camera(c2w, focal, focal, size / 2, size / 2, size, size)


def w2c_from_camera(camera: Camera) -> np.ndarray:
    """3x4 world-to-camera matrix, OpenGL camera axes: the inverse of `camera_from_w2c`."""
    rotation = camera.c2w[:3, :3].T
    return np.concatenate([rotation, (-rotation @ camera.position)[:, None]], axis=1)


def relative_pose(condition: Camera, target: Camera) -> np.ndarray:
    """(4,) float32 Zero-1-to-3 pose [polar_t - polar_c, sin d, cos d, radius_t - radius_c].

    d is the azimuth difference target minus condition; polar angles are measured from +z, in radians;
    radius in units of the object's longest side (Zero-1-to-3, section 3.2; docs/conventions.md).
    """
    d = math.radians(target.azimuth_deg - condition.azimuth_deg)
    polar = math.radians(condition.elevation_deg - target.elevation_deg)
    return np.array([polar, math.sin(d), math.cos(d), target.distance - condition.distance], dtype=np.float32)


def ring_azimuths(n: int) -> np.ndarray:
    """(n,) azimuths in degrees, evenly spaced over the full turn, the first at the input view (0)."""
    return np.arange(n) * (360.0 / n)
