"""What a camera and those who pass its pictures on do to them: light, lens, sensor, compression, captions, frames."""

from __future__ import annotations

import cv2
import numpy as np

from img2mesh.train.cutout_patterns import blurred, colour, gradient

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHKLMNOPRSTUVWZ0123456789  ..$%-"))


def photographed(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A scene as a photo of it would look.

    Args:
        picture: (S, S, 3) float32 sRGB in [0, 1].

    Returns:
        (S, S, 3) uint8.
    """
    size = picture.shape[0]
    if rng.random() < 0.5:  # white balance and exposure
        picture = picture * np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    if rng.random() < 0.5:
        picture = np.clip(picture, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.18)))
    if rng.random() < 0.3:
        picture = picture * np.float32(np.exp(rng.normal(0, 0.15)))
    if rng.random() < 0.25:
        picture = (picture - 0.5) * np.float32(rng.uniform(0.7, 1.3)) + np.float32(0.5 + rng.normal(0, 0.03))
    if rng.random() < 0.3:  # light that falls off over the whole picture
        picture = picture * (1 + gradient(rng, size)[..., None] * np.float32(rng.uniform(0, 0.5)))
    if rng.random() < 0.05:
        picture = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    picture = _lens(rng, picture)
    if rng.random() < 0.5:
        strength = rng.gamma(1.5, 0.012)
        grain = rng.standard_normal((size, size, 3 if rng.random() < 0.5 else 1), dtype=np.float32)
        picture = picture + grain * np.float32(strength)
    out = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.06:
        out = _captioned(rng, out)
    if rng.random() < 0.7:
        quality = int(rng.integers(30, 97))
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return out


def _lens(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    size = picture.shape[0]
    chance = rng.random()
    if chance < 0.35:
        return blurred(picture, rng.uniform(0.3, 1.1) * size / 256)
    if chance < 0.45:  # shown smaller before
        small = int(size * rng.uniform(0.45, 0.9))
        less = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        return cv2.resize(
            less, (size, size), interpolation=cv2.INTER_LINEAR if chance < 0.4 else cv2.INTER_CUBIC
        )
    if chance < 0.5:  # a moving hand
        length = max(2, int(rng.uniform(2, 6) * size / 256))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0, 1)
        return cv2.filter2D(picture, -1, kernel / kernel.sum())
    if chance < 0.65:  # sharpened
        return picture + (picture - blurred(picture, size / 256)) * np.float32(rng.uniform(0.3, 1.2))
    return picture


def _captioned(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    out = np.ascontiguousarray(picture)
    size = out.shape[0]
    for _ in range(int(rng.integers(1, 3))):
        text = "".join(rng.choice(_LETTERS, int(rng.integers(4, 22))))
        tone = tuple(int(v) for v in rng.choice([0, 255, 128], 1).repeat(3)) if rng.random() < 0.7 else None
        tone = tone or tuple(int(255 * v) for v in colour(rng, 0.6))
        place = (
            int(rng.uniform(0, 0.6) * size),
            int(rng.choice([rng.uniform(0.05, 0.15), rng.uniform(0.85, 0.98)]) * size),
        )
        font, scale = _FONTS[rng.integers(4)], rng.uniform(0.3, 1.1) * size / 256
        cv2.putText(out, text, place, font, scale, tone, int(rng.integers(1, 3)), cv2.LINE_AA)
    return out


def framed(rng: np.random.Generator, picture: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scene within a plain frame or between two bars; picture (S, S, 3) float32, alpha (S, S) float32."""
    size = picture.shape[0]
    tone = (
        np.float32(rng.choice([0.0, 1.0, 1.0])) * np.ones(3, np.float32)
        if rng.random() < 0.8
        else colour(rng)
    )
    margin = np.round(size * rng.uniform(0.01, 0.14, 2)).astype(int)
    if rng.random() < 0.5:
        margin[rng.integers(2)] = 0
    height, width = size - 2 * margin
    out = np.broadcast_to(tone, picture.shape).astype(np.float32).copy()
    mask = np.zeros_like(alpha)
    inside = np.s_[margin[0] : margin[0] + height, margin[1] : margin[1] + width]
    out[inside] = cv2.resize(picture, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    mask[inside] = cv2.resize(alpha, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    return out, mask
