"""Light that depends on the normal goes out of the photo; paint stays."""

import dataclasses

import numpy as np
import pytest
import trimesh

from img2mesh.core.camera import orbit_camera
from img2mesh.core.rasterise import rasterise_view
from img2mesh.core.srgb import to_srgb
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.delighting import delit

SIZE = 160
PAINTS = np.array([[0.55, 0.1, 0.08], [0.1, 0.25, 0.55]])  # linear light


@pytest.fixture(scope="module")
def ball():
    mesh = trimesh.creation.icosphere(4, 0.4)
    return np.array(mesh.vertices), np.array(mesh.faces)


def picture(ball, light):
    """A banded ball under a light that is a function of the normals (N, 3)."""
    camera = orbit_camera(10, 0, 1.6, 45, SIZE)
    fragments = rasterise_view(*ball, camera)
    points = fragments.interpolate(*ball)
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    paint = PAINTS[(np.floor(points[:, 2] * 12) % 2).astype(int)]
    rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
    rgba[fragments.hit, :3] = (to_srgb(np.clip(paint * light(normals)[:, None], 0, 1)) * 255 + 0.5).astype(
        np.uint8
    )
    rgba[fragments.hit, 3] = 255
    return View(rgba, camera, Source.PHOTO, full=rgba)


def from_the_left(normals):
    return 0.35 + 0.9 * np.clip(normals @ np.array([0.5, -0.75, 0.43]), 0, None)


def unevenness(view, flat):
    """Mean deviation, of the logarithm of light, from the evenly lit picture's, but for one common factor."""
    inside = (view.rgba[..., 3] > 250) & (flat.rgba[..., 3] > 250)
    off = np.log((view.rgba[inside, :3] + 1.0) / (flat.rgba[inside, :3] + 1.0)).mean(axis=1)
    return np.abs(off - np.median(off)).mean()


def test_a_light_from_the_left_goes_and_bands_stay(ball):
    lit, flat = picture(ball, from_the_left), picture(ball, lambda n: np.full(len(n), 0.8))
    views = delit(ViewSet((lit,)), *ball, 1.0)
    half = delit(ViewSet((lit,)), *ball, 0.5)
    before, after = unevenness(lit, flat), unevenness(views.photo, flat)
    assert after < 0.35 * before
    assert after < unevenness(half.photo, flat) < before
    again = dataclasses.replace(views.photo, rgba=views.photo.full)  # the full resolution, too
    assert unevenness(again, flat) < 0.4 * before
    assert np.array_equal(views.photo.rgba[..., 3], lit.rgba[..., 3])


def test_an_evenly_lit_photo_hardly_changes(ball):
    flat = picture(ball, lambda n: np.full(len(n), 0.8))
    found = delit(ViewSet((flat,)), *ball, 1.0).photo.rgba
    assert np.abs(found[..., :3].astype(int) - flat.rgba[..., :3])[flat.rgba[..., 3] > 0].mean() < 3


def test_given_views_lose_their_light_and_drawn_ones_keep_theirs(ball):
    lit, flat = picture(ball, from_the_left), picture(ball, lambda n: np.full(len(n), 0.8))
    given, drawn = (
        dataclasses.replace(lit, source=source, full=None) for source in (Source.GIVEN, Source.DRAWN)
    )
    found = delit(ViewSet((given, drawn)), *ball, 1.0).views
    assert unevenness(found[0], flat) < 0.35 * unevenness(lit, flat) and found[1] is drawn


def test_no_share_changes_nothing(ball):
    views = ViewSet((picture(ball, from_the_left),))
    assert delit(views, *ball, 0.0) is views


def test_a_photo_that_misses_the_surface_stays(ball):
    away = (ball[0] + np.array([0, 0, 5.0]), ball[1])
    lit = picture(ball, from_the_left)
    assert np.abs(delit(ViewSet((lit,)), *away, 1.0).photo.rgba.astype(int) - lit.rgba).max() <= 1
