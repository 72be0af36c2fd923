"""The photo's frame against the synthesized views'."""

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View
from img2mesh.views.photo_frame import align_photo
from tests.fakes import ellipsoid

VIEWS = [
    View(ellipsoid(camera), camera, Source.DRAWN)
    for camera in (orbit_camera(e, a) for e in (-10.0, 30.0, 60.0) for a in range(0, 360, 45))
]


def _mask(camera):
    return ellipsoid(camera)[..., 3].astype(np.float32) / 255


def test_a_photo_that_fits_is_left_alone():
    camera = orbit_camera(30.0, 20.0)
    aligned, facts = align_photo(camera, _mask(camera), VIEWS)
    assert aligned is camera and facts["photo_outside"] < 0.02 and facts["photo_scale"] == 1.0


@pytest.mark.parametrize(("scale", "dx", "dy"), [(1.2, 0, 0), (1.0, 18, 0), (1.1, 0, -16)])
def test_a_photo_of_another_scale_or_place_gets_the_camera_that_took_it(scale, dx, dy):
    plain = orbit_camera(30.0, 20.0)
    true = dataclasses.replace(
        plain, fl_x=plain.fl_x * scale, fl_y=plain.fl_y * scale, cx=plain.cx + dx, cy=plain.cy + dy
    )
    aligned, facts = align_photo(plain, _mask(true), VIEWS)
    assert facts["photo_outside"] > 0.02
    # The solution is the nearest that fits, so it may stop short of the truth by the hull's slack.
    assert aligned.fl_x / plain.fl_x == pytest.approx(scale, abs=0.12)
    assert aligned.cx - plain.cx == pytest.approx(dx, abs=8)
    assert aligned.cy - plain.cy == pytest.approx(dy, abs=8)
    seen, wanted = _mask(aligned) > 0.5, _mask(true) > 0.5
    before = _mask(plain) > 0.5
    assert (seen & wanted).sum() / (seen | wanted).sum() > (before & wanted).sum() / (
        before | wanted
    ).sum() + 0.04


def test_views_without_a_common_solid_change_nothing():
    camera = orbit_camera(0.0, 0.0)
    empty = [dataclasses.replace(view, rgba=np.zeros_like(view.rgba)) for view in VIEWS[:4]]
    aligned, facts = align_photo(camera, _mask(camera), empty)
    assert aligned is camera and facts["photo_outside"] == 1.0
