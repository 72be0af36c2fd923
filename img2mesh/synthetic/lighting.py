"""Soft light that is drawn once per object and stays put in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WRAP = 0.35  # how far round a lamp reaches past the terminator: it is broad, not a point


@dataclass(frozen=True, eq=False)
class Light:
    """An ambient sky and broad lamps; no cast shadows.

    Attributes:
        sky, ground: (3,) linear RGB irradiance on faces that look up and down; blended in between.
        directions: (L, 3) unit vectors towards the lamps.
        colours: (L, 3) linear RGB irradiance of each lamp on a face that looks at it.
    """

    sky: np.ndarray
    ground: np.ndarray
    directions: np.ndarray
    colours: np.ndarray

    def irradiance(self, normals: np.ndarray) -> np.ndarray:
        """(N, 3) linear RGB factor of a diffuse colour at (N, 3) unit normals."""
        up = 0.5 + 0.5 * normals[:, 2:3]
        total = self.sky * up + self.ground * (1 - up)
        for direction, colour in zip(self.directions, self.colours, strict=True):
            facing = np.clip((normals @ direction + WRAP) / (1 + WRAP), 0, None)
            total = total + facing[:, None] * colour
        return total


def random_light(rng: np.random.Generator) -> Light:
    """Two or three lamps, mostly from above, over a bright sky, all slightly tinted.

    A face that looks at nothing but the sky keeps about its own colour.
    """

    def tint() -> np.ndarray:
        return 1 + rng.uniform(-0.04, 0.04, 3)

    count = int(rng.integers(2, 4))
    azimuth = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count + rng.uniform(-0.5, 0.5, count)
    height = rng.uniform(-0.1, 0.9, count)  # sine of the elevation
    flat = np.sqrt(1 - height**2)
    directions = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), height], axis=1)
    share = rng.dirichlet(np.full(count, 2.0)) * rng.uniform(0.35, 0.65)
    sky = rng.uniform(0.6, 0.8) * tint()
    return Light(
        sky, sky * rng.uniform(0.55, 0.85), directions, share[:, None] * np.stack([tint() for _ in share])
    )


def white_light() -> Light:
    """The same irradiance, 1, everywhere: what is drawn is the bare colour."""
    return Light(np.ones(3), np.ones(3), np.zeros((0, 3)), np.zeros((0, 3)))
