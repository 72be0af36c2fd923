"""Photos with known masks, made: renders of objects composited over made and real backgrounds.

One object is meant, or one and what it stands on; everything else in the picture is background, its own shadow and
mirror image included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from img2mesh.train.cutout_backdrops import Backdrops
from img2mesh.train.cutout_camera import framed, photographed
from img2mesh.train.cutout_objects import (
    Layer,
    contact_shadow,
    cropped,
    placed,
    reflection,
    varied,
    wall_shadow,
)
from img2mesh.train.cutout_patterns import blurred

Draw = Callable[[np.random.Generator], np.ndarray]
TRIES = 20


class Scenes:
    """Made photos at random.

    Args:
        draw: gives a render at random, (h, w, 4) uint8 with straight alpha.
        backdrops: gives backgrounds; its `size` is the pictures'.
    """

    def __init__(self, draw: Draw, backdrops: Backdrops) -> None:
        self.draw, self.backdrops, self.size = draw, backdrops, backdrops.size

    def scene(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(S, S, 3) uint8 photo and (S, S) uint8 alpha of the object that is meant."""
        thing = varied(rng, self._object(rng))
        layer = self._main(rng, thing)
        picture, stands = self._background(rng, layer)
        picture = np.ascontiguousarray(picture, np.float32)
        if rng.random() < 0.33:
            picture = self._distractors(rng, picture, layer, stands)
        picture = self._shadows(rng, picture, layer)
        if rng.random() < 0.15:  # lit like the place
            layer[..., :3] *= (0.5 + 0.8 * picture.mean((0, 1)))[None, None]
        glass = rng.random() < 0.03
        picture = over(picture, layer, self._glass(rng, layer) if glass else None)
        alpha = layer[..., 3]
        if rng.random() < 0.05:
            picture, alpha = framed(rng, picture, alpha)
        return photographed(rng, picture), (np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _object(self, rng: np.random.Generator) -> np.ndarray:
        for _ in range(TRIES):
            found = cropped(self.draw(rng))
            if found is not None:
                return found
        raise RuntimeError(f"{TRIES} renders in a row are empty")

    def _main(self, rng: np.random.Generator, thing: np.ndarray) -> Layer:
        """The object that is meant, on its sheet: anywhere near the middle, at times cut off by a side."""
        s = self.size
        thing = thing[:, ::-1] if rng.random() < 0.5 else thing
        chance = rng.random()
        longest = s * (rng.uniform(0.45, 0.92) if chance < 0.85 else rng.uniform(0.2, 0.45))
        shape = np.array(thing.shape[1::-1], np.float32) * [np.exp(rng.normal(0, 0.13)), 1]
        wide, high = shape * longest / shape.max()
        spare = np.maximum(s - np.array([wide, high]), 0) / 2
        x, y = (s - np.array([wide, high])) / 2 + (rng.normal(0, 0.3, 2) * spare).clip(-spare, spare)
        chance = rng.random()
        if chance < 0.15:  # cut off: at the bottom mostly, as a bust, or at another side
            grow = rng.uniform(1.0, 1.5)
            wide, high = wide * grow, high * grow
            side = rng.choice(4, p=[0.55, 0.15, 0.15, 0.15])
            beyond = rng.uniform(0.1, 0.45)
            x, y = (s - wide) / 2, (s - high) / 2
            if side == 0:
                y = s - high * (1 - beyond)
            elif side == 1:
                y = -high * beyond
            elif side == 2:
                x = -wide * beyond
            else:
                x = s - wide * (1 - beyond)
        tilt = rng.random()
        angle = 0.0 if tilt < 0.5 else rng.normal(0, 6) if tilt < 0.93 else rng.uniform(-90, 90)
        layer = placed(thing, s, (x, y, wide, high), angle)
        if chance >= 0.15 and rng.random() < 0.09:
            box = (x, y, wide, high)
            layer = self._on_base(rng, layer, box) if rng.random() < 0.5 else self._bunch(rng, layer, box)
        return layer

    def _on_base(self, rng: np.random.Generator, layer: Layer, box: tuple[float, ...]) -> Layer:
        """A thing on a plate, a figure on its base."""
        x, y, wide, high = box
        base = wide * rng.uniform(0.9, 1.5)
        depth = base * rng.uniform(0.15, 0.5)
        place = (x + (wide - base) / 2, y + high - depth * rng.uniform(0.3, 0.7), base, depth)
        under = placed(varied(rng, self._object(rng)), self.size, place)
        return layer + under * (1 - layer[..., 3:])

    def _bunch(self, rng: np.random.Generator, layer: Layer, box: tuple[float, ...]) -> Layer:
        """Several things that grow out of one another: flowers in a vase, fruit in a bowl, toppings."""
        x, y, wide, high = box
        for _ in range(int(rng.integers(1, 4))):
            thing = varied(rng, self._object(rng))
            shape = np.array(thing.shape[1::-1], np.float32)
            w, h = shape / shape.max() * max(wide, high) * rng.uniform(0.3, 0.8)
            cx, cy = x + wide * rng.uniform(0.1, 0.9), y + high * rng.uniform(-0.05, 0.45)
            more = placed(thing, self.size, (cx - w / 2, cy - h / 2, w, h), rng.normal(0, 25))
            first, second = (more, layer) if rng.random() < 0.5 else (layer, more)
            layer = first + second * (1 - first[..., 3:])
        return layer

    def _background(self, rng: np.random.Generator, layer: Layer) -> tuple[np.ndarray, float]:
        """A backdrop; at times of the object's own tone: white on white, black on black."""
        if rng.random() < 0.07 and layer[..., 3].sum() > 1:
            weight = layer[..., 3:]
            tone = layer[..., :3].sum((0, 1)) / weight.sum()
            return self.backdrops.paper(
                rng, np.clip(tone + rng.normal(0, 0.1) + rng.normal(0, 0.02, 3), 0, 1)
            )
        return self.backdrops.draw(rng)

    def _distractors(
        self, rng: np.random.Generator, picture: np.ndarray, layer: Layer, stands: float
    ) -> np.ndarray:
        """Other things: smaller, aside or cut off by the frame, sharp or out of focus, behind the one that is meant."""
        s = self.size
        area = layer[..., 3].sum()
        for _ in range(int(rng.integers(1, 5))):
            thing = varied(rng, self._object(rng))
            longest = s * rng.uniform(0.1, 0.5)
            shape = np.array(thing.shape[1::-1], np.float32)
            wide, high = shape * longest / shape.max()
            if rng.random() < 0.5:  # at the frame
                x = rng.choice([rng.uniform(-0.7, -0.1) * wide, s - rng.uniform(0.3, 0.9) * wide])
            else:
                x = rng.uniform(-0.1, 1.0) * s - wide / 2
            foot = stands * s + rng.uniform(-0.05, 0.35) * s if 0 < stands < 1 else rng.uniform(0.1, 1) * s
            other = placed(thing, s, (x, foot - high, wide, high))
            free = other[..., 3] * (1 - layer[..., 3])
            if free.sum() > 0.35 * area:
                continue
            shade = contact_shadow(rng, other[..., 3])
            picture = picture * (1 - shade[..., None])
            if rng.random() < 0.4:
                other = blurred(other, rng.uniform(0.5, 4) * s / 256)
            picture = over(picture, other)
        return picture

    def _shadows(self, rng: np.random.Generator, picture: np.ndarray, layer: Layer) -> np.ndarray:
        alpha = layer[..., 3]
        chance = rng.random()
        shade = None
        if chance < 0.4:
            shade = contact_shadow(rng, alpha)
        elif chance < 0.67:
            shade = wall_shadow(rng, alpha)
        if shade is not None:
            tint = np.ones(3, np.float32) - np.float32(rng.uniform(0, 0.15)) * rng.random(3, dtype=np.float32)
            picture = picture * (1 - shade[..., None] * tint)
        if rng.random() < 0.17:
            picture = over(picture, reflection(rng, layer))
        return picture

    @staticmethod
    def _glass(rng: np.random.Generator, layer: Layer) -> np.ndarray:
        """(S, S, 1) share of the background that shows through: all over, less at the rim."""
        alpha = layer[..., 3]
        inner = np.clip(blurred(alpha, alpha.shape[0] / 50) * 2 - 1, 0, 1)
        return (inner * np.float32(rng.uniform(0.3, 0.75)))[..., None]


def over(picture: np.ndarray, layer: Layer, through: np.ndarray | None = None) -> np.ndarray:
    """A layer over a picture (S, S, 3); `through` is the share of the picture that shows through the layer."""
    if through is not None:
        layer = layer * (1 - through)
    return picture * (1 - layer[..., 3:]) + layer[..., :3]
