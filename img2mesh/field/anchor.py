"""The photo is right: what it shows is there, and nothing sticks out beyond its outline.

Synthesized views vote on the shape and may outvote the photo where a part is thin. Here the hull is made to fill the
photo's silhouette again: along each of its rays the hull is grown where the views came nearest to agreeing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.views.hull import Hull, along_rays, cone_distances, lattice, mask_distance, ray_bins
from img2mesh.views.view import View

PIXELS = 128  # side of the picture on which rays are gathered
SMOOTH = 0.03  # world units: generated outlines waver by about three pixels
THICKNESS = 0.015  # half depth, world units, of what is put back, less where the outline is thinner


def smooth_hull(hull: Hull, sigma: float = SMOOTH) -> Hull:
    """The hull without the facets and spikes that silhouettes drawn by a network leave; `sigma` in world units."""
    from scipy.ndimage import gaussian_filter

    sdf = gaussian_filter(hull.sdf, sigma / hull.spacing, mode="nearest")
    return dataclasses.replace(hull, sdf=sdf)


def anchor_hull(hull: Hull, photo: View, index: int) -> Hull:
    """The hull whose outline from the photo's camera is the photo's.

    Args:
        hull: of all views.
        photo: the user's photo, (H, W, 4).
        index: its place among the hull's views; its trust becomes 1.

    Returns:
        A hull whose lattice reaches as far as the photo's outline does at the origin's depth; its distances are only
        bounds of the true ones where it was grown.
    """
    from scipy.ndimage import gaussian_filter

    hull = _widened(hull, photo)
    points, _ = lattice(hull.bounds, hull.spacing)
    cone = cone_distances([mask_distance(photo.mask)], [photo.camera], points)[0]
    common = hull.sdf.reshape(-1)
    rays = ray_bins(points, photo.camera, PIXELS)
    inside = cone < 0
    least = along_rays(np.maximum(common, cone)[inside], rays[inside], PIXELS)
    thick = along_rays(cone[inside], rays[inside], PIXELS)  # minus the distance to the outline
    known = np.isfinite(least)
    # Rays that miss the hull get a part that the lattice can hold; those that barely meet it are left nearly alone.
    room = np.maximum(-thick, 0)
    part = np.clip(0.8 * room, hull.spacing, THICKNESS + hull.spacing)
    depth = np.where(least > 0.5 * hull.spacing, part, np.minimum(0.2 * room, THICKNESS))
    missing = np.where(known, np.maximum(least + depth, 0), 0)
    known_image, image = (a.reshape(PIXELS, PIXELS).astype(np.float64) for a in (known, missing))
    weight = gaussian_filter(known_image, 1.0)
    smooth = np.where(weight > 1e-3, gaussian_filter(image, 1.0) / np.maximum(weight, 1e-3), 0)
    needed = np.maximum(smooth, image).reshape(-1).astype(np.float32)
    sdf = np.maximum(common - needed[rays], cone)
    trust = hull.trust.copy()
    trust[index] = 1.0
    return dataclasses.replace(hull, sdf=sdf.reshape(hull.sdf.shape).astype(np.float32), trust=trust)


def _widened(hull: Hull, photo: View) -> Hull:
    """The hull on a lattice that holds the photo's silhouette, put upright at the origin."""
    rows, columns = np.nonzero(photo.mask > 0.5)
    if not len(rows):
        return hull
    camera, spacing = photo.camera, hull.spacing
    corners = np.array(
        [[u, v] for u in (columns.min(), columns.max() + 1) for v in (rows.min(), rows.max() + 1)]
    )
    origins, directions = camera.rays(corners.astype(np.float64))
    towards = camera.position / camera.distance
    reach = -(origins @ towards) / (
        directions @ towards
    )  # to the plane through the origin that faces the camera
    flat = origins + directions * reach[:, None]
    low, high = flat.min(0) - 2 * spacing, flat.max(0) + 2 * spacing
    before = np.ceil(np.maximum(hull.bounds[0] - low, 0) / spacing).astype(int)
    after = np.ceil(np.maximum(high - hull.bounds[1], 0) / spacing).astype(int)
    sdf = np.pad(hull.sdf, list(zip(before, after, strict=True)), mode="edge")
    bounds = np.stack([hull.bounds[0] - before * spacing, hull.bounds[1] + after * spacing])
    return dataclasses.replace(hull, sdf=sdf, bounds=bounds)
