"""Is this mask an object? Specks go, doubtful masks are named, hopeless ones are refused."""

from __future__ import annotations

import numpy as np

from img2mesh.errors import Img2MeshError

SMALLEST = 0.002  # share of the frame below which a mask is no object
SMALL = 0.02  # below which the user is told
_KEPT = 0.02  # a component stays if it has this share of the largest one's area ...
_NEAR = 0.06  # ... and comes this near to what is kept, in units of the largest one's longer side


def keep_object(alpha: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Remove specks and judge the rest.

    A connected part (8-neighbours, alpha >= 128) is kept if it has at least 2 % of the largest part's area and
    its box lies near what is kept already, or if it has 20 % wherever it lies. Soft pixels stay where they adjoin
    a kept part.

    Args:
        alpha: (H, W) uint8.

    Returns:
        (H, W) uint8 with the specks removed, and warnings: small, touching three or more sides, in many pieces.

    Raises:
        Img2MeshError: nothing is left, or less than 0.2 % of the frame, or all of the frame.
    """
    import cv2

    solid = (alpha >= 128).astype(np.uint8)
    if solid.mean() > 0.985:
        raise Img2MeshError(
            "No background was found in the photo: give a photo with some space around the object, or one "
            "with an alpha channel."
        )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    if count == 1:
        raise Img2MeshError("No object was found in the photo.")
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable") + 1
    largest = areas[order[0] - 1]
    if largest < SMALLEST * alpha.size:
        raise Img2MeshError(
            f"The object found covers only {100 * largest / alpha.size:.2f} % of the photo: crop the photo around it."
        )
    kept = _relevant(order, areas, stats)
    keep = np.isin(labels, kept).astype(np.uint8)
    grown = cv2.dilate(keep, np.ones((7, 7), np.uint8)) > 0
    cleaned = np.where(grown & ((solid == 0) | (keep > 0)), alpha, 0).astype(np.uint8)

    said = []
    share = keep.mean()
    if share < SMALL:
        said.append(
            f"The object covers only {100 * share:.1f} % of the photo; a closer crop gives more detail."
        )
    sides = touched_sides(keep > 0)
    if len(sides) >= 3:
        said.append(
            f"The object touches the photo's border on {len(sides)} sides ({', '.join(sides)}): it is cut off there, "
            "and what is missing will be invented."
        )
    large = int((areas[np.array(kept) - 1] >= 0.05 * largest).sum())
    lost = int((areas >= 0.02 * largest).sum()) - len(kept)
    if large >= 4 or lost >= 3:
        said.append(
            f"The mask falls apart into {large + max(lost, 0)} pieces: is there one object, clear of its background?"
        )
    return cleaned, tuple(said)


def touched_sides(solid: np.ndarray) -> list[str]:
    """Names of the sides along which a boolean mask (H, W) reaches the border for 2 % of the side or more."""
    edges = {"top": solid[0], "bottom": solid[-1], "left": solid[:, 0], "right": solid[:, -1]}
    return [name for name, line in edges.items() if line.mean() >= 0.02]


def _relevant(order: np.ndarray, areas: np.ndarray, stats: np.ndarray) -> list[int]:
    """Labels of the components to keep, largest first; each kept one may bring nearer ones in."""
    boxes = {label: _box(stats[label]) for label in order}
    largest = areas[order[0] - 1]
    reach = _NEAR * max(stats[order[0], 2:4])
    kept = [int(order[0])]
    candidates = [int(label) for label in order[1:] if areas[label - 1] >= _KEPT * largest]
    changed = True
    while changed:
        changed = False
        for label in list(candidates):
            near = any(_gap(boxes[label], boxes[other]) <= reach for other in kept)
            if near or areas[label - 1] >= 0.2 * largest:
                kept.append(label)
                candidates.remove(label)
                changed = True
    return kept


def _box(row: np.ndarray) -> tuple[int, int, int, int]:
    left, top, width, height = (int(v) for v in row[:4])
    return left, top, left + width, top + height


def _gap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    dx = max(a[0] - b[2], b[0] - a[2], 0)
    dy = max(a[1] - b[3], b[1] - a[3], 0)
    return float(np.hypot(dx, dy))
