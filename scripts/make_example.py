"""Make the example photo: a glazed mug that exists only as formulas, lit like a product shot.

    python scripts/make_example.py examples/mug.jpg

A signed distance function gives the mug's shape, marching cubes its mesh, Embree casts the rays: large soft boxes
for direct light with soft shadows, a bright surrounding for ambient light with occlusion, mirror reflections of
the boxes in the glaze (Schlick's Fresnel term), a graded backdrop, and a little lens softness, vignetting and
sensor noise. The camera is that of docs/conventions.md, a little farther away: azimuth 0, elevation 20 degrees.
Same seed, same picture; it takes a minute or two.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.camera import orbit_camera
from img2mesh.core.files import atomic_file

FLOOR = -0.43
HANDLE = np.radians(62.0)  # azimuth of the handle: to the right in the photo, a little towards the viewer


def smooth_min(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    h = np.clip(0.5 + 0.5 * (b - a) / width, 0, 1)
    return b + (a - b) * h - width * h * (1 - h)


def radius_at(z: np.ndarray) -> np.ndarray:
    """Outer radius of the mug: a foot, a belly, a lip that opens a little."""
    belly = 0.305 + 0.045 * np.cos((z + 0.12) * 4.2)
    foot = -0.055 * np.exp(-(((z + 0.43) / 0.07) ** 2))
    lip = 0.03 * np.exp(-(((z - 0.43) / 0.1) ** 2))
    return belly + foot + lip


def parts(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Approximate signed distances (N,) to the cup and to its handle."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    ring = np.hypot(x, y)
    outer = (ring - radius_at(z)) * 0.95
    solid = np.maximum(outer, np.abs(z) - 0.43)
    hollow = np.maximum(ring - (radius_at(z) - 0.04), -0.36 - z)
    cup = -smooth_min(-solid, hollow, 0.025)
    along = x * np.cos(HANDLE) + y * np.sin(HANDLE)
    across = -x * np.sin(HANDLE) + y * np.cos(HANDLE)
    tilt = along - 0.335 - 0.12 * (z - 0.02)
    loop = np.hypot(tilt / 0.98, (z - 0.0) / 1.18) - 0.185
    handle = np.hypot(loop, across * 0.8) - 0.037
    handle = np.maximum(handle, radius_at(z) - 0.03 - ring)  # outside the cup's wall only
    return cup, handle


def distance(points: np.ndarray) -> np.ndarray:
    return smooth_min(*parts(points), 0.035)


def mesh() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and faces (F, 3) of the mug."""
    from skimage.measure import marching_cubes

    low, high, count = np.array([-0.45, -0.45, -0.46]), np.array([0.65, 0.75, 0.46]), (220, 240, 184)
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, count, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    values = np.concatenate([distance(chunk) for chunk in np.array_split(grid, 16)]).reshape(count)
    vertices, faces, _, _ = marching_cubes(values.astype(np.float32), 0.0)
    return vertices / (np.array(count) - 1) * (high - low) + low, faces


def normals_at(points: np.ndarray) -> np.ndarray:
    """Unit gradients of the distance function (central differences)."""
    step = 1.5e-3
    gradient = np.stack(
        [distance(points + step * axis) - distance(points - step * axis) for axis in np.eye(3)], axis=-1
    )
    return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)


def paint(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear albedo (N, 3) and gloss (N,) of the glaze: a sun in front, a moon behind, waves around the foot."""
    x, y, z = points.T
    angle = np.arctan2(y, x)
    ring = np.hypot(x, y)
    cup, handle = parts(points)
    cream, teal, navy = (
        np.array([0.80, 0.70, 0.52]),
        np.array([0.02, 0.27, 0.31]),
        np.array([0.02, 0.05, 0.16]),
    )
    coral, gold, clay = (
        np.array([0.72, 0.10, 0.05]),
        np.array([0.85, 0.42, 0.03]),
        np.array([0.42, 0.22, 0.12]),
    )
    colour = np.broadcast_to(cream, points.shape).copy()

    def lay(where: np.ndarray, tint: np.ndarray) -> None:
        colour[where] = tint

    lay(z > 0.30 + 0.012 * np.sin(9 * angle), teal)
    for row, tint in ((-0.13, teal), (-0.21, navy)):
        lay(z < row + 0.032 * np.sin(8 * angle + 9 * row), tint)
    # the sun: a disc with twelve rays, at azimuth -14 degrees; u runs to the photo's right
    u, v = (angle + np.radians(14)) * 0.34, z - 0.085
    far, turn = np.hypot(u, v), np.arctan2(v, u)
    lay((far < 0.155 + 0.03 * np.cos(12 * turn)) & (far > 0.10), coral)
    lay(far < 0.092, gold)
    for side in (-1, 1):
        lay(np.hypot(u - side * 0.032, v - 0.022) < 0.012, navy)
    lay((np.abs(np.hypot(u, v - 0.012) - 0.05) < 0.007) & (v < -0.012), navy)
    # the moon and stars on the other side
    u = (np.mod(angle, 2 * np.pi) - np.pi) * 0.34
    lay((np.hypot(u, v) < 0.13) & (np.hypot(u - 0.05, v - 0.03) > 0.105), gold)
    for du, dv in ((0.2, 0.1), (-0.22, 0.04), (0.14, -0.1)):
        lay(np.abs(u - du) + np.abs(v - dv) < 0.03, coral)
    lay((ring < radius_at(z) - 0.02) & (z < 0.425) & (cup < 0.02), np.array([0.74, 0.68, 0.56]))  # the inside
    lay((handle < cup) & (handle < 0.012), coral)
    lay(z < FLOOR + 0.022, clay)
    speckle = np.sin(91 * x + 17 * z) * np.sin(83 * y - 29 * z) * np.sin(101 * z + 37 * x)
    colour *= (1 - 0.35 * (speckle > 0.93))[:, None]
    return colour, np.where(z < FLOOR + 0.022, 0.0, 1.0)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


# The soft boxes: centre, half edges, radiance.
BOXES = (
    (
        np.array([1.9, -1.9, 2.3]),
        np.array([0.55, 0.55, 0.0]),
        np.array([-0.45, 0.45, 0.55]),
        np.array([1.0, 0.95, 0.87]) * 15,
    ),
    (
        np.array([1.25, -2.3, 0.75]),
        np.array([0.26, 0.14, 0.0]),
        np.array([0.0, 0.0, 1.15]),
        np.array([1.0, 0.97, 0.92]) * 3.4,
    ),
    (
        np.array([1.2, 2.6, 1.3]),
        np.array([0.5, -0.25, 0.0]),
        np.array([0.0, 0.0, 0.7]),
        np.array([0.80, 0.90, 1.0]) * 3.2,
    ),
)


def surrounding(directions: np.ndarray, mirror: bool = False) -> np.ndarray:
    """Radiance (N, 3) from far away: a bright ceiling, darker walls; with the soft boxes where mirrored."""
    up = directions[:, 2:]
    light = 0.34 + 0.30 * np.clip(up, -1, 1)
    light = light * np.array([0.97, 1.0, 1.04])
    if mirror:
        for centre, a, b, radiance in BOXES:
            facing = unit(np.cross(a, b))
            t = (centre @ facing) / np.where(np.abs(directions @ facing) < 1e-6, 1e-6, directions @ facing)
            local = directions * t[:, None] - centre
            inside = (t > 0) & (np.abs(local @ a) < a @ a) & (np.abs(local @ b) < b @ b)
            light = np.where(inside[:, None], radiance * 1.8, light)
    return light


class Scene:
    """The mug's mesh in Embree, and the light that reaches points on it or on the floor."""

    def __init__(self, seed: int) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.rng = np.random.default_rng(seed)
        self.scene = EmbreeScene()
        vertices, faces = mesh()
        TriangleMesh(self.scene, vertices.astype(np.float32)[faces])

    def first(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """(N,) distance to the mug, inf where it is missed."""
        got = self.scene.run(origins.astype(np.float32), directions.astype(np.float32), query="DISTANCE")
        return np.where(got > 1e30, np.inf, got)

    def blocked(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        return self.first(origins, directions) < 1e6

    def lit(self, points: np.ndarray, normals: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Irradiance / pi (N, 3) with the mug in the way, and without it."""
        seen, free = np.zeros_like(points), np.zeros_like(points)
        start = points + 2e-3 * normals
        for centre, a, b, radiance in BOXES:
            area = 4 * np.linalg.norm(np.cross(a, b))
            for _ in range(samples):
                s, t = self.rng.uniform(-1, 1, (2, len(points), 1))
                to = centre + s * a + t * b - points
                length = np.linalg.norm(to, axis=-1, keepdims=True)
                to = to / length
                cosine = np.clip((to * normals).sum(-1, keepdims=True), 0, None)
                arrives = radiance * cosine * area / (np.pi * length**2) / samples
                free += arrives
                seen += np.where(self.blocked(start, to)[:, None], 0, arrives)
        for _ in range(
            samples
        ):  # cosine-weighted directions: a point on the unit sphere around the normal's tip
            ways = unit(normals + unit(self.rng.normal(size=points.shape)) * 0.999)
            arrives = surrounding(ways) / samples
            free += arrives
            seen += np.where(self.blocked(start, ways)[:, None], 0.22 * arrives, arrives)
        return seen, free

    def shade(self, origins: np.ndarray, directions: np.ndarray, samples: int) -> np.ndarray:
        """Linear radiance (N, 3) along primary rays."""
        depth = self.first(origins, directions)
        hit = np.isfinite(depth)
        height = np.arcsin(np.clip(directions[:, 2], -1, 1))
        blend = np.clip((height + 0.80) / 0.95, 0, 1)[:, None]
        backdrop = (1 - blend) * np.array([0.60, 0.585, 0.56]) + blend * np.array([0.34, 0.37, 0.41])
        out = backdrop.copy()
        down = ~hit & (directions[:, 2] < -0.02)
        points = origins[down] + directions[down] * ((FLOOR - origins[down, 2:]) / directions[down, 2:])
        away = np.linalg.norm(points[:, :2], axis=-1)
        near = away < 2.6
        spots, fade = points[near], np.clip((2.6 - away[near]) / 1.4, 0, 1)[:, None]
        seen, free = self.lit(spots, np.broadcast_to([0.0, 0.0, 1.0], spots.shape), samples)
        out[np.flatnonzero(down)[near]] *= 1 - fade * (1 - seen / free)
        points, rays = origins[hit] + directions[hit] * depth[hit, None], directions[hit]
        normals = normals_at(points)
        albedo, gloss = paint(points)
        seen, _ = self.lit(points, normals, samples)
        cosine = np.clip(-(normals * rays).sum(-1), 0, 1)
        fresnel = (0.045 + 0.955 * (1 - cosine) ** 5) * gloss
        mirrored = rays + 2 * cosine[:, None] * normals
        mirrored = unit(mirrored + 0.012 * self.rng.normal(size=mirrored.shape))
        image = surrounding(mirrored, mirror=True)
        to_floor = (FLOOR - points[:, 2]) / np.minimum(mirrored[:, 2], -1e-6)
        image[(mirrored[:, 2] < 0) & (to_floor < 1.9)] = [0.42, 0.41, 0.39]
        image[self.blocked(points + 3e-3 * normals, mirrored)] = 0.12
        out[hit] = albedo * seen * (1 - fresnel[:, None]) + image * fresnel[:, None]
        return out


def photograph(size: int, grid: int, samples: int, seed: int) -> np.ndarray:
    """(size, size, 3) uint8."""
    from scipy.ndimage import gaussian_filter

    scene, rng = Scene(seed), np.random.default_rng(seed + 1)
    camera = orbit_camera(20.0, 0.0, distance=1.75, size=size)
    image = np.zeros((size, size, 3))
    rows = np.arange(size)
    for sub in range(grid * grid):
        for band in np.array_split(rows, 8):
            v, u = np.meshgrid(band, rows, indexing="ij")
            jitter = (
                rng.uniform(size=(2, *u.shape)) + np.array([sub % grid, sub // grid])[:, None, None]
            ) / grid
            pixels = np.stack([u + jitter[0], v + jitter[1]], axis=-1).reshape(-1, 2)
            origins, directions = camera.rays(pixels)
            image[band] += scene.shade(np.array(origins), directions, samples).reshape(len(band), size, 3)
    image /= grid * grid
    v, u = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image *= (1 - 0.10 * (u * u + v * v))[..., None]
    image = gaussian_filter(image, (0.7, 0.7, 0))
    image = image + rng.normal(size=image.shape) * 0.004 * np.sqrt(image + 0.05)
    image = np.clip(image * 1.12, 0, None)
    image = np.where(image > 0.7, 0.7 + 0.3 * np.tanh((image - 0.7) / 0.3), image)  # highlights roll off
    encoded = np.where(
        image <= 0.0031308, 12.92 * image, 1.055 * np.maximum(image, 1e-9) ** (1 / 2.4) - 0.055
    )
    return (encoded.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path("examples/mug.jpg"))
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--grid", type=int, default=3, help="grid of subpixels")
    parser.add_argument("--samples", type=int, default=2, help="shadow rays per subpixel, light and kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    pixels = photograph(given.size, given.grid, given.samples, given.seed)
    with atomic_file(given.out) as temporary:
        Image.fromarray(pixels).save(temporary, quality=90, subsampling=0)


if __name__ == "__main__":
    main()
