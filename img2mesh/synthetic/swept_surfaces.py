"""Closed surfaces swept from rings: surfaces of revolution, and tubes along a path."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from img2mesh.synthetic.procedural_textures import Paint, openness, shadowed

AROUND = 128  # vertices of a ring


@dataclass(frozen=True, eq=False)
class Part:
    """A closed surface.

    Attributes:
        vertices: (V, 3) float64, z up. faces: (F, 3) int64, counter-clockwise from outside.
        colour: (V, 3) float64 sRGB in [0, 1].
    """

    vertices: np.ndarray
    faces: np.ndarray
    colour: np.ndarray


def spun(parts: list[Part], rng: np.random.Generator) -> list[Part]:
    """The parts turned together by a random angle about the vertical."""
    spin = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(spin), -np.sin(spin), 0], [np.sin(spin), np.cos(spin), 0], [0, 0, 1]])
    return [dataclasses.replace(part, vertices=part.vertices @ turn.T) for part in parts]


def darkened(parts: list[Part], rng: np.random.Generator) -> list[Part]:
    """The parts with the soft shadows that all of them cast on each other."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
    seen, strength = (
        openness(np.concatenate([part.vertices for part in parts]), faces, rng),
        rng.uniform(0.2, 1),
    )
    return [
        dataclasses.replace(
            part, colour=shadowed(part.colour, seen[start : start + len(part.vertices)], strength)
        )
        for part, start in zip(parts, starts, strict=False)
    ]


def revolved(
    radii: np.ndarray,
    heights: np.ndarray,
    section: np.ndarray,
    last: float,
    inner: np.ndarray,
    painted: Paint,
) -> Part:
    """Rings stacked on a bottom's centre, closed by a centre at the height `last`."""
    n, rings = AROUND, len(radii)
    body = np.empty((rings, n, 3))
    body[..., :2] = radii[:, None, None] * section
    body[..., 2] = heights[:, None]
    vertices, faces = capped(body, np.array([[0, 0, heights[0]], [0, 0, last]]))
    inside = np.concatenate([np.repeat(inner, n), [False, inner[-1]]])
    return Part(vertices, faces, painted(vertices, inside))


def capped(rings: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of rings (R, n, 3), first and last closed towards the points `ends` (2, 3).

    Outwards for rings that run counter-clockwise, seen from where the last one lies.
    """
    count, n, _ = rings.shape
    i, j = np.meshgrid(np.arange(count - 1), np.arange(n), indexing="ij")
    a, b = i * n + j, i * n + (j + 1) % n
    wall = np.stack([a, b, b + n, a, b + n, a + n], axis=-1).reshape(-1, 3)
    here, after, last = np.arange(n), (np.arange(n) + 1) % n, (count - 1) * n
    first = np.stack([np.full(n, count * n), after, here], axis=1)
    cover = np.stack([np.full(n, count * n + 1), last + here, last + after], axis=1)
    return np.concatenate([rings.reshape(-1, 3), ends]), np.concatenate([wall, first, cover])


def tube(path: np.ndarray, radius: float, flat: float, colour: np.ndarray) -> Part:
    """A round bar along a path (N, 3) whose tangents are never (0, 1, 0); `flat` times as wide across as thick."""
    n, along = 16, np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    upright = (
        np.array([0.0, 0.0, 1.0]) if np.ptp(path[:, 1]) > np.ptp(path[:, 2]) else np.array([0.0, 1.0, 0.0])
    )
    side = np.cross(along, upright)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    across = np.cross(side, along)
    angle = np.arange(n) / n * 2 * np.pi
    ring = side[:, None] * np.cos(angle)[:, None] + flat * across[:, None] * np.sin(angle)[:, None]
    vertices, faces = capped(path[:, None] + radius * ring, path[[0, -1]])
    # These rings run clockwise.
    return Part(vertices, faces[:, ::-1], np.broadcast_to(colour, vertices.shape))
