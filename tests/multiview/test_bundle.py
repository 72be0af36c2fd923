import dataclasses

import numpy as np
import pytest

from img2mesh.core.view import ViewSet
from img2mesh.evaluate.corrupt import spoil
from img2mesh.multiview.bundle import reconcile
from tests.field.shapes import box_hit, sphere_hit, views_of


@pytest.fixture(scope="module")
def views():
    return views_of(box_hit, 96)


def aim(view):
    return view.camera.position / view.camera.distance


def test_views_that_agree_come_back_untouched(views):
    found, agreement = reconcile(views)
    assert found is views and agreement.before < 1


def test_turned_cameras_are_turned_back(views):
    spoilt = spoil(views, "pose")
    found, agreement = reconcile(spoilt)
    assert agreement.after < 0.3 * agreement.before

    def off(views_found):
        pairs = zip(views_found.views, views.views, strict=True)
        return np.degrees([np.arccos(np.clip(aim(a) @ aim(b), -1, 1)) for a, b in pairs])

    assert np.mean(off(spoilt)) > 2 and np.mean(off(found)) < 0.35 * np.mean(off(spoilt))
    assert found.views[0] is spoilt.views[0]  # the photo's


def test_masks_get_their_size_back(views):
    spoilt = spoil(views, "masks")
    found, _ = reconcile(spoilt)
    true = np.array([v.mask.sum() for v in views.views])
    wrong, right = (np.array([v.mask.sum() for v in s.views]) / true - 1 for s in (spoilt, found))
    assert np.abs(wrong[1:]).min() > 0.1 and np.abs(right).mean() < 0.25 * np.abs(wrong).mean()
    grown = int(np.argmin(wrong))  # where the mask was eaten away, the colours are continued
    assert (found.views[grown].rgba[..., :3][found.views[grown].mask > 0.5].max(axis=-1) > 20).all()


def snowman(origins, directions):
    ends = ((0.1, 0.0, -0.15), 0.32), ((-0.1, 0.05, 0.25), 0.22)
    return np.minimum.reduce([sphere_hit(origins - place, directions, radius) for place, radius in ends])


def test_wrong_masks_alone_turn_no_camera():
    views = views_of(snowman, 256)  # a disc of 4 px is rounder there, for the size of the picture
    spoilt = spoil(views, "masks")
    found, _ = reconcile(spoilt)
    for before, after in zip(spoilt.views, found.views, strict=True):
        assert np.allclose(before.camera.c2w, after.camera.c2w, atol=1e-9)
        assert (before.camera.cx, before.camera.cy) == (after.camera.cx, after.camera.cy)
    both, agreement = reconcile(spoil(spoil(views, "pose"), "masks"))
    turned = [
        np.degrees(np.arccos(min(aim(a) @ aim(b), 1))) for a, b in zip(both.views, spoilt.views, strict=True)
    ]
    assert agreement.after < 1 and np.max(turned) > 2, "where masks are not all that is wrong, all is sought"


def test_shifted_pictures_and_a_mirrored_one(views):
    moved = list(views.views)
    for i in (3, 8):
        moved[i] = dataclasses.replace(moved[i], rgba=np.roll(moved[i].rgba, 3, axis=1))
    found, _ = reconcile(ViewSet(tuple(moved)))
    for i in (3, 8):  # explained by the principal point, by turning, or by both
        before, after = (v.camera.project(np.zeros((1, 3)))[0][0] for v in (moved[i], found.views[i]))
        assert (
            1 < (after - before)[0] < 6
            or abs(found.views[i].camera.azimuth_deg - moved[i].camera.azimuth_deg) > 0.5
        )
    assert reconcile(spoil(views, "empty"))[1].after < 1


def test_too_few_views_say_nothing(views):
    few = ViewSet(views.views[:3])
    assert reconcile(few)[0] is few


def test_bent_pictures_are_recognised_and_left_to_others(views):
    spoilt = spoil(views, "warp")
    found, agreement = reconcile(spoilt)
    assert found is spoilt and agreement.bent and agreement.before > 3


@pytest.mark.parametrize("kind", ["pose", "masks", "mirror", "empty", "jitter"])
def test_only_what_is_bent_is_bent(views, kind):
    assert not reconcile(spoil(views, kind))[1].bent


def test_the_view_that_fits_least_is_named(views):
    moved = list(views.views)
    moved[5] = dataclasses.replace(moved[5], rgba=np.roll(moved[5].rgba, 6, axis=0))
    spoilt = spoil(ViewSet(tuple(moved)), "pose")
    _, agreement = reconcile(spoilt)
    assert agreement.worst[:1] == (5,)
    assert reconcile(views)[1].worst == ()
