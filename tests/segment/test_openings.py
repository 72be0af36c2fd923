"""Openings in a network's mask: cut out where a plain background shows, and nowhere else."""

import numpy as np
import pytest

from img2mesh.segment.openings import open_mask
from tests.segment.scenes import flat, graded, photograph

SIZE = 320
RADIUS = np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE / 2))
RING, FILLED = (RADIUS < 110) & (RADIUS > 60), RADIUS < 110


def filled():
    return np.where(FILLED, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("background", [flat(SIZE, (255, 255, 255)), graded(SIZE)], ids=["white", "graded"])
def test_a_ring_is_opened(background):
    opened = open_mask(photograph(RING, background), filled()) >= 128
    assert (opened & RING).sum() > 0.97 * RING.sum()
    assert (opened & (RADIUS < 55)).sum() == 0


def test_paint_that_is_not_quite_the_backgrounds_stays():
    rgb = photograph(RING, flat(SIZE, (255, 255, 255)), noise=0.5)
    rgb[RADIUS <= 60] = (243, 243, 240)
    mask = filled()
    assert np.array_equal(open_mask(rgb, mask), mask)


def test_scenes_are_left_alone():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = filled()
    assert open_mask(rgb, mask) is mask


def test_a_notch_that_the_network_saw_is_its_own():
    rgb = photograph(RING, flat(SIZE, (255, 255, 255)))
    mask = filled()
    mask[150:170, 60:120] = 0  # it has drawn the opening's outline here
    assert np.array_equal(open_mask(rgb, mask), mask)
