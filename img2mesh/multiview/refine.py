"""A surface moved to where the pictures agree about it: a search along its normals.

Around every point of the surface a small patch in its tangent plane is projected into the views that see the point;
at the right depth they show the same colours (Faugeras and Keriven 1998; the patches of Furukawa and Ponce 2010). A
patch that lies in the surface compares views from far apart, which a plane that faces one camera does not. Points
that make an outline in some view are drawn to the picture's outline, which is the surer measure where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.visual_hull import mask_distance
from img2mesh.multiview.surface_points import Surface, facing, surface_of

ROUNDS = ((0.015, 9), (0.008, 7))  # world units searched each way, and steps
PATCH = 0.008  # world units between the 3 x 3 samples of a patch: about 1.4 pixels of the main job's views
CAP = 0.15  # colour differences count at most this much
STIFF = 0.4  # of the surface against moving differently from point to point
EDGE = 0.5  # how sure a least cost at the end of the search is, against one between higher ones
RIM = 0.2  # cosine between normal and viewing direction of points that may make an outline
OUTLINE, NEAR = 1.5, 4.0  # pixels from the surface's own outline, and from the picture's, of those that do
OUTER = 0.3  # how sure an outline is, against the colours
NOISE = 0.004  # colour difference that means nothing
BAND = 0.02  # world units around the surface, beyond the search, in which distances are moved
POINTS = 16000  # at most so many are compared; the others take their neighbours' costs


def refine_surface(
    sdf: np.ndarray, hull: SdfGrid, pictures: Sequence[np.ndarray], cameras: Sequence[Camera]
) -> np.ndarray:
    """The signed distance with its zero level where the colours of the views agree best.

    Args:
        sdf: (X, Y, Z) float32 on the hull's lattice.
        hull: the result stays inside it.
        pictures: (H, W, 4) float32 in [0, 1], straight alpha. cameras: theirs, of the same sizes.

    Returns:
        (X, Y, Z) float32, nowhere below `hull.sdf`.
    """
    for reach, steps in ROUNDS:
        surface = surface_of(sdf, hull.bounds[0], hull.spacing)
        if surface is None:
            break
        offsets = np.linspace(-reach, reach, steps)
        costs, known = patch_costs(surface, offsets, pictures, cameras)
        places = surface.points[:, None] + surface.normals[:, None] * offsets[:, None]
        costs += 5 * np.maximum(hull.at(places.reshape(-1, 3)).reshape(costs.shape), 0)
        rim = rim_offsets(surface, pictures, cameras)
        way = best_offsets(surface, offsets, costs, known, rim)
        sdf = _moved(sdf, hull, surface, way, reach + BAND)
    return sdf


def patch_costs(
    surface: Surface, offsets: np.ndarray, pictures: Sequence[np.ndarray], cameras: Sequence[Camera]
) -> tuple[np.ndarray, np.ndarray]:
    """How much the views disagree about each point, were it moved along its normal.

    The view that sees a point most squarely is compared with all others that see it, each by its cosine.

    Returns:
        (N, K) float32 mean colour difference in [0, CAP] at the K offsets, and (N,) bool: at least two views
        see the point, and it is among those that were compared. The others' costs are 0.
    """
    import torch

    count, steps = len(surface.points), len(offsets)
    weights = facing(surface, cameras)
    first = weights.argmax(axis=0)
    known = (weights > 0).sum(axis=0) >= 2
    known &= np.arange(count) % math.ceil(max(count, 1) / POINTS) == 0
    helper = np.where(np.abs(surface.normals[:, 2:]) < 0.9, [[0, 0, 1.0]], [[1.0, 0, 0]])
    across = np.cross(surface.normals, helper)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)  # a point may lack a normal
    along = np.cross(surface.normals, across)
    grid = np.stack(np.meshgrid([-PATCH, 0, PATCH], [-PATCH, 0, PATCH]), axis=-1).reshape(-1, 2)
    textures = []
    for picture in pictures:  # premultiplied: what lies beside the silhouette must not bleed in
        flat = np.concatenate([picture[..., :3] * picture[..., 3:], picture[..., 3:]], axis=-1)
        textures.append(torch.from_numpy(np.ascontiguousarray(flat.transpose(2, 0, 1)))[None])

    def look(view: int, chosen: np.ndarray) -> np.ndarray:
        """(n, K, 9, 4) colours and alpha of the chosen points' patches."""
        camera = cameras[view]
        patch = grid[:, :1] * across[chosen, None] + grid[:, 1:] * along[chosen, None]  # (n, 9, 3)
        centre = surface.points[chosen, None] + surface.normals[chosen, None] * offsets[:, None]
        # A camera's projection is linear before the division: turn the parts, then add.
        turn = camera.c2w[:3, :3]
        local = ((centre - camera.position) @ turn)[:, :, None] + (patch @ turn)[:, None]
        local = local.astype(np.float32)
        u = (camera.cx - camera.fl_x * local[..., 0] / local[..., 2]) * (2 / camera.width) - 1
        v = (camera.cy + camera.fl_y * local[..., 1] / local[..., 2]) * (2 / camera.height) - 1
        place = torch.from_numpy(np.stack([u, v], axis=-1).astype(np.float32)).view(1, 1, -1, 2)
        seen = torch.nn.functional.grid_sample(
            textures[view], place, mode="bilinear", padding_mode="border", align_corners=False
        )
        found = seen[0, :, 0].T.reshape(len(chosen), steps, len(grid), 4).numpy()
        found[..., :3] /= np.maximum(found[..., 3:], 1e-3)
        return found

    wanted = np.zeros((count, steps, len(grid), 4), np.float32)
    for view in range(len(cameras)):
        chosen = np.flatnonzero((first == view) & known)
        if len(chosen):
            wanted[chosen] = look(view, chosen)
    total, weight = np.zeros((count, steps), np.float32), np.zeros(count, np.float32)
    for view in range(len(cameras)):
        chosen = np.flatnonzero((weights[view] > 0) & (first != view) & known)
        if not len(chosen):
            continue
        seen = look(view, chosen)
        gap = np.minimum(np.abs(seen[..., :3] - wanted[chosen, ..., :3]).mean(-1), CAP)
        shown = (seen[..., 3] > 0.5) & (wanted[chosen, ..., 3] > 0.5)
        gap = np.where(shown, gap, 0).sum(-1) / np.maximum(shown.sum(-1), 1)
        gap = np.where(shown[..., len(grid) // 2], gap, CAP)  # the point itself beside the silhouette
        total[chosen] += weights[view, chosen, None] * gap
        weight[chosen] += weights[view, chosen]
    return total / np.maximum(weight, 1e-6)[:, None], known


def rim_offsets(
    surface: Surface, pictures: Sequence[np.ndarray], cameras: Sequence[Camera]
) -> tuple[np.ndarray, np.ndarray]:
    """What the outlines say: the points that make the surface's outline in a view lie on the picture's outline.

    Returns:
        (N,) sum over the views that have a point on their rim of its way outwards to their silhouette's edge,
        world units, and (N,) how many they are.
    """
    from scipy.ndimage import map_coordinates

    total, count = np.zeros(len(surface.points)), np.zeros(len(surface.points))
    for picture, camera in zip(pictures, cameras, strict=True):
        towards = camera.position - surface.points
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        rim = np.flatnonzero(np.abs(np.einsum("ij,ij->i", surface.normals, towards)) < RIM)
        pixels, depth = camera.project(surface.points)
        pixel = depth / camera.fl_x
        wide = mask_distance(_filled_splat(pixels, camera, float(surface.spacing / np.median(pixel))))
        own, wanted = (
            map_coordinates(image, (pixels[rim, 1] - 0.5, pixels[rim, 0] - 0.5), order=1, mode="nearest")
            for image in (wide, mask_distance(picture[..., 3]))
        )
        on = (own > -OUTLINE) & (np.abs(wanted) < NEAR)
        total[rim[on]] -= wanted[on] * pixel[rim[on]]
        count[rim[on]] += 1
    return total, count


def _filled_splat(pixels: np.ndarray, camera: Camera, gap: float) -> np.ndarray:
    """(H, W) float32 silhouette of points that lie at most about `gap` pixels apart."""
    from scipy.ndimage import binary_closing

    image = np.zeros((camera.height, camera.width), bool)
    column = np.clip(np.floor(pixels[:, 0]).astype(np.int64), 0, camera.width - 1)
    row = np.clip(np.floor(pixels[:, 1]).astype(np.int64), 0, camera.height - 1)
    image[row, column] = True
    closed = binary_closing(np.pad(image, 8), iterations=int(np.clip(np.ceil(gap), 1, 6)))
    return closed[8:-8, 8:-8].astype(np.float32)


def best_offsets(
    surface: Surface,
    offsets: np.ndarray,
    costs: np.ndarray,
    known: np.ndarray,
    rim: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """(N,) float64 way along the normals to the least cost, smooth where the costs do not decide.

    The costs of neighbouring points are averaged, the least one is placed between the steps by a parabola, and the
    ways are smoothed by sum c (w - given)^2 + STIFF sum over edges (w_i - w_j)^2, c growing with how sharply the
    cost rises beside its least; the outlines' ways (`rim_offsets`) pull beside them.
    """
    from scipy.sparse import diags
    from scipy.sparse.linalg import cg

    mean = surface.mean()
    shown = mean @ (mean @ known.astype(np.float64))
    costs = mean @ (mean @ (costs * known[:, None])) / np.maximum(shown, 1e-9)[:, None]
    known = shown > 1e-3
    count, last, step = len(costs), len(offsets) - 1, offsets[1] - offsets[0]
    least, row = costs.argmin(axis=1), np.arange(count)
    middle = np.clip(least, 1, last - 1)
    a, b, c = (costs[row, middle + d] for d in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = np.where(bend > 1e-9, np.clip(0.5 * (a - c) / np.maximum(bend, 1e-9), -0.5, 0.5), 0)
    given = offsets[least] + np.where(least == middle, shift, 0) * step
    value = costs[row, least]
    below, above = (
        costs[row, np.maximum(least - 2, 0)] - value,
        costs[row, np.minimum(least + 2, last)] - value,
    )
    # At the end of the search the least cost is not bracketed, but the surface should still go that way.
    rise = np.where(least == 0, EDGE * above, np.where(least == last, EDGE * below, np.minimum(below, above)))
    sure = np.clip(np.maximum(rise, 0) / (NOISE + np.maximum(value, 0)), 0, 2) * known
    laplacian = diags(np.asarray(surface.neighbours.sum(axis=1)).ravel()) - surface.neighbours
    system = diags(sure + OUTER * rim[1] + 0.02) + STIFF * laplacian
    return cg(system, sure * given + OUTER * rim[0], rtol=1e-4, maxiter=200, M=diags(1 / system.diagonal()))[
        0
    ]


def _moved(sdf: np.ndarray, hull: SdfGrid, surface: Surface, way: np.ndarray, band: float) -> np.ndarray:
    """The lattice, up to `band` from the surface, after the surface's points went `way` along their normals."""
    from scipy.ndimage import distance_transform_edt

    cell = np.round((surface.points - hull.bounds[0]) / hull.spacing).astype(np.int64)
    cell = np.ravel_multi_index(tuple(np.clip(cell, 0, np.array(sdf.shape) - 1).T), sdf.shape)
    count = np.bincount(cell, minlength=sdf.size)
    mean = np.bincount(cell, way, minlength=sdf.size) / np.maximum(count, 1)
    # Every sample takes the way of the surface nearest to it.
    nearest = distance_transform_edt(
        count.reshape(sdf.shape) == 0, return_distances=False, return_indices=True
    )
    moved = mean.reshape(sdf.shape)[tuple(nearest)]
    return np.maximum(np.where(np.abs(sdf) < band, sdf - moved, sdf), hull.sdf).astype(np.float32)
