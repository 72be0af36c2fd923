"""Colours, noise, gradients and the patterns of surfaces, drawn at random; for made photos' backgrounds and light.

Everything follows from the generator that is handed in.
"""

from __future__ import annotations

import cv2
import numpy as np

TILE = 256  # side of the surfaces' patterns


def colour(rng: np.random.Generator, vivid: float = 0.35) -> np.ndarray:
    """(3,) float32; greys are as likely as in photos, and `vivid` is the mean saturation of the others."""
    value = rng.beta(1.6, 1.1)
    if rng.random() < 0.35:
        return (value + rng.normal(0, 0.015, 3)).clip(0, 1).astype(np.float32)
    saturation = min(1.0, rng.gamma(2.0, vivid / 2))
    hue = rng.random()
    rgb = np.abs((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3).clip(1, 2) - 1
    return (value * (1 - saturation * (1 - rgb))).clip(0, 1).astype(np.float32)


def noise(rng: np.random.Generator, size: int, coarsest: int, octaves: int) -> np.ndarray:
    """(size, size) float32 in [0, 1]: value noise, each octave twice as fine and half as strong."""
    total = np.zeros((size, size), np.float32)
    for k in range(octaves):
        cells = min(size, coarsest * 2**k)
        part = rng.random((cells, cells), dtype=np.float32)
        total += cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC) * 0.5**k
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    """(size, size) float32 in [-0.5, 0.5], linear in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    line = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    return (np.cos(angle) * line[None] + np.sin(angle) * line[:, None]) / (
        abs(np.cos(angle)) + abs(np.sin(angle))
    )


def pattern(rng: np.random.Generator) -> np.ndarray:
    """(TILE, TILE, 3) float32, one of: cloth, wood, tiles or bricks, boards, stripes, spots, marble, lawn."""
    first, second = colour(rng), colour(rng)
    near = np.clip(first + rng.normal(0, 0.08, 3), 0, 1).astype(np.float32)
    second = near if rng.random() < 0.6 else second
    kind = rng.integers(8)
    rows, columns = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    if kind == 0:
        mix = noise(rng, TILE, int(rng.integers(2, 90)), int(rng.integers(1, 5)))
    elif kind == 1:  # wood: stretched noise in rings
        long = cv2.resize(noise(rng, TILE, 4, 4), (TILE, TILE * 6))[: TILE * 2 : 2]
        fine = cv2.resize(rng.random((TILE, 6), dtype=np.float32), (TILE, TILE))
        mix = 0.7 * ((long * rng.uniform(3, 12)) % 1) + 0.3 * fine
    elif kind in (2, 3):  # tiles, bricks, boards: each of its own tone, with joints
        high = int(rng.integers(12, 90))
        wide = int(high * rng.choice([1, 1, 2, 2.5, 8]))
        shift = (rows // high) % 2 * (wide / 2 if rng.random() < 0.7 else 0)
        cell = ((rows // high) * 31 + ((columns + shift) // wide) * 17).astype(np.int32) % 64
        mix = rng.random(64, dtype=np.float32)[cell] * rng.uniform(0.2, 1)
        joint = np.minimum(rows % high, (columns + shift) % wide) < rng.uniform(1, 5)
        mix = np.where(joint, 1.0, mix * 0.7 + 0.3 * noise(rng, TILE, 32, 3) * rng.random())
    elif kind == 4:  # stripes or a check
        width = rng.uniform(4, 60)
        mix = (np.sin(columns * np.pi / width) > 0).astype(np.float32)
        if rng.random() < 0.5:
            mix = (mix + (np.sin(rows * np.pi / width) > 0)) / 2
    elif kind == 5:  # spots
        mix = np.zeros((TILE, TILE), np.float32)
        for x, y in rng.integers(0, TILE, (int(rng.integers(5, 60)), 2)):
            cv2.circle(mix, (int(x), int(y)), int(rng.integers(3, 22)), float(rng.random()), -1, cv2.LINE_AA)
    elif kind == 6:  # marble
        bent = noise(rng, TILE, 3, 5)
        mix = np.abs(np.sin((columns / TILE * rng.uniform(2, 8) + 3 * bent) * np.pi)) ** rng.uniform(0.5, 3)
    else:  # lawn, carpet, gravel
        mix = noise(rng, TILE, int(rng.integers(24, 128)), 3)
        mix = np.clip((mix - 0.5) * rng.uniform(1, 3) + 0.5, 0, 1)
    grain = rng.normal(0, rng.uniform(0, 0.04), (TILE, TILE, 1)).astype(np.float32)
    mix = np.asarray(mix, np.float32)[..., None]
    return np.clip(first * (1 - mix) + second * mix + grain, 0, 1)


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; below a third of a pixel nothing happens."""
    return picture if sigma < 0.3 else cv2.GaussianBlur(picture, (0, 0), float(sigma))
