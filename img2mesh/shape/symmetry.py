"""Most made things, and animals, are their own mirror image: what the photo shows of one half tells of the other.

A network says from the photo how much the object overlaps with its mirror image, for upright planes all round
(`models.occupancy`), and its guess of the body is more symmetric about some than about others. Symmetry has long been
the way from one picture to a solid: Mukherjee, Zisserman and Brady (1995), "Shape from symmetry: detecting and
exploiting symmetry in affine images".
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from img2mesh.core.frustum import Body
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.settings import parse_symmetry

OWN = 0.4  # weight of the guess's overlap with its own mirror image beside the network's expectation
ALIKE = 0.01  # of expected overlaps: less is no difference
FACING_DEG = 30.0  # between the camera and the normal of a plane that shows the far side
CENTRES = (slice(1, None, 2),) * 3  # cells that are asked for it
EXPECTED = 0.6  # overlap with its mirror image, from which an object is symmetric
IMAGE = 0.3  # weight of the mirror image's chance in the geometric mean of both


def mirror_of(body: Body, wanted: str = "auto") -> Mirror | None:
    """The upright plane about which the object is likeliest to be symmetric; None where nothing is said of any.

    It goes through the origin, the middle of the object's box. The network's expectation and the guess's own symmetry
    err in different ways (docs/reconstruction.md). Where the network expects as much of a plane that faces the camera,
    as of a bowl's, it is that one, for its mirror image shows the far side.

    Args:
        body: as guessed, with the overlaps that its network expects.
        wanted: `Settings.symmetry`; anything but `auto` decides.
    """
    given = parse_symmetry(wanted)
    if given == "none":
        return None
    if given != "auto":
        return Mirror(float(np.radians(body.camera.azimuth_deg + float(given))), 0.0)
    if not (mirrors := _mirrors(body)):
        return None
    points, chance = body.points()[CENTRES], body.occupancy[CENTRES]
    scores = body.symmetry + [OWN * _overlap(chance, _mirrored(body, mirror, points)) for mirror in mirrors]
    best = int(np.argmax(scores))
    away = np.abs((np.arange(len(scores)) / len(scores) + 0.5) % 1 - 0.5) * 180
    alike = (away <= FACING_DEG) & (body.symmetry >= body.symmetry[best] - ALIKE)
    return mirrors[int(np.argmax(np.where(alike, scores, -np.inf))) if alike.any() else best]


def _mirrors(body: Body) -> list[Mirror]:
    """The planes of whose symmetry the network speaks; none where there is no body."""
    count = len(body.symmetry) if body.occupancy.any() else 0
    azimuths = np.radians(body.camera.azimuth_deg) + np.arange(count) * np.pi / max(count, 1)
    return [Mirror(float(azimuth), 0.0) for azimuth in azimuths]


def _mirrored(body: Body, mirror: Mirror, points: np.ndarray) -> np.ndarray:
    """(...) chance of being inside at the mirror images of (..., 3) points."""
    return body.probability(mirror.reflected(points).reshape(-1, 3)).reshape(points.shape[:-1])


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Soft IoU of two occupancies (Ruzicka distance's complement), in [0, 1]."""
    return float(np.minimum(a, b).sum() / max(float(np.maximum(a, b).sum()), 1e-9))


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


def symmetrised(body: Body, wanted: str = "auto") -> Body:
    """The body mixed with its mirror image where it is sure to be symmetric; its `mirror` is that of `mirror_of`.

    What is inside has an image that is inside. Unless a plane is asked for, it is mixed about the plane that the
    network expects most of, if that is `EXPECTED`: one that the guess agrees with already gains nothing.
    """
    mirror = mirror_of(body, wanted)
    if mirror is None:
        return body
    plane = mirror
    if parse_symmetry(wanted) == "auto":
        plane = _mirrors(body)[int(np.argmax(body.symmetry))]
        if body.symmetry.max() < EXPECTED:
            return dataclasses.replace(body, mirror=mirror)
    image = _mirrored(body, plane, body.points())
    both = body.occupancy ** (1 - IMAGE) * np.maximum(image, 0) ** IMAGE
    return dataclasses.replace(body, occupancy=both.astype(np.float32), mirror=mirror)
