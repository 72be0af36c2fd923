"""Bowls, mugs, pans, trays, baskets: hollow things made from random numbers, whose inside is known.

Silhouettes never show that something is hollow, and few models with a known inside may be trained on. These teach the
body's network (`train.occupancy`) what hollow things look like, together with closed ones of the same outlines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from img2mesh.synthetic.procedural_textures import Paint, random_colour
from img2mesh.synthetic.swept_surfaces import AROUND, Part, capped, darkened, revolved, spun, tube

ALONG = 48  # rings of a wall
CLOSED = 0.12  # share of vessels with a lid level with the rim
FILLED = 0.15  # share of vessels with something in them
LIQUID = 0.5  # share of those in which it has a colour of its own
SIDEWAYS = 0.08  # share of vessels that lie on their side
FLUTED = 0.2  # share of vessels with ribs on the outside
SAUCER = {"cup": 0.5, "mug": 0.15, "bowl": 0.1, "pot": 0.15}  # share of kinds that stand on a plate
DIVIDED = 0.2  # share of boxes and baskets with a wall across
KINDS = {"bowl": 3, "plate": 1, "mug": 2, "cup": 2, "pan": 2, "pot": 1, "vase": 1, "box": 2, "basket": 1}
STRAIGHT = ("box", "basket")  # kinds whose cross-section is mostly angular


Radius = Callable[[np.ndarray], np.ndarray]  # of a height


def random_vessel(rng: np.random.Generator) -> tuple[str, list[Part]]:
    """The kind of a vessel and its closed parts, which may overlap: their union is the thing; sides about 1."""
    names = list(KINDS)
    kind = str(rng.choice(names, p=np.array([KINDS[n] for n in names]) / sum(KINDS.values())))
    height, radius = _outline(kind, rng)
    section = _section(kind, rng)
    thickness = float(np.exp(rng.uniform(np.log(0.008), np.log(0.05))))
    floor = thickness * rng.uniform(0.8, 2.0)
    painted, content = Paint(rng, height), None
    if rng.random() < FILLED:
        floor += height * rng.uniform(0.1, 0.7)
        content = random_colour(rng) if rng.random() < LIQUID else None
    elif rng.random() < CLOSED:
        floor = height
    ribs = rng.uniform(0.005, 0.03) * np.cos(np.arange(AROUND) / AROUND * 2 * np.pi * rng.integers(8, 33))
    ribs = ribs if rng.random() < FLUTED else np.zeros(AROUND)
    parts = [_shell(height, radius, section, thickness, floor, painted, ribs, content)]
    parts += _handles(kind, height, radius, section, thickness, painted, rng)
    if kind in STRAIGHT and floor < height and rng.random() < DIVIDED:
        parts.append(_wall_across(height, radius, section, thickness, floor, painted, rng))
    if rng.random() < SAUCER.get(kind, 0):
        parts.append(_saucer(radius, painted, rng))
    parts = darkened(parts, rng)
    if rng.random() < SIDEWAYS:
        turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=float)
        parts = [dataclasses.replace(part, vertices=part.vertices @ turn.T) for part in parts]
    return kind, spun(parts, rng)


def _outline(kind: str, rng: np.random.Generator) -> tuple[float, Radius]:
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


def _shell(
    height: float,
    radius: Radius,
    section: np.ndarray,
    thickness: float,
    floor: float,
    painted: Paint,
    ribs: np.ndarray | float = 0.0,
    content: np.ndarray | None = None,
) -> Part:
    """Wall and floor: up the outside, over the rim, down the inside.

    Args:
        ribs: (AROUND,) added to the outer radius, as a share of it, where the wall is not at its ends.
        content: (3,) sRGB of what is in it, as high as the floor.
    """
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
    part = revolved(radii, heights, section, last, np.concatenate(inner), painted)
    middle = np.sin(np.pi * np.linspace(0, 1, ALONG))[:, None]
    part.vertices[: ALONG * AROUND, :2] *= 1 + (middle * ribs).reshape(-1, 1)
    if content is not None:
        part.colour[-1] = content
        part.colour[-2 - AROUND : -2] = content
    return part


def _saucer(radius: Radius, painted: Paint, rng: np.random.Generator) -> Part:
    """A plate under a vessel, whose foot stands in it."""
    wide, high, thick = rng.uniform(1.2, 1.9), rng.uniform(0.03, 0.12), rng.uniform(0.015, 0.03)
    foot = float(radius(np.zeros(1))[0])
    inner = min(foot * rng.uniform(1.0, 1.2), 0.45 * wide)
    up = np.linspace(0, 1, 12)
    under, over = inner + (0.5 * wide - inner) * up, thick + high * up ** rng.uniform(1, 2)
    radii = np.concatenate([under, under[::-1]])
    heights = np.concatenate([over - thick, over[::-1]]) - thick / 2
    section = np.stack([np.cos(a := np.arange(AROUND) / AROUND * 2 * np.pi), np.sin(a)], axis=1)
    return revolved(radii, heights, section, float(heights[-1]), np.zeros(len(radii), bool), painted)


def _wall_across(
    height: float,
    radius: Radius,
    section: np.ndarray,
    thickness: float,
    floor: float,
    painted: Paint,
    rng: np.random.Generator,
) -> Part:
    """A wall inside of a box, from its floor nearly to its rim and a little into its sides."""
    top = floor + (height - floor) * rng.uniform(0.6, 1.0)
    at = rng.uniform(-0.15, 0.15)
    half = (
        float(radius(np.array([(floor + top) / 2]))[0]) * float(np.abs(section[:, 1]).max()) - thickness / 2
    )
    z = np.linspace(max(floor - thickness / 2, 0), top, 12)
    angle = np.arange(AROUND) / AROUND * 2 * np.pi
    square = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    square /= np.abs(square).max(1, keepdims=True)
    rings = np.empty((len(z), AROUND, 3))
    rings[..., :2] = square * [thickness / 2, half] + [at, 0]
    rings[..., 2] = z[:, None]
    vertices, faces = capped(rings, np.array([[at, 0, z[0]], [at, 0, z[-1]]]))
    return Part(vertices, faces, painted(vertices, np.ones(len(vertices), bool)))


def _handles(
    kind: str,
    height: float,
    radius: Radius,
    section: np.ndarray,
    thickness: float,
    painted: Paint,
    rng: np.random.Generator,
) -> list[Part]:
    """A mug's ear, a pan's bar, a pot's lugs, a basket's arch."""
    reach = float(np.abs(section[:, 0]).max())
    colour = painted.outside if rng.random() < 0.6 else random_colour(rng)

    def wall(z: float) -> float:  # the middle of the wall, on the x axis
        return float(radius(np.array([z]))[0]) * reach - thickness / 2

    if kind == "mug":
        low, high = height * rng.uniform(0.1, 0.3), height * rng.uniform(0.7, 0.92)
        bend = np.linspace(0, np.pi, 24)
        bulge = np.sin(bend) ** rng.uniform(0.5, 1.0) * rng.uniform(0.15, 0.35)
        up = (low + high) / 2 - (high - low) / 2 * np.cos(bend)
        x = np.interp(up, [low, high], [wall(low), wall(high)]) + bulge
        path = np.stack([x, 0 * x, up], axis=1)
        return [tube(path, rng.uniform(0.02, 0.05), rng.uniform(1, 2), colour)]
    if kind == "pan":
        level, long, rise = height * rng.uniform(0.5, 0.95), rng.uniform(0.5, 1.1), rng.uniform(-0.05, 0.25)
        s = np.linspace(0, 1, 12)
        path = np.stack([wall(level) + long * s, 0 * s, level + rise * s ** rng.uniform(0.7, 2)], axis=1)
        return [tube(path, rng.uniform(0.015, 0.035), rng.uniform(1, 2.2), colour)]
    if kind in ("pot", "box") and rng.random() < 0.5:
        level, wide, out = height * rng.uniform(0.6, 0.9), rng.uniform(0.06, 0.15), rng.uniform(0.08, 0.2)
        bend = np.linspace(0, np.pi, 16)
        path = np.stack(
            [wall(level) - 0.01 + out * np.sin(bend), -wide * np.cos(bend), 0 * bend + level], axis=1
        )
        lug = tube(path, rng.uniform(0.012, 0.03), 1.0, colour)
        other = Part(lug.vertices * [-1, -1, 1], lug.faces, lug.colour)
        return [lug, other]
    if kind == "basket" and rng.random() < 0.6:
        rise, base = rng.uniform(0.3, 0.8), height * 0.9
        bend = np.linspace(0, np.pi, 32)
        path = np.stack([wall(base) * np.cos(bend), 0 * bend, base + rise * np.sin(bend)], axis=1)
        return [tube(path, rng.uniform(0.012, 0.03), rng.uniform(1, 2), colour)]
    return []
