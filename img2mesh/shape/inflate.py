"""A body for the photo's outline alone: round where the outline is narrow, flattened where it is wide.

What remains to say about depth where no other view can be believed. The outline is inflated by Poisson's equation, in
the spirit of Teddy (Igarashi et al. 1999) and Repoussé (Joshi and Carr 2008): with -laplace(u) = 2.4 inside the outline
and u = 0 on it, the half depth is sqrt(u). A strip becomes a rod 1.1 times as deep as wide, a disc a ball flattened to
0.77 of its width.
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.view import View

PRESSURE = 2.4
FAINT = 0.2  # alpha from which a pixel far from broad parts belongs to a thin one
UPRIGHT, FACING = (
    30.0,
    60.0,
)  # degrees of elevation: up to the first the body stands, from the second it faces us
CHUNK = 1 << 16  # points whose distances are found at once; bounds the memory


class Inflated:
    """The photo's outline, inflated about a plane through the origin.

    The plane is upright for a photo taken from the side, for things stand on their feet, and faces a camera that
    looks down from far above.

    Args:
        photo: (H, W, 4); alpha above 0.5 is the outline's inside.

    Attributes:
        normal: (3,) of the plane, towards the camera.
        square: (H, W) float32, the square of the half depth along each pixel's ray, world units; 0 outside.
    """

    def __init__(self, photo: View) -> None:
        self.camera = photo.camera
        self.normal = plane_normal(photo.camera)
        inside = with_thin_parts(photo.mask) > 0.5
        _, directions = photo.camera.rays()
        axial = -directions @ photo.camera.c2w[:3, 2]  # share of a ray's length along the viewing axis
        depth = self._plane_depth(directions) * axial
        self._pixel = depth / photo.camera.fl_x  # world units at the plane
        self._become(_poisson(inside) * self._pixel**2)

    def _become(self, square: np.ndarray) -> None:
        self.square = square.astype(np.float32)
        slope = np.stack(np.gradient(square)[::-1], axis=-1) / self._pixel[..., None]
        self._steepness = (slope**2).sum(-1).astype(np.float32)

    def deepen(self, factor: float) -> None:
        """Multiply the half depth by a factor where it is largest, by less elsewhere: thin parts stay round."""
        share = self.square.astype(np.float64) / max(self.square.max(initial=0), 1e-12)
        self._become(self.square * (1 + (factor**2 - 1) * share))

    @property
    def half_depth(self) -> float:
        """The largest, world units."""
        return float(np.sqrt(self.square.max(initial=0)))

    def distance(
        self, points: np.ndarray, shift: np.ndarray | float = 0.0, most: np.ndarray | float = np.inf
    ) -> np.ndarray:
        """Signed distance of (N, 3) points, (N,) float32, world units: exact for balls, else near the surface only.

        Outside the outline it is positive but too small; combine it with the outline's cone.

        Args:
            shift: (N,) or a number, how far behind the plane the body's middle lies along the points' rays.
            most: (N,) or a number to which half depths are limited.
        """
        found = np.empty(len(points), np.float32)
        shift = np.broadcast_to(shift, len(points))
        most = np.broadcast_to(np.asarray(most, np.float32), len(points))
        for start in range(0, len(points), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = self._distance(points[part], shift[part], most[part])
        return found

    def _distance(self, points: np.ndarray, shift: np.ndarray, most: np.ndarray) -> np.ndarray:
        away = points - self.camera.position
        range_ = np.linalg.norm(away, axis=-1)
        offset = (range_ - self._plane_depth(away / range_[:, None]) - shift).astype(np.float32)
        pixels, _ = self.camera.project(points)
        square, steep = (look_up(image, pixels, self.camera) for image in (self.square, self._steepness))
        square = square / (1 + square / most**2)  # smooth: small ones are left alone
        radius = offset**2 + steep / 4
        value = offset**2 - square
        # For a ball of radius R about c: value = |p - c|^2 - R^2 and radius = |p - c|^2.
        return value / np.maximum(np.sqrt(radius) + np.sqrt(np.maximum(radius - value, 0)), 1e-6)

    def local_half_depth(self, points: np.ndarray) -> np.ndarray:
        """(N,) float32 largest half depth near the rays of (N, 3) points, world units."""
        from scipy.ndimage import maximum_filter

        side = max(3, round(max(self.square.shape) / 40) | 1)
        pixels, _ = self.camera.project(points)
        return np.sqrt(look_up(maximum_filter(self.square, side), pixels, self.camera))

    def plane_range(self, pixels: np.ndarray) -> np.ndarray:
        """(N,) distance from the camera to the plane along the rays of (N, 2) pixels."""
        return self._plane_depth(self.camera.rays(np.asarray(pixels, dtype=np.float64))[1])

    def _plane_depth(self, directions: np.ndarray) -> np.ndarray:
        return -(self.camera.position @ self.normal) / np.minimum(directions @ self.normal, -1e-3)


def with_thin_parts(alpha: np.ndarray) -> np.ndarray:
    """(H, W) alpha in which parts less than two pixels wide are solid: they would fall apart at the level 0.5."""
    from scipy.ndimage import binary_dilation, binary_opening

    broad = binary_dilation(binary_opening(alpha > 0.5, np.ones((3, 3))), np.ones((5, 5)))
    return np.where((alpha > FAINT) & ~broad, np.maximum(alpha, 0.75), alpha).astype(np.float32)


def thin_parts(alpha: np.ndarray) -> np.ndarray:
    """(H, W) float32, 1 on and beside parts of an outline less than five pixels wide, fading to 0 over a pixel."""
    from scipy.ndimage import binary_dilation, binary_opening, binary_propagation, gaussian_filter

    inside = with_thin_parts(alpha) > 0.5
    disc = np.hypot(*np.mgrid[-2:3, -2:3]) < 2.5
    narrow = inside & ~binary_opening(inside, disc)
    # Corners and rough edges of broad parts are narrow too, but do not reach out.
    broad = binary_dilation(binary_opening(inside, disc), np.ones((5, 5)))
    reaching = binary_propagation(narrow & ~broad, mask=narrow)
    return gaussian_filter(binary_dilation(reaching, disc).astype(np.float32), 1.0)


def plane_normal(camera: Camera) -> np.ndarray:
    """(3,) unit normal, towards the camera, of the plane that the photo's object is taken to lie about."""
    elevation, azimuth = camera.elevation_deg, np.radians(camera.azimuth_deg)
    share = np.clip((abs(elevation) - UPRIGHT) / (FACING - UPRIGHT), 0, 1)
    tilt = np.radians(elevation * share)
    return np.array(
        [np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)], dtype=np.float64
    )


def _poisson(inside: np.ndarray) -> np.ndarray:
    """(H, W) float64 u, pixels squared: -laplace(u) = PRESSURE inside, 0 elsewhere and beyond the picture."""
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import spsolve

    result = np.zeros(inside.shape)
    count = int(inside.sum())
    if not count:
        return result
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(count)
    one, two = [], []
    for a, b in ((number[1:], number[:-1]), (number[:, 1:], number[:, :-1])):
        both = (a >= 0) & (b >= 0)
        one.append(a[both])
        two.append(b[both])
    rows, columns = np.concatenate([*one, *two]), np.concatenate([*two, *one])
    neighbours = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    result[inside] = spsolve((diags(np.full(count, 4.0)) - neighbours).tocsc(), np.full(count, PRESSURE))
    return result


def look_up(image: np.ndarray, pixels: np.ndarray, camera: Camera) -> np.ndarray:
    """(N,) bilinear values at (N, 2) pixels of a camera whose frame the image fills, at any size; border continued."""
    import torch

    grid = torch.from_numpy(
        (pixels * [2 / camera.width, 2 / camera.height] - 1).astype(np.float32)[None, None]
    )
    picture = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]
    value = torch.nn.functional.grid_sample(picture, grid, "bilinear", "border", align_corners=False)
    return value.numpy().reshape(-1)
