"""Planes of symmetry are found where the network expects them, and what has no image is doubted."""

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.models.occupancy import PLANES
from img2mesh.shape.symmetry import mirror_of, symmetrised, symmetry_facts
from tests.fakes import CELLS, HALF

CAMERA = orbit_camera(20.0, 40.0)


def chair(turn_deg, lacking=False):
    """A block with a back, symmetric about one upright plane only, whose normal has the azimuth `turn_deg`."""
    empty = Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    x, y, z = np.moveaxis(empty.points(), -1, 0)
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    across, along = x * cos + y * sin, y * cos - x * sin
    inside = (np.abs(across) < 0.2) & (np.abs(along) < 0.4) & (z > -0.4) & (z < np.where(along > 0.2, 0.4, 0))
    if lacking:
        inside &= ~((across > 0.05) & (z > 0.1))
    return dataclasses.replace(empty, occupancy=0.9 * inside.astype(np.float32))


def expected(turn_deg, height=0.9):
    """What a network would say of `chair`."""
    away = (CAMERA.azimuth_deg + np.arange(PLANES) * 180 / PLANES - turn_deg + 90) % 180 - 90
    return (0.3 + (height - 0.3) * np.exp(-((away / 15) ** 2))).astype(np.float32)


def test_points_and_their_images_lie_on_both_sides_of_the_plane():
    mirror = Mirror(np.radians(30.0), 0.1)
    points = np.random.default_rng(0).normal(size=(5, 4, 3))
    images = mirror.reflected(points)
    assert np.allclose((points + images) @ mirror.normal / 2, 0.1)
    assert np.allclose(np.cross(points - images, mirror.normal), 0, atol=1e-12)
    assert np.allclose(mirror.reflected(images), points)


def turned_by(mirror, turn_deg):
    return abs((np.degrees(mirror.azimuth) - turn_deg + 90) % 180 - 90)


@pytest.mark.parametrize("turn", [40.0, 85.0, 130.0, 175.0])
def test_the_plane_is_found_relative_to_the_camera(turn):
    body = chair(turn)
    mirror = mirror_of(dataclasses.replace(body, symmetry=expected(turn)))
    assert turned_by(mirror, turn) < 4 and mirror.offset == 0


def test_the_guess_decides_between_planes_that_are_expected_alike():
    body = chair(85.0)
    alike = np.maximum(expected(85.0, 0.7), expected(85.0 + 37.5, 0.72))  # the wrong one a little more
    found = symmetrised(dataclasses.replace(body, symmetry=alike))
    assert turned_by(found.mirror, 85.0) < 4
    certain = np.maximum(expected(85.0, 0.4), expected(85.0 + 37.5, 0.9))
    assert turned_by(mirror_of(dataclasses.replace(body, symmetry=certain)), 85.0) > 30


def test_what_has_no_mirror_image_inside_is_doubted():
    half = chair(85.0, lacking=True)
    after = symmetrised(dataclasses.replace(half, symmetry=expected(85.0)))
    image = image_of(half, 85.0)
    lone, both = (half.occupancy > 0.8) & (image < 0.05), (half.occupancy > 0.8) & (image > 0.8)
    assert lone.sum() > 30 and after.occupancy[lone].max() < 0.4
    assert both.sum() > 30 and after.occupancy[both].min() > 0.8
    assert after.mirror is not None and after.camera is half.camera and after.occupancy.dtype == np.float32


def test_of_planes_that_are_alike_the_one_that_faces_the_camera_shows_the_far_side():
    empty = Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    away = np.linalg.norm(empty.points(), axis=-1).astype(np.float32)
    round_thing = 0.9 * np.clip((0.4 - away) / 0.1 + 0.5, 0, 1)
    said = np.full(PLANES, 0.8, np.float32)
    said[PLANES // 2] = 0.805
    mirror = mirror_of(dataclasses.replace(empty, occupancy=round_thing, symmetry=said))
    assert turned_by(mirror, CAMERA.azimuth_deg) <= 30
    said[PLANES // 2] = 0.83
    told = mirror_of(dataclasses.replace(empty, occupancy=round_thing, symmetry=said))
    assert turned_by(told, CAMERA.azimuth_deg) == pytest.approx(90)


def test_what_is_expected_to_be_askew_stays_as_it_is():
    body = dataclasses.replace(chair(85.0, lacking=True), symmetry=expected(85.0, 0.55))
    after = symmetrised(body)
    assert np.array_equal(after.occupancy, body.occupancy) and turned_by(after.mirror, 85.0) < 4
    assert not np.array_equal(symmetrised(body, "45").occupancy, body.occupancy)


def image_of(body, turn_deg):
    """(D, H, W) chances of the mirror image."""
    images = Mirror(np.radians(turn_deg), 0.0).reflected(body.points())
    return body.probability(images.reshape(-1, 3)).reshape(body.occupancy.shape)


def test_nothing_is_done_where_nothing_is_said_or_guessed():
    body, empty = chair(85.0), Body(np.zeros((CELLS,) * 3, np.float32), CAMERA, HALF)
    assert symmetrised(body) is body
    empty = dataclasses.replace(empty, symmetry=expected(85.0))
    assert symmetrised(empty) is empty


@pytest.mark.parametrize(("wanted", "turn"), [("x", 90.0), ("y", 0.0), ("30", 30.0), ("-45.5", 134.5)])
def test_a_plane_that_is_asked_for_is_taken(wanted, turn):
    body = dataclasses.replace(chair(85.0), symmetry=expected(85.0))
    after = symmetrised(body, wanted)
    assert turned_by(after.mirror, CAMERA.azimuth_deg + turn) < 1e-6
    facts = symmetry_facts(after, wanted)
    assert facts["chosen"] == wanted and abs(facts["azimuth_deg"] - turn) < 0.1 and 0 < facts["score"] < 1


def test_symmetry_can_be_switched_off():
    body = dataclasses.replace(chair(85.0), symmetry=expected(85.0))
    assert symmetrised(body, "none") is body
    assert symmetry_facts(body, "none") == {"chosen": "none", "azimuth_deg": None, "score": None}
    found = symmetry_facts(symmetrised(body))
    assert found["chosen"] == "auto" and found["score"] > 0.8
