"""Bowls, mugs, pans, trays, baskets: hollow things made from random numbers, whose inside is known.

Silhouettes never show that something is hollow, and few models with a known inside may be trained on. These teach the
body's network (`train.body`) what hollow things look like, together with closed ones of the same outlines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AROUND = 96  # vertices of a ring
ALONG = 48  # rings of a wall
CLOSED = 0.2  # share of vessels with a lid level with the rim
FILLED = 0.15  # share of vessels with something in them
SIDEWAYS = 0.08  # share of vessels that lie on their side
KINDS = {"bowl": 3, "plate": 1, "mug": 2, "cup": 1, "pan": 2, "pot": 1, "vase": 1, "box": 2, "basket": 1}
STRAIGHT = ("box", "basket")  # kinds whose cross-section is mostly angular


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


def random_vessel(rng: np.random.Generator) -> tuple[str, list[Part]]:
    """The kind of a vessel and its closed parts, which may overlap: their union is the thing; sides about 1."""
    names = list(KINDS)
    kind = str(rng.choice(names, p=np.array([KINDS[n] for n in names]) / sum(KINDS.values())))
    height, radius = _outline(kind, rng)
    section = _section(kind, rng)
    thickness = float(np.exp(rng.uniform(np.log(0.008), np.log(0.05))))
    floor = thickness * rng.uniform(0.8, 2.0)
    if rng.random() < FILLED:
        floor += height * rng.uniform(0.1, 0.7)
    elif rng.random() < CLOSED:
        floor = height
    painted = _Paint(rng, height)
    parts = [_shell(height, radius, section, thickness, floor, painted)]
    parts += _handles(kind, height, radius, section, thickness, painted, rng)
    if rng.random() < SIDEWAYS:
        turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=float)
        parts = [Part(part.vertices @ turn.T, part.faces, part.colour) for part in parts]
    spin = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(spin), -np.sin(spin), 0], [np.sin(spin), np.cos(spin), 0], [0, 0, 1]])
    return kind, [Part(part.vertices @ turn.T, part.faces, part.colour) for part in parts]


def _outline(kind: str, rng: np.random.Generator):
    """Height, and the outer radius as a function of the height."""
    wide = 0.5
    if kind in ("bowl", "plate", "pan"):
        height = {
            "bowl": rng.uniform(0.25, 0.6),
            "plate": rng.uniform(0.05, 0.16),
            "pan": rng.uniform(0.12, 0.3),
        }[kind]
        foot = {
            "bowl": rng.uniform(0.15, 0.65),
            "plate": rng.uniform(0.4, 0.8),
            "pan": rng.uniform(0.7, 0.98),
        }[kind]
        power = rng.uniform(0.35, 1.0)
        return height, lambda z: wide * (foot + (1 - foot) * np.clip(z / height, 0, 1) ** power)
    if kind == "vase":
        height = rng.uniform(0.8, 1.6)
        knots = rng.uniform(0.4, 1.0, 5) * wide
        return height, lambda z: _smooth(z / height, knots)
    height = rng.uniform(0.3, 1.0) if kind in STRAIGHT or kind == "pot" else rng.uniform(0.7, 1.5)
    foot, bulge = rng.uniform(0.7, 1.05), rng.normal(0, 0.05) * (kind not in STRAIGHT)
    return (
        height,
        lambda z: wide * (foot + (1 - foot) * z / height + bulge * np.sin(np.pi * np.clip(z / height, 0, 1))),
    )


def _smooth(s: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """A cubic curve through evenly spaced knots at s in [0, 1]."""
    from scipy.interpolate import CubicSpline

    return np.clip(CubicSpline(np.linspace(0, 1, len(knots)), knots)(np.clip(s, 0, 1)), 0.1, 0.6)


def _section(kind: str, rng: np.random.Generator) -> np.ndarray:
    """(AROUND, 2) the cross-section that a radius of 1 stands for: round, oval, or a rounded rectangle."""
    angle = np.arange(AROUND) / AROUND * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if (kind in STRAIGHT and rng.random() < 0.85) or rng.random() < 0.12:
        power = rng.uniform(4, 14)  # superellipse
        circle = circle / (np.abs(circle) ** power).sum(1, keepdims=True) ** (1 / power)
        return circle * [1.0, rng.uniform(0.4, 1.0)]
    return circle * [1.0, rng.uniform(0.6, 1.0) if rng.random() < 0.2 else 1.0]


class _Paint:
    """Colours of a vessel: outside, inside, and a band, spots or stripes on the outside."""

    def __init__(self, rng: np.random.Generator, height: float) -> None:
        self.outside, self.mark = _colour(rng), _colour(rng)
        self.inside = self.outside if rng.random() < 0.6 else _colour(rng)
        self.pattern = str(rng.choice(["plain", "plain", "band", "stripes", "spots"]))
        self.low, self.high = np.sort(rng.uniform(0, height, 2))
        self.waves, self.phase = rng.integers(3, 14), rng.uniform(0, 6)
        self.rough = rng.normal(size=(8, 3)) * 25, rng.uniform(0, 6, 8), rng.uniform(0, 0.05)

    def __call__(self, points: np.ndarray, inner: np.ndarray) -> np.ndarray:
        """(N, 3) colours of points (N, 3); inner (N,) bool are those of the inside."""
        colour = np.where(inner[:, None], self.inside, self.outside)
        angle = np.arctan2(points[:, 1], points[:, 0])
        marked = {
            "plain": np.zeros(len(points), bool),
            "band": (points[:, 2] > self.low) & (points[:, 2] < self.high),
            "stripes": np.sin(angle * self.waves + self.phase) > 0.4,
            "spots": np.sin(angle * self.waves) * np.sin(points[:, 2] * 6 * self.waves + self.phase) > 0.5,
        }[self.pattern]
        colour = np.where((marked & ~inner)[:, None], self.mark, colour)
        waves, phases, size = self.rough
        return np.clip(colour + size * np.sin(points @ waves.T + phases).mean(1, keepdims=True) * 3, 0, 1)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) sRGB: often white, grey or black, as crockery and pans are."""
    if rng.random() < 0.45:
        return np.full(3, rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.4, 0.7), rng.uniform(0.8, 0.97)]))
    return rng.uniform(0.1, 0.95, 3)


def _shell(height, radius, section, thickness, floor, painted: _Paint) -> Part:
    """Wall and floor: up the outside, over the rim, down the inside."""
    z = np.linspace(0, height, ALONG)
    outer = radius(z)
    if floor >= height:
        rings, inner = [(outer, z)], [np.zeros(ALONG, bool)]
        last = height
    else:
        down = np.linspace(height, floor, ALONG)
        slope = np.gradient(radius(down), down)
        inside = np.maximum(radius(down) - thickness * np.sqrt(1 + slope**2), 1e-3)
        # A rim that is as round as a few vertices allow.
        bend = np.linspace(0, np.pi, 7)[1:-1]
        middle, half = (outer[-1] + inside[0]) / 2, (outer[-1] - inside[0]) / 2
        rim = (middle + half * np.cos(bend), height + 0.6 * half * np.sin(bend))
        rings = [(outer, z), rim, (inside, down)]
        inner = [np.zeros(ALONG, bool), np.zeros(5, bool), np.ones(ALONG, bool)]
        last = floor
    radii, heights = (np.concatenate([ring[k] for ring in rings]) for k in range(2))
    return _revolved(radii, heights, section, last, np.concatenate(inner), painted)


def _revolved(radii, heights, section, last: float, inner, painted: _Paint) -> Part:
    """Rings stacked on a bottom's centre, closed by a centre at the height `last`."""
    n, rings = AROUND, len(radii)
    body = np.empty((rings, n, 3))
    body[..., :2] = radii[:, None, None] * section
    body[..., 2] = heights[:, None]
    vertices, faces = _capped(body, [[0, 0, heights[0]], [0, 0, last]])
    inside = np.concatenate([np.repeat(inner, n), [False, inner[-1]]])
    return Part(vertices, faces, painted(vertices, inside))


def _capped(rings: np.ndarray, ends) -> tuple[np.ndarray, np.ndarray]:
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


def _handles(kind, height, radius, section, thickness, painted, rng) -> list[Part]:
    """A mug's ear, a pan's bar, a pot's lugs, a basket's arch."""
    reach = float(np.abs(section[:, 0]).max())
    colour = painted.outside if rng.random() < 0.6 else _colour(rng)

    def wall(z: float) -> float:  # the middle of the wall, on the x axis
        return float(radius(np.array([z]))[0]) * reach - thickness / 2

    if kind == "mug":
        low, high = height * rng.uniform(0.1, 0.3), height * rng.uniform(0.7, 0.92)
        bend = np.linspace(0, np.pi, 24)
        out = np.sin(bend) ** rng.uniform(0.5, 1.0) * rng.uniform(0.15, 0.35)
        z = (low + high) / 2 - (high - low) / 2 * np.cos(bend)
        x = np.interp(z, [low, high], [wall(low), wall(high)]) + out
        path = np.stack([x, 0 * x, z], axis=1)
        return [_tube(path, rng.uniform(0.02, 0.05), rng.uniform(1, 2), colour)]
    if kind == "pan":
        z, long, rise = height * rng.uniform(0.5, 0.95), rng.uniform(0.5, 1.1), rng.uniform(-0.05, 0.25)
        s = np.linspace(0, 1, 12)
        path = np.stack([wall(z) + long * s, 0 * s, z + rise * s ** rng.uniform(0.7, 2)], axis=1)
        return [_tube(path, rng.uniform(0.015, 0.035), rng.uniform(1, 2.2), colour)]
    if kind in ("pot", "box") and rng.random() < 0.5:
        z, wide, out = height * rng.uniform(0.6, 0.9), rng.uniform(0.06, 0.15), rng.uniform(0.08, 0.2)
        bend = np.linspace(0, np.pi, 16)
        path = np.stack([wall(z) - 0.01 + out * np.sin(bend), -wide * np.cos(bend), 0 * bend + z], axis=1)
        lug = _tube(path, rng.uniform(0.012, 0.03), 1.0, colour)
        other = Part(lug.vertices * [-1, -1, 1], lug.faces, lug.colour)
        return [lug, other]
    if kind == "basket" and rng.random() < 0.6:
        rise, base = rng.uniform(0.3, 0.8), height * 0.9
        bend = np.linspace(0, np.pi, 32)
        path = np.stack([wall(base) * np.cos(bend), 0 * bend, base + rise * np.sin(bend)], axis=1)
        return [_tube(path, rng.uniform(0.012, 0.03), rng.uniform(1, 2), colour)]
    return []


def _tube(path: np.ndarray, radius: float, flat: float, colour: np.ndarray) -> Part:
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
    vertices, faces = _capped(path[:, None] + radius * ring, path[[0, -1]])
    # These rings run clockwise.
    return Part(vertices, faces[:, ::-1], np.broadcast_to(colour, vertices.shape))
