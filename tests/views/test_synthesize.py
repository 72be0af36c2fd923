"""Synthesis of the main job's views, with a sampler that knows the true object."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from img2mesh.core.camera import orbit_camera, relative_pose
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.occupancy import Guess
from img2mesh.settings import Settings
from img2mesh.views.elevation_choice import FALLBACK_ELEVATION_DEG
from img2mesh.views.plan import view_cameras
from img2mesh.views.synthesize import generate_views
from tests.fakes import Counter, FakeCutout, FakeModel, Listener, ellipsoid


def test_poses_are_those_of_the_cameras():
    photo, model = orbit_camera(20.0, 0.0), FakeModel(20.0)
    places = [(0, 45), (30, 0), (-50, 200), (10, -90)]
    drawn = model.draw(photo, places, steps=1, guidance=1.0, seed=0, batch=0)
    expected = [
        relative_pose(photo, orbit_camera(20.0 + elevation, azimuth)) for elevation, azimuth in places
    ]
    np.testing.assert_allclose(model.calls[0]["poses"], expected, atol=1e-6)
    for camera, (elevation, azimuth) in zip(drawn.cameras(20.0), places, strict=True):
        np.testing.assert_allclose(camera.c2w, orbit_camera(20.0 + elevation, azimuth).c2w, atol=1e-9)


def test_given_elevation_every_camera_sees_what_its_picture_shows():
    settings = Settings(views=6, elevations=(0.0, 30.0), elevation="25")
    views = generate_views(FakeCutout(25.0), FakeModel(25.0), settings, Progress())
    assert [view.source for view in views.views] == ["photo"] + ["generated"] * 6
    assert views.photo.weight == settings.photo_weight and views.photo.full.shape == (512, 512, 4)
    assert views.facts["elevation_deg"] == 25.0 and views.facts["elevation_source"] == "given"
    for view, camera in zip(views.views[1:], view_cameras(settings, 25.0), strict=True):
        np.testing.assert_allclose(view.camera.c2w, camera.c2w, atol=1e-9)
        np.testing.assert_array_equal(view.rgba, ellipsoid(camera))


@pytest.mark.parametrize("confidence", [0.98, 0.05])
def test_auto_elevation_uses_every_view_and_falls_back_when_unsure(monkeypatch, confidence):
    import img2mesh.views.elevation as elevation

    seen = {}

    def estimate(rgba, delta_polar_deg, delta_azimuth_deg, distance, fov_deg):
        seen.update(n=len(rgba), polar=delta_polar_deg, azimuth=delta_azimuth_deg)
        return 33.0, confidence

    monkeypatch.setattr(elevation, "estimate_elevation", estimate)
    model = FakeModel(33.0)
    views = generate_views(FakeCutout(33.0), model, Settings(views=6, elevations=(0.0, 20.0)), Progress())
    assert seen["n"] == 7 and seen["azimuth"][0] == 0
    np.testing.assert_allclose(seen["polar"], [0, 0, 0, 0, -20, -20, -20])
    assert len(model.calls) == 1
    expected = 33.0 if confidence > 0.5 else FALLBACK_ELEVATION_DEG
    assert views.facts["elevation_deg"] == expected
    assert views.facts["elevation_confidence"] == confidence
    assert views.facts["elevation_source"] == ("estimated" if confidence > 0.5 else "fallback")
    assert views.photo.camera.elevation_deg == pytest.approx(expected)
    assert views.views[-1].camera.elevation_deg == pytest.approx(expected + 20)
    assert bool(views.facts["warnings"]) == (confidence < 0.5)


def test_views_beyond_a_pole_are_made_again_nearer(monkeypatch):
    import img2mesh.views.elevation as elevation

    monkeypatch.setattr(elevation, "estimate_elevation", lambda *a: (60.0, 0.99))
    model = FakeModel(60.0)
    views = generate_views(FakeCutout(60.0), model, Settings(views=6, elevations=(0.0, 40.0)), Progress())
    assert [len(call["poses"]) for call in model.calls] == [6, 3]
    assert model.calls[0]["seed"] != model.calls[1]["seed"], "the second call must not repeat the noise"
    for view in views.views[1:]:
        np.testing.assert_array_equal(view.rgba, ellipsoid(view.camera))
    assert max(view.camera.elevation_deg for view in views.views) == pytest.approx(85.0)


def test_white_backgrounds_become_masks():
    settings = Settings(views=4, elevation="30")
    views = generate_views(FakeCutout(30.0), FakeModel(30.0, predicts_alpha=False), settings, Progress())
    for view in views.views[1:]:
        true = ellipsoid(view.camera)[..., 3] > 0
        assert (view.mask[true] > 0.5).mean() > 0.98 and view.mask[~true].max() < 0.1


def test_empty_views_are_left_out_and_counted():
    class Blind(FakeModel):
        def sample(self, image, poses, **options):
            pictures = super().sample(image, poses, **options)
            pictures[: self.blind] = 0
            return pictures

    settings, model = Settings(views=5, elevation="30"), Blind()
    model.blind = 2
    views = generate_views(FakeCutout(), model, settings, Progress())
    assert len(views.views) == 4 and views.facts["empty_views"] == 2
    assert "2 of 5" in views.facts["warnings"][0]
    model.blind = 5
    with pytest.raises(Img2MeshError, match="no view"):
        generate_views(FakeCutout(), model, settings, Progress())


def test_progress_counts_every_step():
    counter = Counter()
    generate_views(FakeCutout(), FakeModel(), Settings(views=6, steps=5, elevation="10"), counter)
    assert counter.done == counter.total == 30


class GuessingModel(FakeModel):
    """Has an idea of the body and of the elevation, as sure of that as it is told."""

    def __init__(self, deviation_deg: float) -> None:
        super().__init__(35.0)
        self.deviation_deg = deviation_deg

    def guess(self, image_rgba):
        assert image_rgba.shape == (256, 256, 4)
        chance, unknown = np.full((8, 8, 8), 0.5, np.float32), np.zeros(0, np.float32)
        return Guess(chance, self.distance, 0.7, 33.0, self.deviation_deg, unknown)


def test_a_guessed_elevation_is_taken_as_it_is():
    views = generate_views(FakeCutout(35.0), GuessingModel(6.0), Settings(views=6), Progress())
    assert views.facts["elevation_deg"] == pytest.approx(33.0)
    assert views.facts["elevation_source"] == "guessed" and not views.facts["warnings"]
    assert views.facts[
        "elevation_deviation_deg"
    ] == 6.0 and views.photo.camera.elevation_deg == pytest.approx(33.0)
    assert "photo_scale" not in views.facts and views.photo.camera.fl_x == pytest.approx(280, abs=0.01)


def test_a_guessed_body_is_turned_by_half_to_a_given_elevation():
    views = generate_views(
        FakeCutout(35.0), GuessingModel(6.0), Settings(views=6, elevation="13"), Progress()
    )
    assert views.photo.camera.elevation_deg == pytest.approx(13.0)
    assert views.body.camera.elevation_deg == pytest.approx(23.0)
    assert views.body.camera.azimuth_deg == pytest.approx(views.photo.camera.azimuth_deg)
    assert views.body.camera.fl_x == views.photo.camera.fl_x and views.body.half == 0.7


class BlurredModel(GuessingModel):
    """Draws the mean of what it thinks possible."""

    def sample(self, image_rgba, poses, **options):
        pictures = super().sample(image_rgba, poses, **options)
        return gaussian_filter(pictures, (0, 40, 40, 0))


@pytest.mark.parametrize(("model", "expected"), [(BlurredModel, 4), (GuessingModel, 15)])
def test_only_sharp_views_are_drawn_in_full_where_they_may_be_spared(model, expected):
    settings, listener = Settings(views=15, steps=2, elevation="10"), Listener()
    sparing = generate_views(FakeCutout(35.0), model(6.0), settings, listener, sparing=True)
    assert len(sparing.views) == 1 + expected and sparing.facts["planned"] == 15
    assert any("4 of 15 views drawn" in note for note in listener.notes) == (expected == 4)
    azimuths = {round(view.camera.azimuth_deg) for view in sparing.views}
    assert len(azimuths) >= min(expected, 8), "all round"
    full = generate_views(FakeCutout(35.0), model(6.0), settings, Progress())
    assert len(full.views) == 16
    drawn = {view.camera.c2w.tobytes(): view.rgba for view in full.views}
    for view in sparing.views:
        np.testing.assert_array_equal(view.rgba, drawn[view.camera.c2w.tobytes()])


def test_a_model_without_a_body_draws_every_view():
    views = generate_views(
        FakeCutout(), FakeModel(), Settings(views=15, elevation="10"), Progress(), sparing=True
    )
    assert len(views.views) == 16
