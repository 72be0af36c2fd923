"""Renders of objects, varied as things are: size, place, colour, sheen; and the shadow and mirror image they cast."""

from __future__ import annotations

import cv2
import numpy as np

from img2mesh.train.cutout_patterns import blurred, colour, gradient, noise

Layer = np.ndarray  # (S, S, 4) float32: colour times alpha, alpha; both in [0, 1]


def cropped(rgba: np.ndarray) -> np.ndarray | None:
    """The render's own box, (h, w, 4) uint8; None where there is next to nothing."""
    rows, columns = np.flatnonzero(rgba[..., 3].max(1) > 25), np.flatnonzero(rgba[..., 3].max(0) > 25)
    if len(rows) < 12 or len(columns) < 12:
        return None
    return rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def varied(rng: np.random.Generator, rgba: np.ndarray) -> np.ndarray:
    """Other colours, light and surface; (h, w, 4) float32 in [0, 1], straight alpha."""
    out = rgba.astype(np.float32) / 255
    rgb = out[..., :3]
    chance = rng.random()
    if chance < 0.08:  # white things
        rgb = 1 - (1 - rgb.mean(-1, keepdims=True)) * np.float32(rng.uniform(0.1, 0.5))
    elif chance < 0.14:  # black things
        rgb = rgb.mean(-1, keepdims=True) * np.float32(rng.uniform(0.05, 0.35))
    elif chance < 0.3:
        rgb = rgb[..., rng.permutation(3)]
    elif chance < 0.4:
        rgb = rgb * (0.4 + 0.9 * colour(rng))
    rgb = np.broadcast_to(rgb, out[..., :3].shape)
    if rng.random() < 0.15:  # printed or worn
        size = 128
        spots = noise(rng, size, int(rng.integers(2, 40)), int(rng.integers(1, 4)))
        spots = cv2.resize(spots, rgba.shape[1::-1])[..., None]
        edge = np.clip((spots - 0.5) * rng.choice([2.0, 30.0]) + 0.5, 0, 1) * np.float32(
            rng.uniform(0.1, 0.9)
        )
        rgb = rgb * (1 - edge) + colour(rng, 0.5) * edge
    if rng.random() < 0.12:
        rgb = _decals(rng, rgb)
    if rng.random() < 0.5:
        rgb = np.maximum(rgb, 0) ** np.float32(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.5:  # light from one side
        light = cv2.resize(gradient(rng, 64), rgba.shape[1::-1])[..., None]
        rgb = rgb * (1 + light * np.float32(rng.uniform(0, 1)))
    if rng.random() < 0.2:  # a highlight
        h, w = rgba.shape[:2]
        y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j].astype(np.float32)
        cx, cy, spread = rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.6), rng.uniform(0.03, 0.25)
        glow = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / spread**2)[..., None]
        rgb = rgb + glow * np.float32(rng.uniform(0.1, 0.8))
    out[..., :3] = np.clip(rgb, 0, 1)
    return out


def _decals(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Flat shapes printed on the object: labels, eyes, buttons."""
    out = np.array(rgb, np.float32, order="C")
    h, w = out.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        tone = tuple(float(v) for v in colour(rng, 0.6))
        x, y = int(rng.uniform(0.15, 0.85) * w), int(rng.uniform(0.15, 0.85) * h)
        a, b = (max(2, int(v * min(h, w))) for v in rng.uniform(0.04, 0.22, 2))
        if rng.random() < 0.6:
            b = a if rng.random() < 0.5 else b
            cv2.ellipse(out, (x, y), (a, b), float(rng.uniform(0, 360)), 0, 360, tone, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(out, (x - a, y - b), (x + a, y + b), tone, -1)
    return out


def placed(rgba: np.ndarray, size: int, box: tuple[float, float, float, float], angle: float = 0.0) -> Layer:
    """The object on a (size, size) sheet.

    Args:
        rgba: (h, w, 4) float32, straight alpha.
        box: left, top, width, height in pixels; it may reach beyond the sheet.
        angle: degrees counter-clockwise about the box's middle.
    """
    left, top, width, height = box
    wide, high = max(2, round(width)), max(2, round(height))
    sheet = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=2)
    way = cv2.INTER_AREA if wide < rgba.shape[1] else cv2.INTER_LINEAR
    sheet = cv2.resize(sheet, (wide, high), interpolation=way)
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1.0)
    matrix[:, 2] += [round(left), round(top)]
    return cv2.warpAffine(sheet, matrix, (size, size), flags=cv2.INTER_LINEAR)


def contact_shadow(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """(S, S) float32 darkness that an object leaves on what it stands on: dark at the foot, then fading away."""
    size = alpha.shape[0]
    rows = np.flatnonzero(alpha.max(1) > 0.3)
    if len(rows) < 4:
        return np.zeros_like(alpha)
    top, foot = float(rows[0]), float(rows[-1])
    flat, lean = rng.uniform(0.05, 0.6), rng.normal(0, 0.7)
    drop = rng.uniform(0.0, 0.06) * (foot - top)
    # points above the foot are laid down: y' = foot + (y - foot) * flat, x' = x + lean * (foot - y)
    matrix = np.array([[1, -lean, lean * foot], [0, flat, foot * (1 - flat) + drop]], np.float32)
    if rng.random() < 0.3:  # towards the camera
        matrix[1] = [0, -flat, foot * (1 + flat) - drop]
    cast = cv2.warpAffine(alpha, matrix, (size, size))
    soft = blurred(cast, rng.uniform(1, 12) * size / 256)
    tight = cv2.warpAffine(
        alpha, np.array([[1, 0, 0], [0, 0.12, foot * 0.88 + drop]], np.float32), (size, size)
    )
    tight = blurred(tight, rng.uniform(1, 5) * size / 256)
    return np.clip(soft * rng.uniform(0, 0.7) + tight * rng.uniform(0, 0.7), 0, 0.9)


def wall_shadow(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """(S, S) float32 darkness on a wall close behind: the outline, shifted; hard as a flash's or soft."""
    size = alpha.shape[0]
    dx, dy = rng.normal(0, 0.05, 2) * size
    grow = rng.uniform(1.0, 1.12)
    matrix = np.array(
        [[grow, 0, dx - (grow - 1) * size / 2], [0, grow, dy - (grow - 1) * size / 2]], np.float32
    )
    cast = cv2.warpAffine(alpha, matrix, (size, size))
    sigma = rng.uniform(0, 1.2) if rng.random() < 0.6 else rng.uniform(2, 9)
    return blurred(cast, sigma * size / 256) * np.float32(rng.uniform(0.15, 0.85))


def reflection(rng: np.random.Generator, layer: Layer) -> Layer:
    """The mirror image in a glossy table, below the object's foot, fading downwards."""
    size = layer.shape[0]
    rows = np.flatnonzero(layer[..., 3].max(1) > 0.3)
    if len(rows) < 4:
        return np.zeros_like(layer)
    foot = float(rows[-1]) - rng.uniform(0, 0.08) * len(rows)
    squeeze = rng.uniform(0.6, 1.0)
    matrix = np.array([[1, 0, 0], [0, -squeeze, foot * (1 + squeeze)]], np.float32)
    mirrored = cv2.warpAffine(layer, matrix, (size, size))
    below = (np.arange(size, dtype=np.float32) - foot) / (rng.uniform(0.15, 0.9) * len(rows))
    fade = np.where(below >= 0, np.clip(1 - below, 0, 1), 0) * np.float32(rng.uniform(0.08, 0.6))
    return blurred(mirrored, rng.uniform(0, 3) * size / 256) * fade[:, None, None]
