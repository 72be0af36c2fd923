import io

import cv2
import numpy as np
import pytest
from PIL import Image

from img2mesh.segment.matting import clean_colours, soft_edge
from img2mesh.segment.plain import plain_mask
from tests.segment.scenes import disc_and_handle, flat, graded, overlap, photograph, soft_shadow

SIZE = 320


@pytest.mark.parametrize(
    "background",
    [flat(SIZE, (255, 255, 255)), flat(SIZE, (15, 15, 18)), flat(SIZE, (90, 120, 200)), graded(SIZE)],
    ids=["white", "black", "blue", "graded"],
)
def test_plain_backgrounds_and_the_hole_in_the_handle(background):
    truth = disc_and_handle(SIZE)
    mask, said, _ = plain_mask(photograph(truth, background))
    assert overlap(mask > 0, truth) > 0.98
    assert mask[round(0.5 * SIZE), round(0.72 * SIZE)] == 0  # through the handle
    assert said == ()


def test_soft_shadow_goes():
    truth = disc_and_handle(SIZE)
    lit = graded(SIZE)
    mask, _, _ = plain_mask(photograph(truth, soft_shadow(lit)))
    shadow = (np.abs(soft_shadow(lit) - lit).max(axis=-1) > 10) & ~truth
    assert shadow.sum() > 1000
    assert (mask[shadow] > 0).mean() < 0.03
    assert overlap(mask > 0, truth) > 0.97


def test_wall_and_floor_are_both_background():
    truth = disc_and_handle(SIZE)
    room = flat(SIZE, (200, 205, 215)).copy()
    room[round(0.66 * SIZE) :] = (120, 95, 70)
    mask, said, _ = plain_mask(photograph(truth, room, colour=(40, 150, 60)))
    assert overlap(mask > 0, truth) > 0.95
    assert said == ()


def test_object_that_touches_one_side():
    truth = np.zeros((SIZE, SIZE), dtype=bool)
    truth[120:, 100:220] = True
    mask, _, _ = plain_mask(photograph(truth, flat(SIZE, (235, 235, 235))))
    assert overlap(mask > 0, truth) > 0.97


def test_letterbox_bars_are_not_the_background():
    truth = disc_and_handle(SIZE)
    image = photograph(truth, graded(SIZE))
    image = cv2.copyMakeBorder(image, 40, 40, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    mask, _, _ = plain_mask(image)
    assert overlap(mask[40:-40] > 0, truth) > 0.97
    assert mask[:38].max() == 0 and mask[-38:].max() == 0


def test_a_scene_is_guessed_and_says_so():
    rng = np.random.default_rng(3)
    scene = cv2.resize(rng.uniform(0, 255, (24, 24, 3)).astype(np.uint8), (SIZE, SIZE)).astype(float)
    truth = np.hypot(*(np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j])) < 0.5
    mask, said, _ = plain_mask(photograph(truth, scene, colour=(250, 240, 30)))
    assert overlap(mask > 0, truth) > 0.6
    assert len(said) == 1 and "not plain" in said[0]


def test_same_photo_same_mask():
    image = photograph(disc_and_handle(SIZE), soft_shadow(graded(SIZE)))
    assert np.array_equal(plain_mask(image)[0], plain_mask(image)[0])


def _antialiased_disc():
    big = np.hypot(*(np.mgrid[-1:1:1024j, -1:1:1024j])) < 0.5
    alpha = cv2.resize(big.astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
    front, back = np.array([200.0, 40.0, 30.0]), np.array([240.0, 240.0, 240.0])
    return alpha, (front * alpha[..., None] + back * (1 - alpha[..., None]) + 0.5).astype(np.uint8)


def test_soft_edge_recovers_antialiased_alpha():
    alpha, image = _antialiased_disc()
    found = soft_edge(image, np.where(alpha > 0.5, 255, 0).astype(np.uint8)) / 255
    assert np.abs(found - alpha).mean() < 0.002
    assert np.abs(found - alpha)[(alpha > 0.1) & (alpha < 0.9)].mean() < 0.12


def test_no_background_colour_at_soft_edges():
    alpha, image = _antialiased_disc()
    colours = clean_colours(image, (alpha * 255 + 0.5).astype(np.uint8))
    edge = (alpha > 0) & (alpha < 0.98)
    assert edge.sum() > 100
    assert np.abs(colours[edge].astype(float) - [200, 40, 30]).max() <= 4


def test_a_contaminated_rim_is_cleaned_and_a_drawn_outline_stays():
    distance = np.hypot(*(np.mgrid[:256, :256] - 127.5))
    alpha = np.where(distance < 80, 255, 0).astype(np.uint8)
    rim = (distance < 80) & (distance >= 78.2)
    halo = np.full((256, 256, 3), 250, np.uint8)
    halo[distance < 80] = (120, 60, 30)
    drawn = halo.copy()
    halo[rim] = (185, 155, 140)  # half background
    drawn[rim] = (20, 20, 60)  # ink
    assert np.abs(clean_colours(halo, alpha)[rim].astype(int) - (120, 60, 30)).max() < 12
    assert np.abs(clean_colours(drawn, alpha)[rim].astype(int) - (20, 20, 60)).max() < 12


@pytest.mark.parametrize("outline", [None, (20, 20, 20)])
def test_tints_that_a_jpeg_smears_over_the_outline(outline):
    distance = np.hypot(*(np.mgrid[:400, :400] - 199.5))
    disc = distance < 130
    truth = np.where(disc[..., None], (50, 130, 60), (150, 150, 155)).astype(np.uint8)
    if outline:
        truth[disc & (distance > 126)] = outline
    file = io.BytesIO()
    Image.fromarray(truth).save(file, "JPEG", quality=85, subsampling="4:2:0")
    stored = np.asarray(Image.open(file)).copy()
    rim = disc & (distance > 125)
    alpha = np.where(disc, 255, 0).astype(np.uint8)
    error = [
        np.abs(clean_colours(stored, alpha, smeared=smeared)[rim].astype(int) - truth[rim]).mean()
        for smeared in (False, True)
    ]
    assert error[1] < 0.9 * error[0]


def test_a_pale_part_on_white_is_no_bite():
    v, u = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    disc = np.hypot(u, v) < 110
    wedge = disc & (np.abs(u) < -0.35 * v) & (v < -30)
    image = photograph(disc, flat(SIZE, (255, 255, 255)), noise=0)
    image[wedge] = (246, 246, 249)
    assert overlap(plain_mask(image)[0] > 0, disc) > 0.97
    image[wedge] = (255, 255, 255)  # a real one
    assert overlap(plain_mask(image)[0] > 0, disc & ~wedge) > 0.97
