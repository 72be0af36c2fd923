from dataclasses import replace

import numpy as np
import pytest

from img2mesh.core.view import ViewSet
from img2mesh.core.visual_hull import VisualHull, visual_hull
from img2mesh.evaluate.corrupt import spoil
from img2mesh.multiview.correspondence import matched
from img2mesh.multiview.registration import halved, match_equations, straightened, unexplained
from img2mesh.multiview.warp import COUNT, basis
from tests.field.shapes import HALF_BOX, box_hit, views_of


@pytest.fixture(scope="module")
def true():
    return views_of(box_hit, 96)


@pytest.fixture(scope="module")
def box():
    axis = np.linspace(-0.5, 0.5, 64)
    away = np.abs(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)) - HALF_BOX
    sdf = np.linalg.norm(np.maximum(away, 0), axis=-1) + np.minimum(away.max(axis=-1), 0)
    return VisualHull(sdf.astype(np.float32), np.array([[-0.5] * 3, [0.5] * 3]), np.ones(14), 0.0)


def hull_of(views: ViewSet) -> VisualHull:
    return visual_hull([v.mask for v in views.views], [v.camera for v in views.views], resolution=40)


def test_true_views_match_on_the_true_shape(true, box):
    matches = matched(true.views, box)
    assert {match.view for match in matches} == set(range(14))
    off = np.concatenate([np.abs(m.off[m.sure.any(axis=(1, 2))]).max(axis=1) for m in matches])
    assert len(off) > 2000 and np.median(off) < 0.6  # pixels of SIDE, 0.2 of the views' own


def test_a_shifted_view_is_found_by_its_colours_alone(true, box):
    moved = list(true.views)
    moved[5] = replace(moved[5], rgba=np.roll(moved[5].rgba, 2, axis=1))
    system, right = match_equations(matched(tuple(moved), box), 14, np.zeros((14, COUNT, 2)))
    on = np.arange(len(right)).reshape(14, -1)[1:].ravel()
    found = np.zeros(len(right))
    found[on] = np.linalg.solve(system[np.ix_(on, on)] + np.eye(len(on)) / 100, right[on])
    pixels = basis(np.full((1, 2), 0.5)) @ found.reshape(14, COUNT, 2) * 0.096
    assert 1.3 < pixels[5, 0, 0] < 2.7 and abs(pixels[5, 0, 1]) < 0.5
    assert np.abs(np.delete(pixels[:, 0], 5, axis=0)).max() < 0.7


def test_places_are_left_out_by_halves_and_tell_what_is_wrong(true, box):
    matches = matched(true.views, box)
    known, some, others = (
        [m.sure.any(axis=(1, 2)) for m in part] for part in (matches, halved(matches, 0), halved(matches, 1))
    )
    for whole, one, two in zip(known, some, others, strict=True):
        assert np.array_equal(whole, one | two) and not (one & two).any()
    shares = np.concatenate(some).sum() / np.concatenate(known).sum()
    assert 0.4 < shares < 0.6
    still, moved = np.zeros((14, COUNT, 2)), np.zeros((14, COUNT, 2))
    moved[5, 0] = 40  # the wave that is the same everywhere
    assert unexplained(halved(matches, 1), still) < 0.5
    fifth = [match for match in matches if match.view == 5]
    assert unexplained(fifth, moved) > 2 * unexplained(fifth, still)
    assert unexplained([], still) == np.inf


def test_matches_that_do_not_explain_the_rest_move_nothing(true, monkeypatch):
    carved = []
    monkeypatch.setattr("img2mesh.multiview.registration.unexplained", lambda matches, change: 1.5)
    monkeypatch.setattr(
        "img2mesh.multiview.registration.carve_hull",
        lambda views, hull: carved.append(views) or (hull.sdf, {}),
    )
    spoilt = spoil(true, "warp")
    found, left = straightened(spoilt, hull_of)
    assert len(carved) == 1 and left < 0.5  # the carved shape was tried, and what the outlines say stayed
    off = [
        np.mean([np.abs(a.mask - b.mask).mean() for a, b in zip(views.views, true.views, strict=True)])
        for views in (found, spoilt)
    ]
    assert off[0] < 0.8 * off[1]


@pytest.mark.slow
def test_bent_views_are_straightened(true):
    spoilt = spoil(true, "warp")
    found, left = straightened(spoilt, hull_of)
    assert found.views[0] is spoilt.views[0] and left < 1  # the photo's

    def off(views):
        gaps = []
        for a, b in zip(views.views[1:], true.views[1:], strict=True):
            both = (a.rgba[..., 3] > 250) & (b.rgba[..., 3] > 250)
            gaps.append(np.abs(a.rgba[both][:, :3].astype(float) - b.rgba[both][:, :3]).mean())
        return np.mean(gaps)

    def overlap(views):
        pairs = [(a.mask > 0.5, b.mask > 0.5) for a, b in zip(views.views, true.views, strict=True)]
        return np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs[1:]])

    assert off(found) < 0.75 * off(spoilt)
    assert 1 - overlap(found) < 0.7 * (1 - overlap(spoilt))
