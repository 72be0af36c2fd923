"""Bent views made straight: the smoothest displacements under which outlines and colours of all views fit one shape.

Silhouettes alone leave open which of two views is bent, and say nothing inside the outline; colours do. Every place of
a view is matched with its neighbours (`multiview.correspondence`) on the shape so far, and one least-squares problem
finds what explains all of it: the displacements of all views, likely ones before unlikely ones (`multiview.warp`), the
depth of every place, which nobody knows well on a wrong shape, and the outlines' common tangents
(`multiview.epipolar_tangency`).
The photo stays as it is. Then the shape is made anew, and all of it again.

On a shape that is wrong altogether, as the hull of a bowl is, matches lead astray, and every round further. So each
round is first made with half of the places: displacements that really are in the views explain the other half, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from img2mesh.core.view import View, ViewSet
from img2mesh.core.visual_hull import VisualHull
from img2mesh.multiview.belief import share_of
from img2mesh.multiview.correspondence import EVERY, SIDE, Match, matched
from img2mesh.multiview.epipolar_tangency import Outlines, bend_equations, median, outlines_of, residuals
from img2mesh.multiview.stereo import carve_hull
from img2mesh.multiview.warp import COUNT, basis, bent, continued

EXPECTED = (
    10.0  # thousandths of the side: root mean square of a displacement along either axis, where there is one
)
DEPTH = 0.1  # world units by which the shape may be wrong
OUTLINES, INNER = 5, 3  # steps with the outlines alone; and with one set of matches
CARVED = (False, False, True)  # the shape of each round: the hull, or what stereo carves out of it
BLOCK = 2  # by as many places, of which every other one is left out
EXPLAINED = 1.0  # standard deviations: what may be left of the places that were left out
LONGEST = 3.0  # of what is expected: the longest step of a coefficient


def straightened(
    views: ViewSet, hull_of: Callable[[ViewSet], VisualHull], share: float | None = None
) -> tuple[ViewSet, float]:
    """The views without the displacements that were found, and the outlines' disagreement left, as `reconcile` has it.

    Args:
        views: with alpha, at least four; the photo, or else the first that shows anything, stays as it is.
        hull_of: the hull of such views.
        share: as `reconcile` has it.
    """
    shown, chosen, outlines, free = outlines_of(views)
    moves = np.zeros((len(shown), COUNT, 2))
    for _ in range(OUTLINES):
        tangents, toward = bend_equations(chosen, outlines, moves, free)
        moves = _solved(tangents, toward, moves, np.zeros_like(moves), free)
    smooth = [dataclasses.replace(view, rgba=continued(view.rgba)) for view in chosen]
    carved = False
    for carve in CARVED:
        carved = carved or carve
        now = [_bent(v, m) if f else w for v, w, m, f in zip(smooth, chosen, moves, free, strict=True)]
        hull = hull_of(dataclasses.replace(views, views=tuple(now)))
        change = None if carved else _change(tuple(now), hull, chosen, outlines, moves, free)
        if change is None:  # what the outlines alone allow may be another shape altogether
            carved = True
            sdf, _ = carve_hull(tuple(now), hull)
            hull = hull if sdf is None else dataclasses.replace(hull, sdf=sdf)
            change = _change(tuple(now), hull, chosen, outlines, moves, free)
        if change is None:
            break
        moves = moves + change
    found = _without(views, shown, smooth, moves, free)
    share = share_of(views, found, share)
    if share < 1:
        moves = share * moves
        found = _without(views, shown, smooth, moves, free) if share > 0 else views
    errors = np.concatenate([np.zeros((len(shown), 5)), moves.reshape(len(shown), -1)], axis=1)
    return found, median(residuals(chosen, outlines, errors))


def _without(
    views: ViewSet, shown: list[int], smooth: list[View], moves: np.ndarray, free: np.ndarray
) -> ViewSet:
    """The views without their displacements."""
    out = list(views.views)
    for i, view, move, may in zip(shown, smooth, moves, free, strict=True):
        if may:
            out[i] = _bent(view, move)
    return dataclasses.replace(views, views=tuple(out))


def _change(
    now: tuple[View, ...],
    hull: VisualHull,
    chosen: list[View],
    outlines: Outlines,
    moves: np.ndarray,
    free: np.ndarray,
) -> np.ndarray | None:
    """(V, COUNT, 2) further displacements by matches on one shape; None if they do not explain what they were not told.

    Args:
        now: the views without the displacements `moves` that are known so far; `chosen` are those with them.
    """

    def fitted(matches: list[Match]) -> np.ndarray:
        change = np.zeros_like(moves)
        for _ in range(INNER):
            flows, right = match_equations(matches, len(moves), change)
            tangents, toward = bend_equations(chosen, outlines, moves + change, free)
            toward += tangents @ change.ravel()
            change = _solved(flows + tangents, right + toward, moves, change, free) - moves
        return change

    matches = matched(now, hull)
    some, others = (halved(matches, which) for which in (0, 1))
    if not unexplained(others, fitted(some)) < EXPLAINED:
        return None
    return fitted(matches)


def halved(matches: list[Match], which: int) -> list[Match]:
    """The matches with every other block of places, or with the rest of them, unknown."""
    found = []
    for match in matches:
        row, column = (place // (EVERY * BLOCK) for place in np.divmod(match.place, SIDE))
        known = (row + column) % 2 == which
        found.append(dataclasses.replace(match, sure=match.sure * known[:, None, None]))
    return found


def unexplained(matches: list[Match], change: np.ndarray) -> float:
    """Median of what (V, COUNT, 2) displacements leave of the matches, in standard deviations; infinite without any."""
    views = sorted({match.view for match in matches})
    gaps = [_gaps(_gathered(matches, view), change * SIDE / 1000).ravel() for view in views]
    known = np.concatenate([np.zeros(0), *gaps])
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("inf")


def _bent(view: View, move: np.ndarray) -> View:
    unit = max(view.camera.width, view.camera.height) / 1000
    return dataclasses.replace(view, rgba=bent(view.rgba, move * unit, view.camera))


def _solved(
    system: Any, right: np.ndarray, moves: np.ndarray, change: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """(V, COUNT, 2) moves that solve the equations of their change and are as likely as can be."""
    on = np.repeat(free, COUNT * 2)
    system = system + np.eye(len(system)) / EXPECTED**2
    right = right - moves.ravel() / EXPECTED**2
    step = np.zeros(len(system))
    step[on] = np.linalg.solve(system[np.ix_(on, on)], right[on])
    return moves + np.clip(step.reshape(moves.shape), -LONGEST * EXPECTED, LONGEST * EXPECTED)


def match_equations(matches: list[Match], count: int, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of displacements by the matches, every place's depth eliminated.

    A view's picture moved by w and its neighbour's by x, and the surface deeper by t, show a place
    `x - turn w + deeper t` off where the shape has it.

    Args:
        count: V, of the views.
        change: (V, COUNT, 2) an estimate, thousandths of the side; matches far from it count less.

    Returns:
        (N, N) and (N,) of the N = V * COUNT * 2 displacements.
    """
    unit = SIDE / 1000
    system = np.zeros((count, COUNT, 2, count, COUNT, 2))
    right = np.zeros((count, COUNT, 2))
    gathered = [_gathered(matches, view) for view in sorted({match.view for match in matches})]
    gaps = [_gaps(group, change * unit) for group in gathered]
    known = [gap[np.isfinite(gap)] for gap in gaps]
    scale = max(1.0, 1.5 * float(np.median(np.concatenate(known)))) if known else 1.0
    for (numbers, shares, off, slopes, deeper, sure), gap in zip(gathered, gaps, strict=True):
        sure = sure * (1 / (1 + (np.nan_to_num(gap) / scale) ** 2))[..., None, None]
        along = np.einsum("plab,plb->pla", sure, deeper)
        depth = np.einsum("pla,pla->p", deeper, along) + DEPTH**-2
        # Of the displacements of the view and its neighbours at each place: slopes^T (sure - along along^T) slopes.
        sided = np.einsum("plab,plsbc->plsac", sure, slopes)
        full = np.einsum("plsab,pltac->psbtc", slopes, sided, optimize=True)
        lost = np.einsum("pla,plsac->psc", along, slopes)
        full -= lost[:, :, :, None, None] * lost[:, None, None] / depth[:, None, None, None, None]
        pull = np.einsum("plsac,pla->psc", sided, off)
        pull -= lost * (np.einsum("pla,pla->p", along, off) / depth)[:, None, None]
        for s, one in enumerate(numbers):
            right[one] += unit * np.einsum("pk,pc->kc", shares[s], pull[:, s])
            for t, two in enumerate(numbers):
                for a in (0, 1):
                    for b in (0, 1):
                        part = shares[s].T @ (full[:, s, a, t, b, None] * shares[t])
                        system[one, :, a, two, :, b] += unit**2 * part
    size = count * COUNT * 2
    return system.reshape(size, size), right.ravel()


class Gathered(NamedTuple):
    """The matches of one view with L neighbours at P places in common arrays; what is not known has `sure` 0.

    Attributes:
        numbers: of the L + 1 views, the view's own first.
        shares: (L + 1, P, COUNT) of their coefficients.
        off: (P, L, 2). slopes: (P, L, L + 1, 2, 2) by the displacements. deeper: (P, L, 2). sure: (P, L, 2, 2).
    """

    numbers: list[int]
    shares: np.ndarray
    off: np.ndarray
    slopes: np.ndarray
    deeper: np.ndarray
    sure: np.ndarray


def _gathered(matches: list[Match], view: int) -> Gathered:
    mine = [match for match in matches if match.view == view]
    places = np.unique(np.concatenate([match.place for match in mine]))
    size, count = len(places), len(mine)
    shares = np.zeros((count + 1, size, COUNT))
    off, deeper = np.zeros((size, count, 2)), np.zeros((size, count, 2))
    slopes, sure = np.zeros((size, count, count + 1, 2, 2)), np.zeros((size, count, 2, 2))
    for k, match in enumerate(mine):
        at = np.searchsorted(places, match.place)
        off[at, k], deeper[at, k], sure[at, k] = match.off, match.deeper, match.sure
        slopes[at, k, 0], slopes[at, k, k + 1] = -match.turn, np.eye(2)
        shares[0, at], shares[k + 1, at] = _share(match.here), _share(match.there)
    numbers = [view, *(match.other for match in mine)]
    return Gathered(numbers, shares, off, slopes, deeper, sure)


def _gaps(group: Gathered, change: np.ndarray) -> np.ndarray:
    """(P, L) what displacements in pixels leave unexplained, in its own standard deviations; NaN where unknown."""
    numbers, shares, off, slopes, deeper, sure = group
    moved = np.stack([shares[k] @ change[n] for k, n in enumerate(numbers)], axis=1)  # (P, L + 1, 2)
    left = off - np.einsum("plsac,psc->pla", slopes, moved)
    along = np.einsum("plab,plb->pla", sure, deeper)
    depth = np.einsum("pla,pla->p", along, left) / (np.einsum("pla,pla->p", along, deeper) + DEPTH**-2)
    left = left - deeper * depth[:, None, None]
    gap = np.sqrt(np.maximum(np.einsum("pla,plab,plb->pl", left, sure, left), 0))
    return np.where(sure.any(axis=(2, 3)), gap, np.nan)


def _share(pixels: np.ndarray) -> np.ndarray:
    return basis(pixels / SIDE)
