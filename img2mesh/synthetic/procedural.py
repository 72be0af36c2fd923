"""Goods and toys made from random numbers, whose inside is known, for the occupancy network to learn from.

Most models that may be trained on are low-poly scenery and furniture; photos are of such things as these. Each is a
handful of pieces (`synthetic.implicit_surfaces`) that stand or lie as the things do, turned about the vertical.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.synthetic import procedural_goods as goods
from img2mesh.synthetic import procedural_toys as toys
from img2mesh.synthetic.implicit_surfaces import Piece, surface
from img2mesh.synthetic.procedural_textures import random_colour
from img2mesh.synthetic.swept_surfaces import Part, darkened, spun

KINDS = {  # makers, and how often each comes
    "carton": (goods.carton, 3),
    "bottle": (goods.bottle, 3),
    "shoe": (goods.shoe, 3),
    "tool": (goods.tool, 3),
    "headset": (goods.headset, 1),
    "figure": (toys.figure, 3),
    "animal": (toys.animal, 3),
    "vehicle": (toys.vehicle, 2),
    "aircraft": (toys.aircraft, 2),
}
LYING = {"carton": 0.5, "bottle": 0.25, "figure": 0.05, "tool": 0.85}  # share of a kind that lies on its side
PRINTS = 14  # patches of another colour, at most


def random_thing(rng: np.random.Generator) -> tuple[str, list[Part]]:
    """The kind of a thing and its one closed part; sides about 1, z up."""
    names = list(KINDS)
    often = np.array([KINDS[name][1] for name in names], float)
    part = None
    while part is None:
        kind = str(rng.choice(names, p=often / often.sum()))
        pieces = KINDS[kind][0](rng)
        part = surface(pieces, Print(rng, pieces))
    parts = darkened([part], rng)
    if rng.random() < LYING.get(kind, 0):  # on its back
        parts = [dataclasses.replace(p, vertices=p.vertices[:, [2, 1, 0]] * [-1, 1, 1]) for p in parts]
    return kind, spun(parts, rng)


class Print:
    """What is printed on a thing: patches of other colours, some of them lines as of writing, and a rough grain."""

    def __init__(self, rng: np.random.Generator, pieces: list[Piece]) -> None:
        low = np.min([piece.low for piece in pieces], axis=0)
        high = np.max([piece.high for piece in pieces], axis=0)
        count = int(rng.integers(0, PRINTS + 1)) if rng.random() < 0.75 else 0
        self.middles = rng.uniform(low, high, (count, 3))
        self.halves = np.exp(rng.uniform(np.log(0.02), np.log(0.35), (count, 3)))
        self.colours = np.array([random_colour(rng) for _ in range(count)])
        self.lines = np.where(rng.random(count) < 0.4, rng.uniform(60, 140, count), 0.0)
        self.waves = rng.normal(size=(12, 3)) * np.exp(rng.uniform(1.5, 3.5)), rng.uniform(0, 6, 12)
        self.rough = rng.uniform(0, 0.06)
        self.blotch = random_colour(rng) if rng.random() < 0.25 else None

    def __call__(self, points: np.ndarray, colour: np.ndarray) -> np.ndarray:
        """(N, 3) sRGB of points (N, 3) whose pieces have the colours (N, 3)."""
        waves, phases = self.waves
        cloud = np.sin(points @ waves.T + phases).sum(1) / np.sqrt(len(phases) / 2)
        if self.blotch is not None:
            colour = np.where((cloud > 0.8)[:, None], self.blotch, colour)
        for middle, half, ink, lines in zip(self.middles, self.halves, self.colours, self.lines, strict=True):
            inside = (np.abs(points - middle) < half).all(1)
            if lines:
                inside &= np.sin(points[:, 2] * lines) > 0
            colour = np.where(inside[:, None], ink, colour)
        return colour + self.rough * cloud[:, None] * 0.5
