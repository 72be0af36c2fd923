"""Outlines that follow the photo's edges, and outlines that cut through what looks the same on both sides."""

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.segment import segment_photo
from img2mesh.segment.checks import DOUBTFUL_BELOW, confidence, faint_share, outline_doubts
from img2mesh.settings import Settings


def disc(radius: float, x: float = 0.0) -> np.ndarray:
    v, u = np.mgrid[-1:1:300j, -1:1:300j]
    return (np.hypot(u - x, v) < radius).astype(np.uint8) * 255


def photo(inside: tuple[int, int, int], outside: tuple[int, int, int]) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 2, (300, 300, 1))
    rgb = np.where(disc(0.5)[..., None] > 0, np.array(inside), np.array(outside)) + noise
    return rgb.clip(0, 255).astype(np.uint8)


def test_an_outline_along_an_edge_is_believed():
    rgb = photo((180, 60, 40), (210, 210, 205))
    assert faint_share(rgb, disc(0.5)) == 0
    assert outline_doubts(faint_share(rgb, disc(0.5))) == ()


def test_an_outline_through_even_colour_is_doubted():
    rgb = photo((180, 60, 40), (210, 210, 205))
    for wrong in (disc(0.7), disc(0.3)):
        assert faint_share(rgb, wrong) > 0.99
    half = faint_share(rgb, np.where(np.arange(300) < 150, disc(0.5), disc(0.3)).astype(np.uint8))
    assert 0.2 < half < 0.6, "wrong on the right half, whose outline is the shorter one"
    assert "doubtful: along 100 %" in outline_doubts(faint_share(rgb, disc(0.3)))[0]


def test_the_frame_is_no_outline():
    rgb = photo((180, 60, 40), (210, 210, 205))
    everything = np.full((300, 300), 255, np.uint8)
    assert faint_share(rgb, everything) == 0
    half = np.where(np.arange(300)[None] < 150, everything, 0).astype(np.uint8)
    assert faint_share(rgb, half) > 0.99, "the middle line alone is judged: its halves look alike"


@pytest.mark.parametrize("shape", [(40, 600), (600, 40), (9, 9)])
def test_any_shape_of_photo_is_judged(shape):
    alpha = np.zeros(shape, np.uint8)
    alpha[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = 255
    assert 0 <= faint_share(np.full((*shape, 3), 128, np.uint8), alpha) <= 1


def test_the_user_is_told_but_not_of_an_alpha_channel(tmp_path):
    blob = np.exp(-((np.mgrid[-1:1:300j, -1:1:300j] / 0.45) ** 2).sum(0))[..., None]
    blurred = 190 + blob * [-40, 10, 50]
    Image.fromarray(blurred.astype(np.uint8)).save(tmp_path / "blur.png")
    said = segment_photo(
        tmp_path / "blur.png", Settings(offline=True, segmenter="plain"), Progress()
    ).warnings
    assert any("cutout is doubtful" in sentence for sentence in said)
    bitten = disc(0.5)  # a whole disc may be a picture that was cropped round
    bitten[150:, 150:] = 0
    Image.fromarray(np.dstack([blurred.astype(np.uint8), bitten])).save(tmp_path / "alpha.png")
    assert segment_photo(tmp_path / "alpha.png", Settings(offline=True), Progress()).warnings == ()


def test_confidence_falls_with_faint_outlines_and_unexplained_borders():
    assert confidence(0.0, 1.0) == confidence(0.0, None) > 0.85
    for faint, explained in ((0.3, 1.0), (0.0, 0.5), (0.1, 0.8)):
        assert 0 < confidence(faint, explained) < DOUBTFUL_BELOW
    assert confidence(0.05, 0.95) > DOUBTFUL_BELOW


def test_a_guessed_cutout_is_called_doubtful():
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(0, 255, (12, 12, 3)), np.ones((25, 25, 1))).astype(np.uint8)
    cutout = segment_photo(scene, Settings(offline=True), Progress())
    assert cutout.doubtful and cutout.confidence < 0.5
    assert any("look at it with" in sentence or "not plain" in sentence for sentence in cutout.warnings)
    sure = segment_photo(photo((180, 60, 40), (210, 210, 205)), Settings(offline=True), Progress())
    assert not sure.doubtful and sure.warnings == ()
