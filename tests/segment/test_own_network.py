import cv2
import numpy as np
import pytest

from img2mesh.segment import own_network
from img2mesh.segment.own_network import find_weights, outlined, own_mask, undecided_share
from tests.segment.scenes import disc_and_handle, flat, graded, overlap, photograph, soft_shadow


@pytest.fixture(scope="module")
def weights():
    folder = find_weights()
    assert folder is not None, "weights/cutout belongs to the program"
    return folder


@pytest.mark.parametrize("background", [flat(320, (235, 235, 230)), graded(320), soft_shadow(graded(320))])
def test_a_plain_object_is_found(weights, background):
    truth = disc_and_handle()
    found = own_mask(photograph(truth, background), weights)
    assert found.mask.shape == (320, 320) and set(np.unique(found.mask)) <= {0, 255}
    assert overlap(found.mask > 0, truth) > 0.9
    assert 0.7 < found.quality <= 1 and 0.8 < found.agreement <= 1
    assert 0 < found.undecided < 0.4 and 0.85 < found.nearer <= 1


def test_the_same_photo_gives_the_same_mask(weights):
    photo = photograph(disc_and_handle(), graded(320))
    assert np.array_equal(own_mask(photo, weights).mask, own_mask(photo, weights).mask)


def test_a_small_object_is_looked_at_from_nearer(weights, monkeypatch):
    sizes = []
    look = own_network._look
    monkeypatch.setattr(
        own_network, "_look", lambda rgb, folder: sizes.append(rgb.shape) or look(rgb, folder)
    )
    truth = np.zeros((600, 800), bool)
    truth[60:220, 60:220] = disc_and_handle(160)
    photo = photograph(truth, np.broadcast_to(np.array((90.0, 110.0, 140.0)), (600, 800, 3)))
    assert overlap(own_mask(photo, weights).mask > 0, truth) > 0.85
    assert sizes[0] == (600, 800, 3) and len(sizes) == 2 and sizes[1][0] < 300


def test_what_is_undecided():
    chance = np.zeros((20, 20))
    chance[5:15, 5:15] = 0.95
    assert undecided_share(chance) == 0
    chance[5:15, 5] = 0.6
    chance[4, 5:15] = 0.2
    assert undecided_share(chance) == pytest.approx(0.2)
    assert undecided_share(np.full((4, 4), 0.3)) == 16 and undecided_share(np.zeros((4, 4))) == 0


def test_the_object_alone_puts_the_mask_to_the_test(weights, monkeypatch):
    photo = photograph(disc_and_handle(), graded(320))
    mask = own_mask(photo, weights).mask > 0
    assert own_network._nearer(photo, mask, weights) > 0.85
    with_more = mask.copy()
    with_more[250:310, 10:200] = True  # a reflection, say
    assert own_network._nearer(photo, with_more, weights) < 0.8
    assert own_network._nearer(photo, np.zeros_like(mask), weights) == 0


def test_noise_is_doubted(weights):
    noise = np.random.default_rng(0).integers(0, 255, (200, 260, 3), dtype=np.uint8)
    assert own_mask(noise, weights).quality < 0.7


def test_colours_draw_the_outline():
    truth = disc_and_handle()
    photo = photograph(truth, flat(320, (40, 60, 200)))
    vague = cv2.GaussianBlur(np.roll(truth, 3, axis=1).astype(np.float32), (0, 0), 4)
    assert overlap(vague > 0.5, truth) < 0.97 < overlap(outlined(photo, vague), truth)
    large = cv2.resize(photo, (960, 960), interpolation=cv2.INTER_LINEAR)
    wide = cv2.resize(vague, (960, 960), interpolation=cv2.INTER_LINEAR)
    true = cv2.resize(truth.astype(np.float32), (960, 960), interpolation=cv2.INTER_LINEAR) > 0.5
    assert overlap(outlined(large, wide), true) > 0.97


def test_what_cannot_be_outlined_stays_as_it_is():
    photo = np.zeros((40, 50, 3), np.uint8)
    assert not outlined(photo, np.zeros((40, 50), np.float32)).any()
    assert outlined(photo, np.full((40, 50), 0.9, np.float32)).all()
