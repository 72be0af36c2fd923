"""From photos of several sides to a shape."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid, lattice, smooth_distance
from img2mesh.core.shape import Shape
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.core.visual_hull import MARGIN, VisualHull, along_rays, cone_distances, mask_distance, ray_bins
from img2mesh.multiview.exposure import equal_exposure
from img2mesh.photos.evidence import CELLS, CONE, LATTICE, OUTSIDE, Witness, features
from img2mesh.settings import Settings
from img2mesh.shape.fuse import FINEST, cropped, fill_outline
from img2mesh.shape.reconstruct import field_of
from img2mesh.shape.threshold import FAINTEST, NEAR_LIKELIEST, best_level
from img2mesh.views.picture_detail import sharp

# Chance from which a cell is inside, of two photos and of more. The level of the best expected IoU takes the errors of
# cells as independent; those of one object are not. 0.27 scores best; of more photos it tears holes into thin walls,
# which are whole at 0.2 (docs/photos.md).
LEVEL_OF_TWO, LEVEL = 0.27, 0.2
SMOOTH = 0.004  # world units: less than half a sample, so that walls stay whole
LEAST = 1e-4  # chance
RIM = 1.5  # of their pixels: rays that only graze the object say little
PIXELS = 128  # side of the pictures on which rays are gathered
THIN = 9  # of their pixels: side of the square in which a part is nowhere deeper than two rims
MIDDLE = 0.25  # of their pixels: depth inside the outline from which such a part says that it is there
UNCOVERED = 0.01  # share of a silhouette without anything behind it, from which cameras are taken to be wrong
LOOSE = 0.004  # world units by which the shape may stick out of a silhouette: cameras are not exact
DRAWN_WEIGHT = 0.1  # of what a sampler drew, beside what photos show


def shape_from_photos(
    views: ViewSet,
    witnesses: Sequence[Witness],
    settings: Settings,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Shape:
    """The shape that photos of several sides have in common, and a field of its colours.

    Drawn views that are means of what may be there teach the field nothing, as with one photo: then none is fitted,
    unless `field_fit` is "always".

    Args:
        views: the photos, the front first, and what a sampler drew of the sides that none of them shows.
        witnesses: the photos' evidence.
        settings: field_fit, iterations, rays, mask_weight, eikonal_weight, field_backend and seed count.
        device: `cpu` or `cuda`.

    Raises:
        Img2MeshError: `field_backend` is tcnn where it cannot run.
    """
    progress, start = progress or Progress(), time.perf_counter()
    photos = [view for view in views.views if view.source is Source.PHOTO]
    with progress.stage("shape"):
        chance = fused_chance(witnesses)
        grid = shaped(chance, level_of(photos), photos)
        hull = VisualHull(grid.sdf, grid.bounds, np.ones(len(photos)), 0.0)
        same, left = equal_exposure(tuple(photos), hull)
    drawn = [view for view in views.views if view.source is not Source.PHOTO]
    views = dataclasses.replace(views, views=(*same, *drawn))
    fitted = settings.field_fit == "always" or sharp(views.views)
    weights = [*(view.weight for view in same), *(DRAWN_WEIGHT * view.weight for view in drawn)]
    field = field_of(views, grid, np.array(weights), fitted, settings, progress, device)
    diagnostics = {
        "backend": field.net.grid.implementation,
        "field_fitted": fitted,
        "expected_iou": round(best_level(chance)[1], 3),
        "exposure_disagreement_left": left,
        "seconds": round(time.perf_counter() - start, 2),
    }
    return Shape(field, views, diagnostics)


def fused_chance(witnesses: Sequence[Witness]) -> np.ndarray:
    """(N, N, N) float32 chance of being inside, on the cells' middles of the evidence's lattice."""
    import torch

    from img2mesh.models.photo_fusion import load_fusion

    known = features(witnesses)
    with torch.inference_mode():
        chance = torch.sigmoid(load_fusion()(torch.from_numpy(known))).numpy()
    outside = known[:, 0] * CONE > OUTSIDE
    return np.where(outside, 0, chance).astype(np.float32).reshape((CELLS,) * 3)


def level_of(photos: Sequence[View]) -> float:
    """The chance from which a cell that so many photos show is inside."""
    return LEVEL if len(photos) > 2 else LEVEL_OF_TWO


def shaped(chance: np.ndarray, level: float, photos: Sequence[View]) -> SdfGrid:
    """The signed distance of {chance > level}, inside all silhouettes, and filling each of them.

    A photo shows something on every ray inside its silhouette: where no place on one reaches the level, the likeliest
    ones count (as in `shape.threshold.guessed_solid`).
    """
    from scipy.ndimage import map_coordinates, minimum_filter

    cells = len(chance)
    spacing, first = 2 * LATTICE / cells, LATTICE / cells - LATTICE
    found = np.argwhere(chance > min(level, FAINTEST))
    if not len(found):
        found = np.argwhere(chance >= chance.max())
    low, high = found.min(0) * spacing + first - MARGIN, found.max(0) * spacing + first + MARGIN
    high = low + np.ceil((high - low) / FINEST) * FINEST
    points, shape = lattice(np.stack([low, high]), FINEST)
    kept = np.clip(chance, LEAST, 1 - LEAST)
    logit = np.log(kept / (1 - kept))
    fine = map_coordinates(logit, ((points - first) / spacing).T.astype(np.float32), order=1, mode="nearest")
    masks, cameras = [mask_distance(view.mask) for view in photos], [view.camera for view in photos]
    outermost = cone_distances(masks, cameras, points).max(0)
    possible = outermost < LOOSE
    chances = np.where(possible, 1 / (1 + np.exp(-fine)), 0)
    needed = np.full(len(points), level)
    bins = [ray_bins(points, camera, PIXELS) for camera in cameras]
    for rays, mask in zip(bins, masks, strict=True):
        likeliest = -along_rays(-chances, rays, PIXELS)
        likeliest[_rim(mask, thin_parts=False)] = 1.0
        # as the neighbours do: ray by ray, what is put back is ragged
        likeliest = minimum_filter(likeliest.reshape(PIXELS, PIXELS), 3).ravel()
        needed = np.minimum(needed, NEAR_LIKELIEST * np.maximum(likeliest, FAINTEST)[rays])
    inside = possible & (chances > needed)
    if not inside.any():
        inside = outermost < np.partition(outermost, 50)[50]
    sdf = smooth_distance(inside.reshape(shape), FINEST, SMOOTH)
    grid = SdfGrid(np.maximum(sdf, outermost.reshape(shape) - LOOSE), np.stack([low, high]))
    for rays, mask in zip(bins, masks, strict=True):
        nearest = along_rays(grid.sdf.reshape(-1), rays, PIXELS)
        if (nearest[~_rim(mask)] > 0).mean() > UNCOVERED:
            return _filled(grid, photos)
    return cropped(grid)


def _filled(grid: SdfGrid, photos: Sequence[View]) -> SdfGrid:
    """The shape where silhouettes have too little in common to be filled from within: each is filled by itself."""
    for view in reversed(photos):
        grid = fill_outline(grid, view)
    points, shape = lattice(grid.bounds, grid.spacing)
    masks, cameras = [mask_distance(view.mask) for view in photos], [view.camera for view in photos]
    outermost = cone_distances(masks, cameras, points).max(0).reshape(shape)
    return SdfGrid(np.maximum(grid.sdf, outermost - LOOSE).astype(np.float32), grid.bounds)


def _rim(distance: np.ndarray, thin_parts: bool = True) -> np.ndarray:
    """(`PIXELS`^2,) bool: which pixels lie outside of a silhouette (`mask_distance`), or at its very rim.

    Args:
        thin_parts: whether parts that are nowhere thicker than two rims are rim altogether.
    """
    import cv2
    from scipy.ndimage import maximum_filter

    small = cv2.resize(distance, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA) * PIXELS / len(distance)
    rim = small > -RIM
    if not thin_parts:
        rim &= (small > -MIDDLE) | (maximum_filter(-small, THIN) > 2 * RIM)
    return rim.ravel()
