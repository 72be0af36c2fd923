"""Shirts, shadows, reflections, drawings, glass and frames: what is the object and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.segment import segment_photo
from img2mesh.segment.alpha import is_frame, solid_alpha
from img2mesh.segment.checks import DOUBTFUL_BELOW, keep_object
from img2mesh.segment.find import find_object
from img2mesh.segment.photo import Photo
from img2mesh.segment.plain import plain_mask
from img2mesh.segment.shadows import without_reflection
from img2mesh.settings import Settings
from tests.segment.scenes import flat, graded, overlap, photograph

SIZE = 360
FAULTS = Path(__file__).parents[3] / "shared" / "faults"
V, U = np.mgrid[0:SIZE, 0:SIZE] / SIZE


def vase(x=0.45, y=0.0):
    """(SIZE, SIZE) bool: a round belly, a neck and a rim; its foot is at v = 0.82 + y."""
    u, v = U - x, V - y
    belly = np.hypot(u / 0.17, (v - 0.62) / 0.2) < 1
    neck = (np.abs(u) < 0.07) & (v > 0.25) & (v < 0.6)
    rim = np.hypot(u / 0.1, (v - 0.25) / 0.03) < 1
    return belly | neck | rim


def bust(width=0.38, across=0.5):
    """A head and shoulders that the lower edge of the picture cuts off."""
    head = np.hypot((across - U) / 0.13, (V - 0.33) / 0.18) < 1
    return head, np.hypot((across - U) / width, (V - 1.05) / 0.55) < 1


@pytest.mark.parametrize("shirt", [(40, 110, 60), (250, 250, 248), (60, 60, 62), (30, 40, 110)])
@pytest.mark.parametrize("width", [0.2, 0.3, 0.38])
@pytest.mark.parametrize("turned", [0, 1])
def test_a_shirt_is_no_wall(shirt, width, turned):
    head, body = bust(width)
    truth = head | body
    image = photograph(head, flat(SIZE, (165, 168, 172)), (205, 150, 120))
    image[body & ~head] = np.array(shirt) * 0.98
    image = (image + np.random.default_rng(1).normal(0, 1.5, image.shape)).clip(0, 255).astype(np.uint8)
    mask, said, _ = plain_mask(np.ascontiguousarray(np.rot90(image, turned)))
    good = overlap(np.rot90(mask, -turned) > 0, truth) > 0.93
    assert good or any("bottom" in sentence or "right" in sentence for sentence in said), "or a warning"


@pytest.mark.parametrize("across", [0.42, 0.5])
def test_the_reported_kind_of_bust_is_whole(across):
    head, body = bust(0.33, across)
    image = photograph(head, graded(SIZE), (205, 150, 120))
    image[body & ~head] = (40, 110, 60)
    mask, _, _ = plain_mask(image)
    assert overlap(mask > 0, head | body) > 0.97


@pytest.mark.parametrize("depth", [0.45, 0.65, 0.8])
@pytest.mark.parametrize("offset", [(0.03, 0.1), (-0.06, 0.03), (0.02, -0.08)])
def test_a_flash_throws_a_hard_shadow(depth, offset):
    truth = vase()
    shadow = vase(0.45 + offset[1], offset[0]) & ~truth
    wall = flat(SIZE, (224, 223, 222)).copy()
    wall[shadow] *= depth
    image = photograph(truth, cv2.GaussianBlur(wall, (0, 0), 0.8))
    mask, said, _ = plain_mask(image)
    cut = (mask[shadow] > 0).mean() < 0.12 and overlap(mask > 0, truth) > 0.94
    assert cut or any("may be a shadow" in sentence for sentence in said)


def test_a_grey_part_is_no_shadow():
    truth = vase()
    image = photograph(truth, flat(SIZE, (235, 235, 235)), (190, 60, 40))
    part = (V > 0.55) & truth
    image[part] = (120, 120, 120)
    mask, _, _ = plain_mask(image)
    assert overlap(mask > 0, truth) > 0.97


@pytest.mark.parametrize("strength", [0.15, 0.3, 0.5])
def test_a_reflection_in_the_table_goes(strength):
    truth = vase(y=-0.12)
    foot = round(0.7 * SIZE)
    image = photograph(truth, flat(SIZE, (250, 250, 250)), noise=0.5).astype(float)
    mirrored = np.zeros_like(image)
    depth = SIZE - foot
    mirrored[foot:] = image[foot - depth : foot][::-1]
    below = np.zeros_like(truth)
    below[foot:] = truth[foot - depth : foot][::-1]
    image[below] = 250 + strength * (mirrored[below] - 250)
    mask, said, _ = plain_mask(image.clip(0, 255).astype(np.uint8))
    assert overlap(mask > 0, truth) > 0.95 or said


def offline(image):
    """What is found without any download, on (H, W, 3) uint8."""
    return find_object(Photo(image, None), Settings(offline=True), Progress())


@pytest.mark.parametrize("strength", [0.35, 0.55])
@pytest.mark.parametrize("table", [(245, 245, 248), (40, 42, 46)])
@pytest.mark.parametrize("colour", [(60, 90, 200), (220, 120, 40)])
def test_the_network_takes_no_reflection_for_the_object(strength, table, colour):
    truth = vase(y=-0.12)
    foot = round(0.7 * SIZE)
    ground = flat(SIZE, table)
    image = photograph(truth, ground, colour, noise=1.0).astype(float)
    depth = SIZE - foot
    mirrored = image[foot - depth : foot][::-1] - ground[foot - depth : foot][::-1]
    fade = strength * np.linspace(1, 0.4, depth)[:, None, None]
    image[foot:] = ground[foot:] + fade * mirrored
    found = offline(image.clip(0, 255).astype(np.uint8))
    assert overlap(found.alpha > 127, truth) > 0.95 or found.confidence < DOUBTFUL_BELOW


def test_a_mirror_image_as_strong_as_the_object_is_a_part_of_it():
    image = photograph(np.hypot(U - 0.5, V - 0.5) < 0.3, graded(SIZE))
    mask = np.where(np.hypot(U - 0.5, V - 0.5) < 0.3, 255, 0).astype(np.uint8)
    kept, said = without_reflection(image, mask)
    assert kept is mask and said == ()


def test_a_darker_half_is_no_reflection():
    """A pale lid on a speckled box, before a dark ground: the half below is like the one above, fainter."""
    truth = (np.abs(U - 0.5) < 0.25) & (np.abs(V - 0.5) < 0.3)
    image = photograph(truth, flat(SIZE, (30, 28, 30)), (225, 205, 225), noise=0.5).astype(float)
    grain = np.random.default_rng(2).random((SIZE // 4, SIZE // 4))
    grain = cv2.resize(grain, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)[..., None]
    low = truth & (V > 0.5)
    image[low] = (image * (0.25 + 0.5 * grain))[low]
    mask = np.where(truth, 255, 0).astype(np.uint8)
    kept, said = without_reflection(image.clip(0, 255).astype(np.uint8), mask)
    assert kept is mask and said == ()


def test_a_reflection_that_fades_is_cut_off():
    truth = vase(y=-0.12)
    foot = round(0.7 * SIZE)
    ground = flat(SIZE, (205, 200, 196))
    image = photograph(truth, ground, noise=0.5).astype(float)
    depth = SIZE - foot
    fade = 0.6 * np.linspace(1, 0.05, depth)[:, None, None]
    image[foot:] = ground[foot:] + fade * (
        image[foot - depth : foot][::-1] - ground[foot - depth : foot][::-1]
    )
    both = truth.copy()
    both[foot:] = truth[foot - depth : foot][::-1]
    mask = np.where(both, 255, 0).astype(np.uint8)
    kept, said = without_reflection(image.clip(0, 255).astype(np.uint8), mask)
    assert overlap(kept > 0, truth) > 0.97 and "reflection" in said[0]


@pytest.mark.parametrize("paper", [(255, 255, 255), (243, 232, 208)])
def test_drawings_are_filled_offline_as_well(paper):
    contours, _ = cv2.findContours(vase().astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    image = np.full((SIZE, SIZE, 3), paper, np.uint8)
    cv2.drawContours(image, contours, -1, (25, 25, 30), 4, cv2.LINE_AA)
    found = offline(image)
    drawn = cv2.dilate(vase().astype(np.uint8), np.ones((5, 5))) > 0
    assert overlap(found.alpha > 127, drawn) > 0.96
    assert any("line drawing" in said for said in found.warnings)


def test_what_is_its_own_mirror_image_stays_whole():
    truth = np.hypot(U - 0.5, V - 0.5) < 0.3
    for background in (flat(SIZE, (250, 250, 250)), graded(SIZE)):
        assert overlap(plain_mask(photograph(truth, background))[0] > 0, truth) > 0.97


@pytest.mark.parametrize("ink", [(0, 0, 0), (30, 40, 150)])
@pytest.mark.parametrize("stroke", [2, 4])
def test_a_line_drawing_is_filled(ink, stroke):
    contours, _ = cv2.findContours(vase().astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    image = cv2.drawContours(np.full((SIZE, SIZE, 3), 255, np.uint8), contours, -1, ink, stroke, cv2.LINE_AA)
    mask, said, _ = plain_mask(image)
    drawn = cv2.dilate(vase().astype(np.uint8), np.ones((stroke + 1, stroke + 1))) > 0
    assert overlap(mask > 0, drawn) > 0.96
    assert "line drawing" in said[0]


def test_a_ring_is_no_drawing():
    ring = np.abs(np.hypot(U - 0.5, V - 0.5) - 0.3) < 0.03
    mask, said, _ = plain_mask(photograph(ring, flat(SIZE, (240, 240, 240))))
    assert overlap(mask > 0, ring) > 0.9 and said == ()


@pytest.mark.parametrize("level", [40, 90, 115, 140])
def test_glass_is_solid(level):
    truth = vase()
    alpha = np.where(truth, level, 0).astype(np.uint8)
    alpha[cv2.dilate((~truth).astype(np.uint8), np.ones((5, 5))) > 0] = 0
    alpha[truth & (alpha == 0)] = 230
    rgba = np.dstack([np.full((SIZE, SIZE, 3), (200, 180, 120), np.uint8), alpha])
    cutout = segment_photo(Image.fromarray(rgba), Settings(offline=True), Progress())
    box = cutout.rgba[..., 3]
    assert (box >= 200).sum() > 0.95 * truth.sum()
    assert np.abs(cutout.rgba[box > 250][:, :3].astype(int) - (200, 180, 120)).max() <= 2
    assert any("half transparent" in sentence for sentence in cutout.warnings)


def test_soft_edges_and_drop_shadows_are_no_glass():
    truth = vase().astype(np.float32)
    alpha = (cv2.GaussianBlur(truth, (0, 0), 1.0) * 255).astype(np.uint8)
    rgb = np.full((SIZE, SIZE, 3), (200, 60, 40), np.uint8)
    assert solid_alpha(rgb, alpha)[0] is alpha
    shade = (np.hypot((U - 0.45) / 0.3, (V - 0.83) / 0.06) < 1) & (truth == 0)
    alpha = np.where(truth > 0, 255, np.where(shade, 90, 0)).astype(np.uint8)
    rgb[shade] = 0
    found, said = solid_alpha(rgb, alpha)
    assert np.array_equal(found > 0, truth > 0) and "shadow" in said[0]


def framed(kind):
    """A vase before a grey wall as RGBA whose alpha is only the picture's frame, and where the vase is."""
    image = np.dstack([photograph(vase(), flat(SIZE, (225, 225, 222))), np.full((SIZE, SIZE), 255, np.uint8)])
    picture, truth = Image.fromarray(image), Image.fromarray(vase())
    if kind.startswith("turned"):
        degrees, larger = float(kind.split()[1]), "larger" in kind
        picture, truth = (each.rotate(degrees, expand=larger) for each in (picture, truth))
    elif kind == "bars":
        wide = Image.new("RGBA", (SIZE * 2, SIZE))
        wide.paste(picture, (SIZE // 2, 0))
        mask = Image.new("1", wide.size)
        mask.paste(truth, (SIZE // 2, 0))
        picture, truth = wide, mask
    else:
        radius = round(0.25 * SIZE)
        round_mask = np.zeros((SIZE, SIZE), np.uint8)
        inner = cv2.rectangle(round_mask, (radius, radius), (SIZE - radius, SIZE - radius), 255, -1)
        grown = cv2.dilate(inner, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))
        picture.putalpha(Image.fromarray(grown))
    return picture, np.asarray(truth) > 0


@pytest.mark.parametrize(
    "kind", ["turned 5 larger", "turned -12 larger", "turned 7", "bars", "round corners"]
)
def test_an_alpha_channel_that_only_frames_the_picture(kind):
    picture, truth = framed(kind)
    assert is_frame(np.asarray(picture)[..., 3])
    cutout = segment_photo(picture, Settings(offline=True), Progress())
    assert cutout.method == "cutout"
    assert abs((cutout.rgba[..., 3] > 127).sum() / truth.sum() - 1) < 0.06


def test_things_with_a_frames_outline_stay_cutouts():
    box = np.zeros((SIZE, SIZE, 4), np.uint8)
    box[60:300, 40:320] = (180, 120, 70, 255)
    rng = np.random.default_rng(0)
    box[60:300, 40:320, :3] = cv2.resize(rng.integers(0, 255, (12, 14, 3), dtype=np.uint8), (280, 240))
    cutout = segment_photo(Image.fromarray(box), Settings(offline=True), Progress())
    assert cutout.method == "alpha" and (cutout.rgba[..., 3] > 127).sum() == 240 * 280
    assert any("outline of a picture" in sentence for sentence in cutout.warnings)
    ball = np.zeros((SIZE, SIZE, 4), np.uint8)
    ball[np.hypot(U - 0.5, V - 0.5) < 0.5] = (200, 40, 40, 255)
    assert not is_frame(ball[..., 3]) and not is_frame(np.where(vase(), 255, 0).astype(np.uint8))


def test_a_picture_cropped_to_a_disc_is_doubted_and_a_ball_is_not():
    disc = np.where(np.hypot(U - 0.5, V - 0.5) < 0.49, 255, 0).astype(np.uint8)
    picture = photograph(vase(0.5), flat(SIZE, (225, 225, 222)))
    for rgb, doubted in ((picture, True), (np.full_like(picture, (200, 40, 40)), False)):
        found = find_object(Photo(rgb, disc), Settings(offline=True), Progress())
        assert found.method == "alpha"
        assert any("outline of a picture" in sentence for sentence in found.warnings) == doubted


def test_two_things_in_a_photo_are_a_doubt():
    both = (np.hypot(U - 0.25, V - 0.5) < 0.15) | (np.hypot(U - 0.75, V - 0.5) < 0.15)
    found = offline(photograph(both, flat(SIZE, (235, 235, 235))))
    assert found.confidence < DOUBTFUL_BELOW and any("2 separate" in said for said in found.warnings)


def test_two_things_are_called_two():
    alpha = np.where((np.hypot(U - 0.25, V - 0.5) < 0.15) | (np.hypot(U - 0.75, V - 0.5) < 0.15), 255, 0)
    assert any("2 separate objects" in sentence for sentence in keep_object(alpha.astype(np.uint8))[1])
    split = np.where((np.abs(U - 0.5) < 0.2) & (np.abs(V - 0.5) < 0.3) & (np.abs(V - 0.5) > 0.004), 255, 0)
    assert keep_object(split.astype(np.uint8))[1] == (), "a highlight cuts one thing in two"


@pytest.mark.parametrize("name", ["bust_white_shirt.jpg", "bust_green_shirt.jpg"])
def test_the_reported_busts(name):
    if not (FAULTS / name).is_file():
        pytest.skip("the shared pictures are not beside this repository")
    image = np.asarray(Image.open(FAULTS / name).convert("RGB"))
    mask = plain_mask(image)[0] > 0
    assert mask[-5, mask.shape[1] // 2] and mask[-5:].any(axis=0).mean() > 0.7
