"""Textures of procedural objects: colours, patterns, and the soft shadows in hollows.

Scans of real crockery have their soft shadows in the texture. The ray caster casts none, so they are painted on too:
without them nothing but its outline told a hollow from a lid.
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.ray_casting import cast, ray_scene

RAYS = 40  # per vertex, into the hemisphere above it
REACH = 1.5  # world units beyond which nothing darkens
PATTERNS = {
    "plain": 4,
    "band": 2,
    "stripes": 1,
    "spots": 1,
    "blotches": 2,
    "rings": 1,
    "scrolls": 2,
    "weave": 1,
}


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) sRGB: often white, grey or black, as crockery and pans are."""
    if rng.random() < 0.45:
        return np.full(3, rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.4, 0.7), rng.uniform(0.8, 0.97)]))
    return rng.uniform(0.1, 0.95, 3)


class Paint:
    """Colours of a vessel: outside, inside, the rim's, and a pattern on one of them or both."""

    def __init__(self, rng: np.random.Generator, height: float) -> None:
        self.outside, self.mark, self.third = (random_colour(rng) for _ in range(3))
        self.inside = self.outside if rng.random() < 0.6 else random_colour(rng)
        self.pattern = str(
            rng.choice(list(PATTERNS), p=np.array([*PATTERNS.values()]) / sum(PATTERNS.values()))
        )
        self.within = bool(rng.random() < 0.55)  # the pattern is on the inside too
        self.low, self.high = np.sort(rng.uniform(0, height, 2))
        self.waves, self.phase = rng.integers(3, 14), rng.uniform(0, 6)
        self.rim = rng.uniform(0.01, 0.08) * height if rng.random() < 0.25 else 0.0
        self.height = height
        self.cloud = rng.normal(size=(24, 3)) * np.exp(rng.uniform(1.5, 3.2)), rng.uniform(0, 6, 24)
        self.rough = rng.normal(size=(8, 3)) * 25, rng.uniform(0, 6, 8), rng.uniform(0, 0.03)

    def __call__(self, points: np.ndarray, inner: np.ndarray) -> np.ndarray:
        """(N, 3) sRGB of points (N, 3), world units; inner (N,) bool are those of the inside."""
        colour = np.where(inner[:, None], self.inside, self.outside)
        angle, z = np.arctan2(points[:, 1], points[:, 0]), points[:, 2]
        waves, phases = self.cloud
        cloud = np.sin(points @ waves.T + phases).sum(1) / np.sqrt(len(phases) / 2)
        marked = {
            "plain": np.zeros(len(points), bool),
            "band": (z > self.low) & (z < self.high),
            "stripes": np.sin(angle * self.waves + self.phase) > 0.4,
            "spots": np.sin(angle * self.waves) * np.sin(z * 6 * self.waves + self.phase) > 0.5,
            "blotches": cloud > 0.5,
            "rings": np.sin(np.linalg.norm(points, axis=1) * 6 * self.waves) > 0,
            "scrolls": np.sin(3 * cloud + 4 * self.waves * z) > 0,
            "weave": np.sin(angle * 2 * self.waves) * np.sin(z * 8 * self.waves + self.phase) > 0,
        }[self.pattern]
        where = marked if self.within else marked & ~inner
        colour = np.where(where[:, None], self.mark, colour)
        if self.pattern == "blotches":
            colour = np.where((where & (cloud > 1.1))[:, None], self.third, colour)
        if self.rim:
            colour = np.where((z > self.height - self.rim)[:, None], self.third, colour)
        waves, phases, size = self.rough
        return np.clip(colour + size * np.sin(points @ waves.T + phases).mean(1, keepdims=True) * 3, 0, 1)


def openness(vertices: np.ndarray, faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(V,) in [0, 1]: cosine-weighted share of the sky above each vertex that nothing near hides (ambient occlusion).

    Args:
        vertices: (V, 3) world units; faces: (F, 3), counter-clockwise from outside.
    """
    normals = np.zeros_like(vertices)
    corners = vertices[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for k in range(3):
        np.add.at(normals, faces[:, k], area)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    scene, hidden = ray_scene(vertices, faces), np.zeros(len(vertices))
    for _ in range(RAYS):
        around = rng.normal(size=3)  # the same for all: bands are smoother than grains
        around /= np.linalg.norm(around)
        directions = normals + 0.999 * around  # cosine-weighted about the normal
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        found, _, distance = cast(scene, vertices + 2e-3 * normals, directions)
        hidden += (found >= 0) & (distance < REACH)
    return 1 - hidden / RAYS


def shadowed(colour: np.ndarray, open_: np.ndarray, strength: float) -> np.ndarray:
    """(N, 3) sRGB with soft shadows: darker by `strength` in [0, 1] where nothing of the sky is seen; light bounces."""
    light = 1 - strength * (1 - open_[:, None])
    bounce = 0.5 * colour.mean(1, keepdims=True)  # bright things light their own hollows
    return colour * (light + (1 - light) * bounce)
