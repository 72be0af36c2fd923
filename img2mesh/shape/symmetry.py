"""Most made things, and animals, are their own mirror image: what the photo shows of one half tells of the other.

A network says from the photo how much the object overlaps with its mirror image, for upright
planes all round (`models.occupancy`). The photo itself rules planes out: what it shows must have a mirror image that
it shows, too, or hides. Symmetry has long been the way from one picture to a solid: Mukherjee, Zisserman and Brady
(1995), "Shape from symmetry: detecting and exploiting symmetry in affine images".
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from img2mesh.core.frustum import Body
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.visual_hull import projected
from img2mesh.settings import parse_symmetry

SHOWN = 0.4  # how much the share of the photo that a plane allows counts beside the expected overlap
FAINT = 0.1  # chance from which a pixel's ray may meet the object
IMAGE = 0.3  # weight of the mirror image's chance in the geometric mean of both


def mirror_of(body: Body, alpha: np.ndarray, wanted: str = "auto") -> Mirror | None:
    """The upright plane about which the object is likeliest to be symmetric; None where nothing is said of any.

    It goes through the origin, the middle of the object's box. Where a body overlaps most with its own mirror image
    says less: a guess errs in depth, and such a plane errs with it.

    Args:
        body: with the overlaps that its network expects.
        alpha: (H, W) in [0, 1], the photo's.
        wanted: `Settings.symmetry`; anything but `auto` decides.
    """
    given = parse_symmetry(wanted)
    if given == "none":
        return None
    if given != "auto":
        return Mirror(float(np.radians(body.camera.azimuth_deg + float(given))), 0.0)
    symmetry = body.symmetry
    if not len(symmetry) or not (body.occupancy > FAINT).any():
        return None
    azimuths = np.radians(body.camera.azimuth_deg) + np.arange(len(symmetry)) * np.pi / len(symmetry)
    mirrors = [Mirror(float(azimuth), 0.0) for azimuth in azimuths]
    best = body.occupancy.max(axis=0)
    cells = np.nonzero((body.occupancy > 0) & (best > FAINT))  # the others say nothing of any plane
    points, chance = body.points()[cells], body.occupancy[cells]
    _, ray = np.unique(np.ravel_multi_index(cells[1:], best.shape), return_inverse=True)
    scores = [
        overlap + SHOWN * _allowed(chance, ray, _shown(alpha, body, mirror.reflected(points)))
        for overlap, mirror in zip(symmetry, mirrors, strict=True)
    ]
    return mirrors[int(np.argmax(scores))]


def _shown(alpha: np.ndarray, body: Body, points: np.ndarray) -> np.ndarray:
    """(N,) bool: which of (N, 3) points lie behind the photo's outline, taken a little wide."""
    pixels, depth = projected(points, body.camera)
    scale = (np.array(alpha.shape[::-1]) / [body.camera.width, body.camera.height]).astype(np.float32)
    column, row = np.floor(pixels * scale).astype(int).T
    inside = (depth > 0) & (column >= 0) & (column < alpha.shape[1]) & (row >= 0) & (row < alpha.shape[0])
    found = np.zeros(len(pixels), bool)
    found[inside] = alpha[row[inside], column[inside]] > 0.3
    return found


def _allowed(chance: np.ndarray, ray: np.ndarray, shown: np.ndarray) -> float:
    """Mean over the photo's rays of what a plane leaves of their best chance, in [0, 1].

    Args:
        chance: (N,) of cells. ray: (N,) the number of the ray that they are on. shown: (N,) whether the photo shows
            their mirror images.
    """
    best, left = np.zeros((2, ray.max() + 1), chance.dtype)
    np.maximum.at(best, ray, chance)
    np.maximum.at(left, ray, chance * shown)
    return float((left / best).mean())


def symmetry_facts(body: Body, wanted: str = "auto") -> dict[str, Any]:
    """What the report says of a body's plane: who chose it, its normal's azimuth from the photo's camera, its score.

    The score is the overlap with its mirror image that the network expects of the object, 0..1; None where it says
    nothing.
    """
    mirror, expected = body.mirror, body.symmetry
    if mirror is None:
        return {"chosen": wanted, "azimuth_deg": None, "score": None}
    azimuth = (np.degrees(mirror.azimuth) - body.camera.azimuth_deg) % 180
    score = None
    if len(expected):
        score = round(float(expected[round(azimuth / 180 * len(expected)) % len(expected)]), 3)
    return {"chosen": wanted, "azimuth_deg": round(float(azimuth), 1), "score": score}


def symmetrised(body: Body, alpha: np.ndarray, wanted: str = "auto") -> Body:
    """The body's geometric mean with its mirror image, whose plane becomes its `mirror`; the body where there is none.

    What is inside has an image that is inside: the photo's outline limits the object from two sides.
    """
    mirror = mirror_of(body, alpha, wanted)
    if mirror is None:
        return body
    image = body.probability(mirror.reflected(body.points()).reshape(-1, 3)).reshape(body.occupancy.shape)
    both = body.occupancy ** (1 - IMAGE) * np.maximum(image, 0) ** IMAGE
    return dataclasses.replace(body, occupancy=both.astype(np.float32), mirror=mirror)
