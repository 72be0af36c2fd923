"""The photo's place among fixed views, from true pictures of an object whose photo is framed in its own way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.view import View
from img2mesh.models.sampler import Drawn
from img2mesh.settings import Settings
from img2mesh.views.orbit import synthesize_at
from img2mesh.views.photo_frame import common_solid, silhouette
from img2mesh.views.photo_pose import Solid, frame_photo, locate_photo
from img2mesh.views.synthesize import generate_views
from tests.fakes import Counter, FakeCutout, FakeModel, ellipsoid
from tests.models.tiny_plus import on_grey

DIRECTIONS = np.array([(20, 30), (-10, 90), (20, 150), (-10, 210), (20, 270), (-10, 330)], dtype=np.float64)


def lean(camera) -> np.ndarray:
    """A body with a knob on its front: unlike the ellipsoid it looks different from every elevation."""
    a = ellipsoid(camera, (-0.05, 0, -0.06), 0.62)
    b = ellipsoid(camera, (0.2, 0.08, 0.2), 0.3)
    front = camera.position @ (0.25, 0.08, 0.26) > 0  # which of the two hides the other
    return np.where((b if front else a)[..., 3:] > 127, b if front else a, a if front else b)


class FixedModel(FakeModel):
    """Draws true pictures at six fixed cameras, on grey, whatever is asked for."""

    name, fixed_views, fov_deg, distance = "fixed", 6, 30.0, 1.866

    def __init__(self, true_view=lean) -> None:
        super().__init__()
        self.true_view = true_view

    def draw(self, image_rgba, directions, *, steps, step=None, **options) -> Drawn:
        empty = Drawn(np.zeros((6, 160, 160, 4), np.uint8), DIRECTIONS, True, self.distance, self.fov_deg)
        if step is not None:
            step(6 * steps)
        rgba = on_grey(self.true_view, empty.cameras(0.0))
        return dataclasses.replace(empty, rgba=rgba, background=(127, 127, 127))


def views_of(true_view):
    drawn = FixedModel(true_view).draw(None, None, steps=1)
    return [View(true_view(camera), camera) for camera in drawn.cameras(0.0)]


def test_the_frame_is_found():
    photo = orbit_camera(15.0, 0.0, size=128)
    shifted = dataclasses.replace(photo, fl_x=photo.fl_x * 0.8, fl_y=photo.fl_y * 0.8, cx=70.0, cy=58.0)
    mask = lean(shifted)[..., 3] / 255
    solid = Solid(views_of(lean))
    camera, agreement = frame_photo(photo, mask, solid)
    assert agreement > 0.95
    assert camera.fl_x == pytest.approx(shifted.fl_x, rel=0.05)
    assert (camera.cx, camera.cy) == (pytest.approx(70, abs=2), pytest.approx(58, abs=2))
    assert frame_photo(photo, np.zeros((128, 128)), solid) == (photo, 0.0)
    assert not silhouette(np.zeros((0, 3)), photo).any()


@pytest.mark.parametrize("true", [0.0, 25.0, 45.0])
def test_the_elevation_is_found(true):
    photo = lean(orbit_camera(true, 0.0, size=128))
    found, confidence, camera, agreement = locate_photo(
        photo, views_of(lean), lambda e: orbit_camera(e, 0.0, size=128)
    )
    assert found == pytest.approx(true, abs=6) and agreement > 0.95 and confidence > 0.85
    assert camera.elevation_deg == pytest.approx(found)
    known = locate_photo(photo, views_of(lean), lambda e: orbit_camera(e, 0.0, size=128), 40.0)
    assert known[:2] == (40.0, 1.0)


class LeanCutout(FakeCutout):
    def __init__(self, elevation_deg: float) -> None:
        self.rgba = lean(orbit_camera(elevation_deg, 0.0, size=256))


@pytest.mark.parametrize("given", ["auto", "25"])
def test_fixed_views_and_the_photo_stand_in_one_world(given):
    settings, counter = Settings(views=40, elevation=given, steps=3), Counter()
    views = generate_views(LeanCutout(25.0), FixedModel(), settings, counter)
    assert counter.done == counter.total == 18, "six views are counted, not the forty that were asked for"
    assert len(views.views) == 7 and views.facts["elevation_deg"] == pytest.approx(25, abs=9)
    solid = common_solid(list(views.views[1:]), generous=False)
    for view in views.views[1:]:
        true = lean(view.camera)[..., 3] > 127
        assert ((view.mask > 0.5) & true).sum() / ((view.mask > 0.5) | true).sum() > 0.93
        assert view.camera.elevation_deg in (pytest.approx(20), pytest.approx(-10))
    import cv2

    small = cv2.resize(views.photo.mask, (96, 96), interpolation=cv2.INTER_AREA) > 0.5
    seen = silhouette(solid, views.photo.camera)
    assert (small & ~seen).sum() / small.sum() < 0.03, "the solid covers the photo"
    assert views.facts["photo_agreement"] > 0.93


def test_a_ring_of_fixed_views_says_so():
    said, progress = [], Progress()
    progress.warn = said.append
    views = synthesize_at(
        LeanCutout(20.0), FixedModel(), [(None, 0.0)] * 36, Settings(elevation="20"), progress
    )
    assert len(views.views) == 7 and "always draws the same 6 views" in said[0]
    assert [round(view.camera.azimuth_deg % 360) for view in views.views[1:]] == [30, 90, 150, 210, 270, 330]
