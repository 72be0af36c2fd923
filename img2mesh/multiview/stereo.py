"""Hollows that silhouettes cannot show: depth by colour agreement between views, carved out of the hull.

Every view sweeps its rays through the hull (plane sweep, Collins 1996); a depth is good where other views saw the
same colour there. Semi-global matching (Hirschmueller 2008) turns the costs into a depth map that is smooth but
for jumps; fusion.py merges the maps and refine.py moves the merged surface to where the colours agree best. The
hull's own surface is the cheapest explanation unless the colours contradict it, so views that agree on nothing leave
it as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.images import bounding_box
from img2mesh.core.view import View
from img2mesh.core.visual_hull import VisualHull, projected
from img2mesh.field.ray_bank import resized_rgba
from img2mesh.multiview.fusion import merge_depths
from img2mesh.multiview.refill import cover_silhouettes
from img2mesh.multiview.refine import refine_surface
from img2mesh.multiview.sphere_tracing import along, crossings

SIZE, FINER = 96, 1.125  # pixels per side of the depth maps: at least, and per cell of the hull's lattice
LABELS = 0.75  # depths per map, in units of that
NEIGHBOURS, BEST = (
    8,
    2,
)  # views compared with each view, and how many of them must agree: others may not see it
WIDEST = 90.0  # degrees between two views that are still compared
WINDOW = 0.5  # share of the neighbouring pixels' colours in a pixel's cost
BURIED = -0.05  # signed distance that a void cut off from the outside is filled with
NOISY = 0.035  # median colour disagreement at which half is carved: the views hardly share one object
STEEP = 8.0  # how quickly belief falls about that
LEAST = 0.1  # belief below which stereo, half of a run, is not worth its time
CEILING = 0.25  # colour differences count at most this much
DEEPER = 1.35  # cost, in units of the colours' noise, of lying one world unit further inside the hull


def carve_hull(
    views: tuple[View, ...], hull: VisualHull, belief: float = 1.0
) -> tuple[np.ndarray | None, dict[str, Any]]:
    """A signed distance on the hull's lattice with the hollows that the colours show.

    Args:
        views: at least three; `hull.trust` weighs them.
        hull: what their silhouettes allow.
        belief: in [0, 1], how far hollows are believed, before the colours' noise is known.

    Returns:
        (X, Y, Z) float32, nowhere below `hull.sdf`, or None where the colours agree too little to say anything; and
        diagnostics: the noise of the colours, the share of the hull's volume carved away, and the belief in that.
    """
    active = [i for i in range(len(views)) if hull.trust[i] > 0.2]
    if len(active) < 3:
        return None, {"colour_noise": None, "carved": 0.0}
    size = max(SIZE, round(FINER * max(hull.sdf.shape)))
    cameras = [views[i].camera.resized(size, size) for i in active]
    pictures = [resized_rgba(views[i].rgba, size, size) for i in active]
    costs = [_cost_volume(k, cameras, pictures, hull) for k in range(len(active))]
    noise = float(np.median(np.concatenate([c[2] for c in costs])))
    belief = belief / (1 + (noise / NOISY) ** STEEP)
    if not belief > LEAST:
        return None, {"colour_noise": round(noise, 4), "carved": 0.0}
    maps = [_depth_map(volume, depths, met, noise) for volume, depths, _, met in costs]
    del costs
    pictures = [views[i].rgba.astype(np.float32) / 255 for i in active]
    masks, full = [picture[..., 3] for picture in pictures], [views[i].camera for i in active]
    sdf = distances(_filled(merge_depths(maps, cameras, hull)), hull.spacing)
    sdf = _filled(refine_surface(sdf, hull, pictures, full))
    sdf, _ = cover_silhouettes(sdf, hull, masks, full)  # last: refinement would drag what is put back along
    sdf = distances(hull.sdf + np.float32(belief) * (sdf - hull.sdf), hull.spacing)
    volume = max(int((hull.sdf < 0).sum()), 1)
    return sdf, {
        "colour_noise": round(noise, 4),
        "carved": round(1 - float((sdf < 0).sum()) / volume, 3),
        "stereo_believed": round(belief, 3),
    }


def _neighbours(k: int, cameras: list[Camera]) -> list[int]:
    towards = np.stack([c.position / c.distance for c in cameras])
    angle = np.degrees(np.arccos(np.clip(towards @ towards[k], -1, 1)))
    order = [j for j in np.argsort(angle, kind="stable") if j != k and angle[j] < WIDEST]
    return order[:NEIGHBOURS]


def _cost_volume(
    k: int, cameras: list[Camera], pictures: list[np.ndarray], hull: VisualHull
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Colour disagreement of view k's rays at each depth.

    Returns:
        costs (H, W, L) float32, depths (L,), least cost of each ray (n,), and whether a ray meets the hull at
        each depth (H, W, L) bool.
    """
    camera, picture = cameras[k], pictures[k]
    corners = np.stack(np.meshgrid(*hull.bounds.T, indexing="ij"), -1).reshape(-1, 3)
    far = np.linalg.norm(corners - camera.position, axis=-1)
    count = round(LABELS * camera.width)
    depths = np.linspace(max(far.min() - 0.02, 0.1), far.max() + 0.02, count).astype(np.float32)
    shown = picture[..., 3] > 0.5
    rows, columns = np.nonzero(shown)
    directions = camera.rays()[1][shown].astype(np.float32)
    near, far = crossings(hull, camera.position, directions)
    first, last = (np.searchsorted(depths, ends) for ends in (near, far))
    length = np.maximum(last - first, 0)  # samples inside the hull's box
    where = np.repeat(np.arange(len(rows)), length)
    label = np.arange(len(where)) + np.repeat(first - np.cumsum(length) + length, length)
    points = along(camera.position, directions[where], depths[label])
    inside = np.flatnonzero(hull.at(points) < 0.5 * hull.spacing)
    where, label, chosen = where[inside], label[inside], points[inside]
    own = picture[rows, columns, :3][where]
    differences = []
    for j in _neighbours(k, cameras):
        seen = _bilinear(pictures[j], projected(chosen, cameras[j])[0])
        gap = np.abs(seen[:, :3] - own).mean(-1)
        gap[seen[:, 3] < 0.5] = CEILING
        differences.append(np.minimum(gap, CEILING))
    costs = np.full((*shown.shape, count), CEILING, dtype=np.float32)
    met = np.zeros(costs.shape, dtype=bool)
    met[rows[where], columns[where], label] = True
    if differences:
        best = np.partition(np.stack(differences), min(BEST, len(differences)) - 1, axis=0)[:BEST]
        costs[rows[where], columns[where], label] = best.mean(0)
    least = np.where(met, costs, np.inf).min(-1)[shown]
    return costs, depths, least[np.isfinite(least)], met


def _windowed(costs: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Costs averaged, in part, with the neighbouring pixels' at the same depth."""
    total, share = np.where(met, costs, 0), met.astype(np.float32)
    for axis in (0, 1):
        total, share = (_three(values, axis) for values in (total, share))
    return np.where(met, (1 - WINDOW) * costs + WINDOW * total / np.maximum(share, 1), costs)


def _three(values: np.ndarray, axis: int) -> np.ndarray:
    """Sums of three neighbours along one axis."""
    values = np.moveaxis(values, axis, 0)
    total = values.copy()
    total[1:] += values[:-1]
    total[:-1] += values[1:]
    return np.moveaxis(total, 0, axis)


def _bilinear(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(N, C) values of an (H, W, C) picture at (N, 2) pixel coordinates."""
    import cv2

    place = (pixels - 0.5).astype(np.float32)
    out = np.empty((len(place), picture.shape[2]), dtype=np.float32)
    for start in range(0, len(place), 1 << 14):  # remap's pictures are at most 32767 a side
        part = place[start : start + (1 << 14)]
        found = cv2.remap(picture, part[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[start : start + len(part)] = found[0]
    return out


def _depth_map(costs: np.ndarray, depths: np.ndarray, met: np.ndarray, noise: float) -> np.ndarray:
    """Depth (H, W) float32, NaN where the ray misses; arguments as `_cost_volume` gives them."""
    shown = np.asarray(met.any(axis=-1))
    depth = np.full(shown.shape, np.nan, np.float32)
    box = bounding_box(shown)
    if box is not None:
        left, top, right, bottom = box
        part = slice(top, bottom), slice(left, right)
        depth[part] = _matched(costs[part], depths, met[part], noise)
    return depth


def _matched(costs: np.ndarray, depths: np.ndarray, met: np.ndarray, noise: float) -> np.ndarray:
    """`_depth_map` of a part of the picture."""
    shown = np.asarray(met.any(axis=-1))
    costs = _windowed(costs, met)
    entry = np.argmax(met, axis=-1)
    unit = max(noise, 0.004)
    count = len(depths)
    behind = np.maximum(np.arange(count) - entry[..., None], 0) * (depths[1] - depths[0])
    energy = costs / unit + DEEPER * behind  # prefers the hull's surface where nothing speaks for another
    energy = np.where(met, energy, 1e3).astype(np.float32)
    energy[~shown] = 0
    total = np.zeros_like(energy)
    for axis in (0, 1):
        for back in (False, True):
            total += _pass(energy, axis, back)
    total[~met] = np.inf
    label = np.argmin(total, axis=-1)
    depth = depths[label].astype(np.float32)
    # a parabola through the neighbours gives a fraction of a label
    i = np.clip(label, 1, count - 2)[..., None]
    a, b, c = (np.take_along_axis(total, i + d, -1)[..., 0] for d in (-1, 0, 1))
    with np.errstate(invalid="ignore"):
        shift = 0.5 * (a - c) / (a - 2 * b + c)
    shift = np.where(np.isfinite(shift) & (np.abs(shift) <= 0.5) & (label == i[..., 0]), shift, 0)
    depth += (shift * (depths[1] - depths[0])).astype(np.float32)
    return np.where(shown, depth, np.nan)


def _pass(energy: np.ndarray, axis: int, back: bool, small: float = 0.5, large: float = 3.0) -> np.ndarray:
    """One direction of semi-global matching: a step of one label costs `small`, a jump `large`."""
    volume = np.moveaxis(energy, axis, 0)
    volume = volume[::-1] if back else volume
    out = np.empty_like(volume)
    out[0] = volume[0]
    for n in range(1, len(volume)):
        before = out[n - 1]
        least = before.min(-1, keepdims=True)
        step = before.copy()
        step[:, 1:] = np.minimum(step[:, 1:], before[:, :-1] + small)
        step[:, :-1] = np.minimum(step[:, :-1], before[:, 1:] + small)
        out[n] = volume[n] + np.minimum(step, least + large) - least
    out = out[::-1] if back else out
    return np.moveaxis(out, 0, axis)


def distances(sdf: np.ndarray, spacing: float) -> np.ndarray:
    """(X, Y, Z) float32 with the same zero level, and the distance to it away from that."""
    from scipy.ndimage import distance_transform_edt

    inside = sdf < 0
    if inside.all() or not inside.any():
        return sdf
    away = np.where(inside, -distance_transform_edt(inside), distance_transform_edt(~inside))
    far = (
        np.abs(away) > 1.5
    )  # cells to the nearest sample on the other side: the sample's own value says less
    return np.where(far, (away - 0.5 * np.sign(away)) * spacing, sdf).astype(np.float32)


def _filled(sdf: np.ndarray) -> np.ndarray:
    """Without voids that are cut off from the outside: nobody can have seen into them."""
    from scipy.ndimage import label

    free = np.pad(sdf >= 0, 1, constant_values=True)
    regions, _ = label(free)
    void = free & (regions != regions[0, 0, 0])
    return np.where(void[1:-1, 1:-1, 1:-1], np.minimum(sdf, BURIED), sdf)
