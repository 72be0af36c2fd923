"""Colours of surface cells: of each half of a two-coloured ball its own; nothing hidden is coloured."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.train.surface_colours import surface_cells, surface_colours
from tests.train.conftest import ball

COLOURS = np.array([[220, 40, 30], [20, 60, 200]])
ANGLES = np.array([[0.2, azimuth, 1.7] for azimuth in (0, 1.6, 3.1, 4.7)])


def solid_ball(radius=0.35, count=64):
    axis = (np.arange(count) + 0.5) / count - 0.5
    return sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")) < radius**2


def test_each_half_has_its_own_colour():
    pictures = [ball(orbit_camera(*np.degrees(a[:2]), a[2]), COLOURS) for a in ANGLES]
    cells, colours = surface_colours(solid_ball(), pictures, ANGLES)
    x = np.unravel_index(cells, (64, 64, 64))[0]
    for side, expected in ((x > 34, COLOURS[0]), (x < 29, COLOURS[1])):
        assert np.abs(colours[side].astype(int) - expected).max(1).mean() < 3
    surface = len(surface_cells(solid_ball()))
    assert 0.6 * surface < len(cells) < surface, "what faces down is seen by nobody"


def test_what_is_hidden_has_no_colour():
    """A wall before the ball, as the only camera sees it."""
    solid = solid_ball(0.2)
    solid[56:58, 8:56, 8:56] = True
    picture = np.full((256, 256, 4), 255, np.uint8)
    cells, _ = surface_colours(solid, [picture], np.array([[0.0, 0.0, 1.7]]))
    assert len(cells) and (np.unravel_index(cells, solid.shape)[0] >= 56).all()


def test_nothing_has_no_surface():
    cells, colours = surface_colours(np.zeros((8, 8, 8), bool), [], np.zeros((0, 3)))
    assert cells.shape == (0,) and colours.shape == (0, 3)
