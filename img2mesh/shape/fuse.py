"""The photo's outline is a hard limit: what it shows is there, and nothing sticks out beyond it.

Views vote on the shape and may outvote the photo where a part is thin, and blurred views say little about it at all. So
a grid, from an occupancy network or from the views' hull, is made to fill the photo's silhouette, and where a hull is
not believed it is mixed with the photo's outline, inflated (`inflate`).
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.view import View
from img2mesh.core.visual_hull import MARGIN, along_rays, cone_distances, mask_distance, ray_bins
from img2mesh.shape.inflate import Inflated, look_up, thin_parts, with_thin_parts

PIXELS = 128  # side of the picture on which rays are gathered
SMOOTH = 0.03  # world units: generated outlines waver by about three pixels
THIN = 0.04  # half depth, world units, that what is put back tends to where the outline is wide and views believed
FINEST = 0.009  # world units: spacing of the result's samples, for thin parts
DEPTHS = (0.7, 1.35)  # factors between which blurred views may change the depth that the outline suggests
THICKENED = 0.006  # world units: parts of a few pixels get this much thicker, or the lattice would lose them


def smooth_hull(hull: SdfGrid, sigma: float = SMOOTH) -> SdfGrid:
    """The hull without the facets and spikes that silhouettes drawn by a network leave; `sigma` in world units."""
    from scipy.ndimage import gaussian_filter

    sdf = gaussian_filter(hull.sdf, sigma / hull.spacing, mode="nearest")
    return SdfGrid(sdf, hull.bounds)


def fill_outline(grid: SdfGrid, photo: View, belief: float = 1.0) -> SdfGrid:
    """The shape whose outline from the photo's camera is the photo's.

    Args:
        grid: a shape that says nothing of the photo yet.
        photo: the user's photo, (H, W, 4).
        belief: in [0, 1], how far the shape is believed against the inflated outline.

    Returns:
        A finer grid that reaches as far as the photo's outline does; its distances are only bounds of the true ones
        away from the surface.
    """
    body = Inflated(photo)
    grid = _refined(_widened(grid, photo, body))
    points, _ = lattice(grid.bounds, grid.spacing)
    common = grid.sdf.reshape(-1)
    cone = cone_distances([mask_distance(with_thin_parts(photo.mask))], [photo.camera], points)[0]
    near = np.flatnonzero(cone < 0.05)  # nothing further out is ever inside
    points, cone = points[near], cone[near]
    rays = ray_bins(points, photo.camera, PIXELS)
    if belief < 1:
        body.deepen(_depth_factor(common[near], cone, points, body))
    pixels, _ = photo.camera.project(points)
    middle = _middle(common[near], cone, points, rays, photo, body)
    # On rays inside the outline that miss the shape, the inflated outline stands in.
    lost = _lost(along_rays(np.maximum(common[near], cone)[cone < 0], rays[cone < 0], PIXELS))
    lost = look_up(lost, pixels, photo.camera)
    say = belief * (1 - lost)
    most = THIN / np.maximum(belief * lost, 1e-3)  # what believed views leave out is thin
    own = body.distance(points, belief * look_up(middle, pixels, photo.camera), most)
    extra = THICKENED * look_up(thin_parts(photo.mask), pixels, photo.camera)
    result = np.maximum(common, 0.05)
    result[near] = np.maximum(say * common[near] + (1 - say) * own, cone) - extra
    return cropped(SdfGrid(result.reshape(grid.sdf.shape).astype(np.float32), grid.bounds))


def _depth_factor(common: np.ndarray, cone: np.ndarray, points: np.ndarray, body: Inflated) -> float:
    """How much deeper the hull is than the body, within `DEPTHS`, where the body is thick.

    Views too blurred for outlines still tell wide from narrow.
    """
    thick = (cone < 0) & (body.local_half_depth(points) > 0.6 * body.half_depth)
    own = (body.distance(points[thick]) < 0).sum()
    return float(np.clip((common[thick] < 0).sum() / max(own, 1), *DEPTHS))


def _middle(
    common: np.ndarray, cone: np.ndarray, points: np.ndarray, rays: np.ndarray, photo: View, body: Inflated
) -> np.ndarray:
    """(PIXELS, PIXELS) how far behind the body's plane the views came nearest to agreeing, along each ray, smoothed."""
    from scipy.ndimage import gaussian_filter

    range_ = np.linalg.norm(points - photo.camera.position, axis=-1)
    inside = np.flatnonzero(cone < 0)
    value = np.where(cone < 0, common, np.float32(np.inf))
    least = np.full(PIXELS * PIXELS, np.inf, value.dtype)
    np.minimum.at(least, rays[inside], value[inside])
    inside = inside[value[inside] == least[rays[inside]]]
    best = inside[np.unique(rays[inside], return_index=True)[1]]  # the first of equals
    offset = np.zeros(PIXELS * PIXELS)
    pixels, _ = photo.camera.project(points[best])
    offset[rays[best]] = range_[best] - body.plane_range(pixels)
    # Rays well inside the hull know best; the others follow their neighbours.
    weight = np.zeros(PIXELS * PIXELS)
    weight[rays[best]] = np.exp(-np.clip(value[best], -0.1, 0.3) / 0.03)
    shape = (PIXELS, PIXELS)
    blurred = gaussian_filter(weight.reshape(shape), 3.0) + 1e-6
    return gaussian_filter((weight * offset).reshape(shape), 3.0) / blurred


def _lost(least: np.ndarray) -> np.ndarray:
    """(PIXELS, PIXELS) in [0, 1]: near 1 around rays that run inside the outline and miss the shape."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    missing = (np.isfinite(least) & (least > -0.002)).reshape(PIXELS, PIXELS)
    return gaussian_filter(maximum_filter(missing.astype(np.float32), 3), 1.0).clip(0, 1)


def _refined(grid: SdfGrid) -> SdfGrid:
    """The same grid, trilinear, on a lattice of at most `FINEST` spacing."""
    if grid.spacing <= FINEST:
        return grid
    from scipy.ndimage import map_coordinates

    low, high = grid.bounds
    steps = np.ceil((high - low) / FINEST - 1e-6).astype(int)
    axes = [np.arange(n + 1) * FINEST / grid.spacing for n in steps]
    places = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    sdf = map_coordinates(grid.sdf, places, order=1, mode="nearest")
    return SdfGrid(sdf, np.stack([low, low + steps * FINEST]))


def cropped(grid: SdfGrid) -> SdfGrid:
    """The grid on the part of its lattice that holds its inside and `MARGIN` around it."""
    inside = grid.sdf < 0
    if not inside.any():
        return grid
    margin = int(np.ceil(MARGIN / grid.spacing))
    parts = []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(k for k in range(3) if k != axis)))
        parts.append(slice(max(used[0] - margin, 0), min(used[-1] + margin, inside.shape[axis] - 1) + 1))
    first, last = (np.array([getattr(part, name) for part in parts]) for name in ("start", "stop"))
    bounds = grid.bounds[0] + np.stack([first, last - 1]) * grid.spacing
    return SdfGrid(np.ascontiguousarray(grid.sdf[tuple(parts)]), bounds)


def _widened(grid: SdfGrid, photo: View, body: Inflated) -> SdfGrid:
    """The grid on a lattice that holds the inflated outline."""
    rows, columns = np.nonzero(photo.mask > 0.5)
    if not len(rows):
        return grid
    camera, spacing = photo.camera, grid.spacing
    corners = np.array(
        [[u, v] for u in (columns.min(), columns.max() + 1) for v in (rows.min(), rows.max() + 1)], float
    )
    origins, directions = camera.rays(corners)
    middle = body.plane_range(corners)
    corners_of_box = [origins + directions * (middle + side * body.half_depth)[:, None] for side in (-1, 1)]
    ends = np.concatenate(corners_of_box)
    low, high = ends.min(axis=0) - 2 * spacing, ends.max(axis=0) + 2 * spacing
    before = np.ceil(np.maximum(grid.bounds[0] - low, 0) / spacing).astype(int)
    after = np.ceil(np.maximum(high - grid.bounds[1], 0) / spacing).astype(int)
    sdf = np.pad(grid.sdf, list(zip(before, after, strict=True)), mode="edge")
    bounds = np.stack([grid.bounds[0] - before * spacing, grid.bounds[1] + after * spacing])
    return SdfGrid(sdf, bounds)
