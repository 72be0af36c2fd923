"""Is this mask an object? Specks go, doubtful masks are named, hopeless ones are refused.

A mask whose outline does not lie where the photo's colours change is a doubtful one.
"""

from __future__ import annotations

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.segment.background import to_lab

SMALLEST = 0.002  # share of the frame below which a mask is no object
SMALL = 0.02  # below which the user is told
_KEPT = 0.02  # a component stays if it has this share of the largest one's area ...
_OWN, _APART = 0.15, 0.04  # a part of this share of the largest, and this far away, is an object of its own
_NEAR = 0.06  # ... and comes this near to what is kept, in units of the largest one's longer side

SIDE = 480  # pixels of the photo's longer side as it is looked at
EDGE, AWAY = 1.5, 6.0  # pixels from the outline between which colours are compared: the edge itself is mixed
WINDOW = 15  # pixels: side of the squares over which they are averaged
FAINT = 10.0  # CIELAB units between inside and outside, below which nothing shows that a thing ends there
# Share of the outline that may be faint. 20 photos cut out by colour have at most 0.16 where the cutout is right, five
# wrong ones 0.41 or more; of 59 renders on plain grounds none of the 54 right ones has more than 0.22.
DOUBTFUL = 0.3
# Confidence below which the user is warned. With the cutout network (`benchmarks/cutout.py`): of 200 made pictures of
# either half 7 are cut out wrongly, 2 or 3 of them unsaid, and 2 to 4 % of the right ones are doubted. Of the colour
# method alone: of 304 made pictures (dev objects of shared/data/heldout, six kinds of background) 78 % of the wrong
# cutouts lie below it and 11 % of the right ones; of 228 of the test objects, 78 % and 9 %.
DOUBTFUL_BELOW = 0.7
ASSUMED = 0.7  # factor for each assumption that whoever found the object had to make
_SURE, _PER_FAINT, _PER_UNEXPLAINED = 2.1, 5.5, 5.0  # logistic regression on the same pictures


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
    elif (apart := _separate(kept, areas, stats)) > 1:
        said.append(
            f"The photo shows {apart} separate objects, which become one mesh: crop the photo to the one that is meant."
        )
    return cleaned, tuple(said)


def _separate(kept: list[int], areas: np.ndarray, stats: np.ndarray) -> int:
    """Number of kept parts that are large and far enough from each other to be things of their own."""
    largest = areas[kept[0] - 1]
    reach = _APART * max(stats[kept[0], 2:4])
    groups: list[list[int]] = []
    for label in kept:
        if areas[label - 1] < _OWN * largest:
            continue
        near = [
            group for group in groups if any(_gap(_box(stats[label]), _box(stats[k])) <= reach for k in group)
        ]
        groups = [group for group in groups if group not in near] + [
            [label, *(k for group in near for k in group)]
        ]
    return len(groups)


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


def faint_share(rgb: np.ndarray, alpha: np.ndarray) -> float:
    """Share of a mask's outline along which the photo has nearly the same colour on both sides, in [0, 1].

    Args:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) uint8; where it runs along the frame is no outline.

    Returns:
        0 where there is no outline to judge.
    """
    import cv2

    height, width = alpha.shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    lab = to_lab(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    inside = (cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)
    depth, gap = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (inside, 1 - inside))
    inner, known = _mean_near(lab, (depth > EDGE) & (depth < AWAY))
    outer, also = _mean_near(lab, (gap > EDGE) & (gap < AWAY))
    rim = (depth > 0) & (depth <= EDGE) & known & also
    rim[[0, 1, -2, -1]] = rim[:, [0, 1, -2, -1]] = False
    if not rim.any():
        return 0.0
    return float((np.linalg.norm(inner - outer, axis=-1)[rim] < FAINT).mean())


def confidence(faint: float, explained: float | None) -> float:
    """How likely a cutout is right (intersection over union of 0.9 with the truth), 0..1.

    Args:
        faint: `faint_share` of its outline.
        explained: share of the border that is plain background (0: none); None where a network found the object.
    """
    unexplained = 0.0 if explained is None else 1 - explained
    return float(1 / (1 + np.exp(_PER_FAINT * min(faint, 0.5) + _PER_UNEXPLAINED * unexplained - _SURE)))


def outline_doubts(share: float) -> tuple[str, ...]:
    """What to tell the user of an outline of which so much is faint (`faint_share`): a sentence, or nothing."""
    if share <= DOUBTFUL:
        return ()
    return (
        f"The cutout is doubtful: along {100 * share:.0f} % of its outline the photo hardly changes its colour; look "
        "at it with `img2mesh segment`, and give a photo with an alpha channel if it is wrong.",
    )


def _mean_near(lab: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) mean colour of the pixels of a mask in a window around each pixel, and (H, W) bool: has it some."""
    import cv2

    weight = there.astype(np.float32)
    count = cv2.boxFilter(weight, -1, (WINDOW, WINDOW), normalize=False)
    total = cv2.boxFilter(lab * weight[..., None], -1, (WINDOW, WINDOW), normalize=False)
    return total / np.maximum(count, 1e-3)[..., None], count > 5
