"""Any set of views comes back from disk as it was."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.views import load_views, save_views


@st.composite
def view_sets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    views = []
    for _ in range(draw(st.integers(1, 4))):
        width, height = draw(st.integers(2, 40)), draw(st.integers(2, 40))
        camera = orbit_camera(draw(st.floats(-85, 85)), draw(st.floats(-180, 180)), draw(st.floats(1, 3)))
        camera = replace(camera.resized(width, height), cx=width * draw(st.floats(0.3, 0.7)))
        rgba = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
        source = draw(st.sampled_from([Source.DRAWN, Source.GIVEN]))
        views.append(View(rgba, camera, source, draw(st.floats(0, 9))))
    if draw(st.booleans()):
        views[0] = replace(views[0], source=Source.PHOTO)
    return ViewSet(tuple(views))


@settings(max_examples=25, deadline=None)
@given(view_sets())
def test_round_trip(views):
    with tempfile.TemporaryDirectory() as folder:
        save_views(views, Path(folder) / "set")
        again = load_views(Path(folder) / "set")
    assert len(again.views) == len(views.views)
    for before, after in zip(views.views, again.views, strict=True):
        assert np.array_equal(before.rgba, after.rgba) and after.source is before.source
        assert np.allclose(before.camera.c2w, after.camera.c2w, atol=1e-12)
        assert np.isclose(before.weight, after.weight, atol=1e-6)
        for name in ("fl_x", "fl_y", "cx", "cy", "width", "height"):
            assert np.isclose(getattr(before.camera, name), getattr(after.camera, name))
