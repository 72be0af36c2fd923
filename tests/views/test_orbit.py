"""Views from chosen directions, and the folder that `img2mesh views` writes."""

import json

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from img2mesh.views.orbit import ring_cameras, ring_directions, synthesize_at, write_ring
from tests.fakes import FakeCutout, FakeModel, ellipsoid


def test_directions():
    assert ring_directions(4) == [(None, 0.0), (None, 90.0), (None, 180.0), (None, 270.0)]
    rings = ring_directions(6, (-20.0, 0.0, 30.0))
    assert [e for e, _ in rings] == [-20, -20, 0, 0, 30, 30]
    assert [a for _, a in rings] == [0, 180] * 3
    for bad in (lambda: ring_directions(0), lambda: ring_directions(2, (0.0, 10.0, 20.0))):
        with pytest.raises(Img2MeshError):
            bad()


def test_absolute_elevations_become_relative_poses():
    settings = Settings(elevation="25")
    views = synthesize_at(
        FakeCutout(25.0), FakeModel(25.0), [(-20.0, 10.0), (60.0, 200.0)], settings, Progress()
    )
    assert [v.source for v in views.views] == ["photo", "generated", "generated"]
    for view, elevation in zip(views.views[1:], (-20.0, 60.0), strict=True):
        assert view.camera.elevation_deg == pytest.approx(elevation)
        np.testing.assert_array_equal(view.rgba, ellipsoid(view.camera))


def test_a_full_ring_estimates_its_own_elevation_without_more_views():
    model = FakeModel(25.0)
    views = synthesize_at(FakeCutout(25.0), model, ring_directions(12), Settings(), Progress())
    assert len(model.calls) == 1
    level = views.photo.camera.elevation_deg
    assert all(v.camera.elevation_deg == pytest.approx(level) for v in views.views)


def test_cameras_like_those_of_drawn_views():
    views = synthesize_at(FakeCutout(), FakeModel(), ring_directions(3), Settings(elevation="30"), Progress())
    own, high = ring_cameras(views, [(None, 120.0), (50.0, 10.0)], 512)
    like = views.views[2].camera
    np.testing.assert_allclose(own.c2w, like.c2w, atol=1e-12)
    assert own.fl_x == pytest.approx(2 * like.fl_x) and own.width == 512
    assert (high.elevation_deg, high.azimuth_deg) == pytest.approx((50.0, 10.0))


@pytest.mark.parametrize("animation", ["gif", None])
def test_the_written_folder(tmp_path, animation):
    views = synthesize_at(FakeCutout(), FakeModel(), ring_directions(5), Settings(elevation="30"), Progress())
    write_ring(views, tmp_path / "out", animation)
    frames = json.loads((tmp_path / "out" / "transforms.json").read_text())["frames"]
    assert [frame["kind"] for frame in frames] == ["photo"] + ["generated"] * 5, (
        "other programs train on the photo, too"
    )
    with Image.open(tmp_path / "out" / "contact.png") as sheet:
        assert sheet.width > 256
    if animation:
        with Image.open(tmp_path / "out" / "orbit.gif") as movie:
            assert movie.n_frames == 5 and movie.size == (256, 256)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
