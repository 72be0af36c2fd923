"""Solids as signed distances that blend into each other, and their surface with a colour at every vertex.

Distances and blends as Quilez collected them ("Distance functions", iquilezles.org); those of ellipsoids and tapered
bars are approximate, which moves no surface. World units, z up (docs/conventions.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from img2mesh.synthetic.swept_surfaces import Part

CELLS = 88  # of the lattice along the longest side
EDGE = 0.03  # world units around everything

Distance = Callable[[np.ndarray], np.ndarray]  # (N, 3) points to (N,) signed distances, negative inside


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a thing.

    Attributes:
        distance: of points from its surface.
        low, high: (3,) corners of a box around it.
        colour: (3,) sRGB in [0, 1].
        blend: world units over which it flows into the pieces before it; 0 for a sharp edge.
        hollow: it is cut out of the pieces before it.
    """

    distance: Distance
    low: np.ndarray
    high: np.ndarray
    colour: np.ndarray
    blend: float = 0.0
    hollow: bool = False


def bar(
    a: ArrayLike,
    b: ArrayLike,
    radius: float,
    end: float,
    colour: ArrayLike,
    blend: float = 0.0,
    flat: float = 1.0,
) -> Piece:
    """A round bar from a to b whose radius goes from `radius` to `end`; `flat` of its thickness along z."""
    a, b, squash = np.asarray(a, float), np.asarray(b, float), np.array([1.0, 1.0, 1 / flat])
    start, along = a * squash, (b - a) * squash

    def distance(points: np.ndarray) -> np.ndarray:
        away = points * squash - start
        share = np.clip(away @ along / max(along @ along, 1e-12), 0, 1)
        return (
            np.linalg.norm(away - share[:, None] * along, axis=1) - radius - (end - radius) * share
        ) * flat

    most = max(radius, end)
    return Piece(distance, np.minimum(a, b) - most, np.maximum(a, b) + most, np.asarray(colour), blend)


def ball(
    middle: ArrayLike, radii: ArrayLike, colour: ArrayLike, blend: float = 0.0, hollow: bool = False
) -> Piece:
    """An ellipsoid whose axes are the world's."""
    middle, radii = np.asarray(middle, float), np.broadcast_to(np.asarray(radii, float), 3)

    def distance(points: np.ndarray) -> np.ndarray:
        away = (points - middle) / radii
        length = np.linalg.norm(away, axis=1)
        return length * (length - 1) / np.maximum(np.linalg.norm(away / radii, axis=1), 1e-9)

    return Piece(distance, middle - radii, middle + radii, np.asarray(colour), blend, hollow)


def block(
    middle: ArrayLike,
    half: ArrayLike,
    colour: ArrayLike,
    round_: float = 0.0,
    blend: float = 0.0,
    sweep: float = 0.0,
) -> Piece:
    """A box with rounded edges; `sweep` shifts it along -x by so much per unit of |y|, as wings are swept."""
    middle, half = np.asarray(middle, float), np.asarray(half, float)
    round_ = min(round_, float(half.min()) * 0.95)

    def distance(points: np.ndarray) -> np.ndarray:
        local = points - middle
        local[:, 0] += sweep * np.abs(local[:, 1])
        away = np.abs(local) - half + round_
        return np.linalg.norm(np.maximum(away, 0), axis=1) + np.minimum(away.max(1), 0) - round_

    low, high = middle - half, middle + half
    low[0] -= abs(sweep) * half[1]
    high[0] += abs(sweep) * half[1]
    return Piece(distance, low, high, np.asarray(colour), blend)


def wheel(middle: ArrayLike, radius: float, half: float, colour: ArrayLike) -> Piece:
    """A disc that rolls along x."""
    middle = np.asarray(middle, float)

    def distance(points: np.ndarray) -> np.ndarray:
        local = points - middle
        return np.maximum(np.hypot(local[:, 0], local[:, 2]) - radius, np.abs(local[:, 1]) - half)

    reach = np.array([radius, half, radius])
    return Piece(distance, middle - reach, middle + reach, np.asarray(colour))


def ring(
    middle: ArrayLike, radius: float, thick: float, colour: ArrayLike, axis: int = 2, least: float = -np.inf
) -> Piece:
    """A torus about an axis of the world, as far as it lies above the height `least`."""
    middle = np.asarray(middle, float)

    def distance(points: np.ndarray) -> np.ndarray:
        local = points - middle
        across = np.delete(local, axis, axis=1)
        whole = np.hypot(np.linalg.norm(across, axis=1) - radius, local[:, axis]) - thick
        return np.maximum(whole, least - points[:, 2])

    reach = np.full(3, radius + thick)
    reach[axis] = thick
    low = middle - reach
    low[2] = max(low[2], least)
    return Piece(distance, low, middle + reach, np.asarray(colour))


def lathe(heights: ArrayLike, radii: ArrayLike, colour: ArrayLike, oval: float = 1.0) -> Piece:
    """What turning a profile about the z axis gives: radii (K,) at rising heights (K,); y is `oval` times as wide."""
    heights, radii = np.asarray(heights, float), np.asarray(radii, float)

    def distance(points: np.ndarray) -> np.ndarray:
        wide = np.interp(points[:, 2], heights, radii)
        across = (np.hypot(points[:, 0], points[:, 1] / oval) - wide) * min(oval, 1.0)
        return np.maximum(across, np.maximum(heights[0] - points[:, 2], points[:, 2] - heights[-1]))

    most = radii.max() * np.array([1.0, oval])
    return Piece(distance, np.array([*-most, heights[0]]), np.array([*most, heights[-1]]), np.asarray(colour))


def mirrored(piece: Piece) -> Piece:
    """The piece and its mirror image at y = 0."""
    low, high = piece.low.copy(), piece.high.copy()
    low[1], high[1] = -max(abs(piece.low[1]), abs(high[1])), max(abs(piece.low[1]), abs(high[1]))
    return dataclasses.replace(
        piece,
        distance=lambda p: piece.distance(np.column_stack([p[:, 0], np.abs(p[:, 1]), p[:, 2]])),
        low=low,
        high=high,
    )


def surface(pieces: Sequence[Piece], paint: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Part | None:
    """The closed surface of all pieces together; None where they leave nothing.

    Args:
        paint: (N, 3) points and the (N, 3) colours of the pieces there to colours.
    """
    from img2mesh.mesh.extract import marching_cubes

    solid = [piece for piece in pieces if not piece.hollow]
    low = np.min([piece.low for piece in solid], axis=0) - EDGE
    high = np.max([piece.high for piece in solid], axis=0) + EDGE
    spacing = float((high - low).max()) / CELLS
    axes = [np.arange(a, b + spacing, spacing) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    found, _ = blended(pieces, points)
    field = found.reshape([len(axis) for axis in axes])
    field = np.pad(field, 1, constant_values=1.0)  # closed at the lattice's end
    vertices, faces = marching_cubes(field)
    if not len(faces):
        return None
    vertices = (vertices - 1) * spacing + low
    _, colour = blended(pieces, vertices)
    return Part(vertices, faces, np.clip(paint(vertices, colour), 0, 1))


def blended(pieces: Sequence[Piece], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distances (N,) of all pieces together, and colours (N, 3): each point has its nearest piece's."""
    total, colour = np.full(len(points), 1e3), np.zeros((len(points), 3))
    for piece in pieces:
        own = piece.distance(points)
        if piece.hollow:
            colour = np.where((-own > total)[:, None], piece.colour, colour)
            total = np.maximum(total, -own)
            continue
        colour = np.where((own < total)[:, None], piece.colour, colour)
        if piece.blend > 0:  # polynomial smooth minimum
            share = np.maximum(piece.blend - np.abs(total - own), 0) / piece.blend
            total = np.minimum(total, own) - share**2 * piece.blend / 4
        else:
            total = np.minimum(total, own)
    return total, colour
