import dataclasses

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter

from img2mesh.core.sdf_grid import lattice
from img2mesh.core.view import Source, View
from img2mesh.core.visual_hull import mask_distance
from img2mesh.photos.evidence import CELLS, LATTICE
from img2mesh.photos.reconstruct import PIXELS, _rim, shaped
from tests.photos.scene import camera, inside, picture

SIDES = [(10.0, 0.0), (20.0, 180.0), (5.0, 90.0), (30.0, 270.0)]


@pytest.fixture(scope="module")
def photos():
    cameras = [camera(*side) for side in SIDES]
    return [View(picture(each), each, Source.PHOTO) for each in cameras]


@pytest.fixture(scope="module")
def share():
    """(CELLS, CELLS, CELLS) how much of each cell is inside."""
    axis = ((np.arange(3 * CELLS) + 0.5) / (3 * CELLS) * 2 - 1) * LATTICE
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    return inside(points).reshape(CELLS, 3, CELLS, 3, CELLS, 3).mean((1, 3, 5)).astype(np.float32)


def overlap(grid):
    points, shape = lattice(grid.bounds, grid.spacing)
    true, found = inside(points).reshape(shape), grid.sdf < 0
    return (true & found).sum() / (true | found).sum()


def seen(grid, photo):
    """(40, 40) bool: which pixels show the solid."""
    points, _ = lattice(grid.bounds, grid.spacing)
    pixels, _ = photo.camera.project(points[(grid.sdf < 0).reshape(-1)])
    small = np.zeros((40, 40), bool)
    column, row = np.clip(np.floor(pixels / photo.camera.width * 40).astype(int), 0, 39).T
    small[row, column] = True
    return small


def test_a_solid_that_is_known_comes_back(photos, share):
    assert overlap(shaped(share, 0.5, photos)) > 0.9


def test_what_a_photo_shows_is_there_though_the_chances_are_low(photos, share):
    faint = np.where(np.indices(share.shape)[2] > CELLS // 2, 0.3 * share, share)  # the upper half is doubted
    found = shaped(faint, 0.5, photos)
    assert overlap(found) > 0.6
    for photo in photos:
        shown = photo.mask.reshape(40, 4, 40, 4).mean((1, 3)) > 0.99
        assert (seen(found, photo) & shown).sum() > 0.97 * shown.sum()


def test_nothing_lies_where_a_photo_shows_none(photos):
    found = shaped(np.ones((CELLS,) * 3, np.float32), 0.5, photos)
    for photo in photos:
        empty = maximum_filter(photo.mask, 3).reshape(40, 4, 40, 4).max((1, 3)) == 0
        assert not (seen(found, photo) & empty).any()


def test_silhouettes_that_have_little_in_common_are_filled_one_by_one(photos, share, monkeypatch):
    filled = []

    def fill(grid, view):
        filled.append(view)
        return grid

    monkeypatch.setattr("img2mesh.photos.reconstruct.fill_outline", fill)
    shaped(share, 0.5, photos)
    assert not filled, "cameras that are right"
    beside = dataclasses.replace(photos[2], camera=camera(*SIDES[2], off=30))
    found = shaped(share, 0.5, [*photos[:2], beside, photos[3]])
    assert len(filled) == 4 and (found.sdf < 0).any()


def test_thin_parts_say_that_they_are_there():
    mask = np.zeros((256, 256), np.float32)
    mask[100:200, 60:160] = 1
    mask[40:100, 100:104] = 1  # two of `PIXELS` wide: all rim
    row, column = np.mgrid[:PIXELS, :PIXELS]
    rod = (row > 22) & (row < 46) & (column >= 50) & (column < 52)
    whole, but_thin = (_rim(mask_distance(mask), thin).reshape(PIXELS, PIXELS) for thin in (True, False))
    assert whole[rod].all() and not but_thin[rod][4:-4].any()
    assert (whole == but_thin)[60:110, 40:70].all(), "a thick part's rim says as little as before"


def test_what_is_put_back_reaches_the_outline(photos, share):
    """Where chances waver, neighbouring rays are filled alike: ray by ray the outline came out ragged."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=share.shape), 1.5)
    wavering = 0.6 / (1 + np.exp(1.5 - 1.5 * noise / noise.std()))
    upper = np.indices(share.shape)[2] > CELLS // 2
    found = shaped((np.where(upper, wavering, 1) * share).astype(np.float32), 0.5, photos)
    points, _ = lattice(found.bounds, found.spacing)
    bare = []
    for photo in photos:
        pixels, _ = photo.camera.project(points[(found.sdf < 0).reshape(-1)])
        column, row = np.clip(np.floor(pixels / photo.camera.width * 64).astype(int), 0, 63).T
        filled = np.zeros((64, 64), bool)
        filled[row, column] = True
        mask = cv2.resize(photo.mask, (64, 64), interpolation=cv2.INTER_AREA) > 0.5
        bare.append((mask & ~filled).sum() / mask.sum())
    assert np.mean(bare) < 0.05, "0.058 ray by ray"
