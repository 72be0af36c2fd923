"""What may lie behind an object in a photo, drawn at random: paper, surfaces, rooms, clutter and real panoramas.

Pictures are (S, S, 3) float32 sRGB in [0, 1]. Everything follows from the generator that is handed in.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.train.cutout_patterns import blurred, colour, gradient, noise, pattern

PATTERNS = 120  # made surfaces that a `Backdrops` holds


class Backdrops:
    """Backgrounds at random.

    Args:
        size: side of the pictures.
        seed: of the surfaces' patterns, made once.
        photographs: panoramas (equirectangular, (h, 2 h, 3) uint8) and flat ones, all usable as scenery.
        surfaces: further patterns: pictures of brick, grass and the like, (h, w, 3) uint8.
    """

    def __init__(
        self,
        size: int,
        seed: int,
        photographs: list[np.ndarray],
        surfaces: list[np.ndarray],
        patterns: int = PATTERNS,
    ) -> None:
        self.size = size
        rng = np.random.default_rng(seed)
        self.patterns = [(pattern(rng) * 255).astype(np.uint8) for _ in range(patterns)]
        self.surfaces, self.photographs = surfaces, photographs

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A background and the height at which things stand on it, as a share of the side (negative: nowhere)."""
        kinds = [self.paper, self.wall_and_floor, self.surface, self.clutter, self.room, self.scenery]
        weights = np.array([0.3, 0.18, 0.12, 0.08, 0.1, 0.22])
        if not self.photographs:
            weights[-1] = 0
        return kinds[rng.choice(6, p=weights / weights.sum())](rng)

    def paper(self, rng: np.random.Generator, tone: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """A seamless ground: one tone (white and near white most often), a gradient, a vignette."""
        if tone is None:
            chance = rng.random()
            if chance < 0.3:
                tone = np.full(3, rng.choice([1.0, 1.0, rng.uniform(0.9, 1)]), np.float32)
            elif chance < 0.38:
                tone = np.full(3, rng.uniform(0, 0.12), np.float32)
            else:
                tone = colour(rng)
        shade = np.ones((self.size, self.size), np.float32)
        if rng.random() < 0.65:
            shade += gradient(rng, self.size) * rng.uniform(0, 0.5)
        if rng.random() < 0.5:
            y, x = np.mgrid[-1 : 1 : self.size * 1j, -1 : 1 : self.size * 1j].astype(np.float32)
            cx, cy = rng.normal(0, 0.3, 2)
            far = (x - cx) ** 2 + (y - cy) ** 2
            shade -= far * rng.uniform(-0.05, 0.25)
        return np.clip(tone * shade[..., None], 0, 1), rng.uniform(-0.3, 0.9)

    def texture(self, rng: np.random.Generator, tilt: bool = False) -> np.ndarray:
        """A surface's pattern all over the picture, turned, scaled, toned, and seen at a slant if `tilt`."""
        chance = rng.random()
        if chance < 0.3:
            flat = np.empty((self.size, self.size, 3), np.float32)
            flat[:] = colour(rng)
            return flat + (noise(rng, self.size, 8, 4)[..., None] - 0.5) * np.float32(rng.uniform(0, 0.12))
        bank = self.surfaces if self.surfaces and chance < 0.45 else self.patterns
        tile = bank[rng.integers(len(bank))]
        scale = self.size / tile.shape[0] * rng.uniform(0.3, 3.0)
        angle = rng.choice([0.0, 90.0, rng.uniform(0, 360)])
        matrix = np.eye(3)
        matrix[:2] = cv2.getRotationMatrix2D((tile.shape[1] / 2, tile.shape[0] / 2), angle, scale)
        matrix[:2, 2] += rng.uniform(-1, 1, 2) * self.size
        if tilt:
            s = self.size
            narrow = rng.uniform(0.0, 0.45) * s
            corners = np.array([[0, 0], [s, 0], [s, s], [0, s]], np.float32)
            inner = np.array([[narrow, 0], [s - narrow, 0], [s, s], [0, s]], np.float32)
            matrix = cv2.getPerspectiveTransform(inner, corners) @ matrix
        warped = cv2.warpPerspective(
            tile, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        out = warped.astype(np.float32) / 255
        if rng.random() < 0.6:
            contrast, mean = np.float32(rng.uniform(0.2, 1.1)), out.mean((0, 1))
            out = (out - mean) * contrast + (mean * 0.4 + colour(rng) * 0.6 if rng.random() < 0.6 else mean)
        return out.clip(0, 1)

    def surface(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A table or a floor that fills the picture."""
        lit = 1 + gradient(rng, self.size) * rng.uniform(0, 0.6)
        return self.texture(rng, rng.random() < 0.6) * lit[..., None], rng.uniform(-0.3, 0.5)

    def wall_and_floor(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A wall above a floor or table, and the edge between them."""
        s = self.size
        horizon = rng.uniform(0.2, 0.75)
        slope = rng.normal(0, 0.05) if rng.random() < 0.4 else 0.0
        wall = self.texture(rng) if rng.random() < 0.5 else self.paper(rng)[0]
        floor = self.texture(rng, True) if rng.random() < 0.6 else self.paper(rng)[0]
        edge = (np.arange(s)[:, None] / s - horizon - slope * (np.arange(s)[None] / s - 0.5)).astype(
            np.float32
        ) * s
        mix = np.clip(edge / rng.choice([1.0, rng.uniform(1, 12)]) + 0.5, 0, 1)[..., None]
        picture = wall * (1 - mix) + floor * mix
        if rng.random() < 0.4:  # skirting or a shadow in the corner
            picture *= 1 - rng.uniform(0, 0.5) * np.exp(-np.abs(edge) / rng.uniform(1, 12))[..., None]
        if rng.random() < 0.5:
            picture = blurred(picture, rng.uniform(0, 3) * s / 256)
        return picture, horizon

    def clutter(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Many shapes one over another."""
        picture = self.texture(rng).copy()
        s = self.size
        for _ in range(int(rng.integers(6, 40))):
            x, y = (int(v) for v in rng.integers(-s // 8, s + s // 8, 2))
            w, h = (int(v) for v in (s * rng.gamma(2, 0.06, 2)).clip(3, s))
            tone = tuple(float(v) for v in colour(rng, 0.5))
            kind = rng.integers(4)
            if kind == 0:
                cv2.rectangle(picture, (x, y), (x + w, y + h), tone, -1)
            elif kind == 1:
                cv2.ellipse(
                    picture, (x, y), (w, h), float(rng.uniform(0, 360)), 0, 360, tone, -1, cv2.LINE_AA
                )
            elif kind == 2:
                ends = rng.integers(0, s, 2)
                cv2.line(
                    picture, (x, y), (int(ends[0]), int(ends[1])), tone, int(rng.integers(1, 8)), cv2.LINE_AA
                )
            else:
                corners = (np.array([x, y]) + rng.normal(0, s * 0.12, (int(rng.integers(3, 7)), 2))).astype(
                    np.int32
                )
                cv2.fillPoly(picture, [corners], tone, cv2.LINE_AA)
        return self._defocused(rng, picture, 5), rng.uniform(-0.3, 0.8)

    def room(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A wall and a floor with windows, shelves, frames and furniture made of boxes."""
        picture, horizon = self.wall_and_floor(rng)
        picture = np.ascontiguousarray(picture, np.float32)
        s = self.size
        for _ in range(int(rng.integers(1, 9))):
            w, h = (int(v) for v in s * rng.uniform(0.05, 0.5, 2))
            x = int(rng.uniform(-0.2, 1.0) * s)
            on_floor = rng.random() < 0.5
            y = (
                int(horizon * s + rng.uniform(-0.1, 0.25) * s - h)
                if on_floor
                else int(rng.uniform(-0.2, horizon) * s)
            )
            tone = tuple(float(v) for v in colour(rng))
            cv2.rectangle(picture, (x, y), (x + w, y + h), tone, -1)
            if rng.random() < 0.6:  # a frame, a drawer, a pane
                inset = max(2, int(min(w, h) * rng.uniform(0.05, 0.25)))
                inner = tuple(float(v) for v in colour(rng))
                cv2.rectangle(picture, (x + inset, y + inset), (x + w - inset, y + h - inset), inner, -1)
            if rng.random() < 0.4:
                for k in range(1, int(rng.integers(2, 6))):
                    cv2.line(picture, (x, y + h * k // 6), (x + w, y + h * k // 6), (0.1, 0.1, 0.1), 1)
        return self._defocused(rng, picture, 4), horizon

    def scenery(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A view into a panorama, or a part of a flat photograph."""
        photo = self.photographs[rng.integers(len(self.photographs))]
        s = self.size
        if photo.shape[1] == 2 * photo.shape[0]:
            picture = perspective_view(
                photo,
                s,
                rng.uniform(0, 2 * np.pi),
                np.radians(rng.normal(-12, 14)),
                np.radians(rng.uniform(35, 95)),
            )
        else:
            side = int(min(photo.shape[:2]) * rng.uniform(0.3, 1))
            y, x = (int(rng.integers(0, n - side + 1)) for n in photo.shape[:2])
            picture = cv2.resize(photo[y : y + side, x : x + side], (s, s), interpolation=cv2.INTER_AREA)
        out = picture.astype(np.float32) / 255
        out = out[:, ::-1] if rng.random() < 0.5 else out
        out = out ** np.float32(np.exp(rng.normal(0, 0.3)))
        if rng.random() < 0.4:  # a table in front
            horizon = rng.uniform(0.45, 0.8)
            table = self.texture(rng, True)
            cut = int(horizon * s)
            out = self._defocused(rng, out, 5)
            out[cut:] = table[cut:]
            return out, horizon
        return self._defocused(rng, out, 5), rng.uniform(0.2, 0.7)

    def _defocused(self, rng: np.random.Generator, picture: np.ndarray, most: float) -> np.ndarray:
        sigma = rng.uniform(0, most) * self.size / 256 if rng.random() < 0.6 else 0.0
        return np.array(blurred(picture, sigma))


def perspective_view(photo: np.ndarray, size: int, yaw: float, pitch: float, fov: float) -> np.ndarray:
    """(size, size, 3) uint8 view into an equirectangular panorama; angles in radians, pitch above the horizon."""
    half = np.tan(fov / 2)
    x, y = np.meshgrid(np.linspace(-half, half, size), np.linspace(half, -half, size))
    up = np.sin(pitch) + y * np.cos(pitch)
    ahead = np.cos(pitch) - y * np.sin(pitch)
    longitude = (np.arctan2(x, ahead) + yaw) / (2 * np.pi) % 1
    latitude = np.arctan2(up, np.hypot(x, ahead)) / np.pi
    u = (longitude * photo.shape[1]).astype(np.float32)
    v = ((0.5 - latitude) * photo.shape[0] - 0.5).astype(np.float32)
    return cv2.remap(photo, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def read_pictures(folder: str | Path) -> list[np.ndarray]:
    """All pictures of a folder, by name, as (h, w, 3) uint8; none where the name is empty.

    Raises:
        Img2MeshError: no such folder, or no picture in it.
    """
    from PIL import Image

    if not folder:
        return []
    files = [
        p for p in sorted(Path(folder).glob("*")) if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
    ]
    if not files:
        raise Img2MeshError(f"{folder} holds no pictures (.jpg, .png, .webp).")
    return [np.asarray(Image.open(path).convert("RGB")) for path in files]
