"""Pieces of made things: their volumes are those of the textbook, and what flows together is closed."""

import numpy as np
import pytest
import trimesh

from img2mesh.synthetic.implicit_surfaces import (
    Piece,
    ball,
    bar,
    blended,
    block,
    lathe,
    mirrored,
    ring,
    surface,
    wheel,
)

RED, BLUE = np.array([0.9, 0.1, 0.1]), np.array([0.1, 0.1, 0.9])


def plain(points, colour):
    return colour


def mesh_of(*pieces: Piece) -> trimesh.Trimesh:
    part = surface(pieces, plain)
    return trimesh.Trimesh(part.vertices, part.faces, process=False)


@pytest.mark.parametrize(
    ("piece", "volume"),
    [
        (ball([0.2, 0, 0.1], [0.5, 0.3, 0.2], RED), 4 / 3 * np.pi * 0.5 * 0.3 * 0.2),
        (bar([0, 0, 0], [0, 0, 1], 0.2, 0.2, RED), np.pi * 0.04 + 4 / 3 * np.pi * 0.008),
        (bar([0, 0, 0], [0, 1, 0], 0.2, 0.2, RED, flat=0.5), (np.pi * 0.04 + 4 / 3 * np.pi * 0.008) / 2),
        (block([0, 0.1, 0], [0.5, 0.2, 0.1], RED), 8 * 0.5 * 0.2 * 0.1),
        (block([0, 0, 0], [0.1, 0.5, 0.1], RED, sweep=0.5), 8 * 0.1 * 0.5 * 0.1),
        (wheel([0, 0, 0.2], 0.3, 0.1, RED), np.pi * 0.09 * 0.2),
        (ring([0, 0, 0], 0.4, 0.1, RED, axis=0), 2 * np.pi**2 * 0.4 * 0.01),
        (ring([0, 0, 0], 0.4, 0.1, RED, axis=0, least=0.0), np.pi**2 * 0.4 * 0.01),
        (lathe([0, 0.5, 1], [0.3, 0.2, 0.3], RED), 2 * np.pi * 0.5 / 3 * (0.09 + 0.06 + 0.04)),
        (lathe([0, 1], [0.3, 0.3], RED, oval=0.5), np.pi * 0.09 / 2),
        (mirrored(ball([0, 0.5, 0], 0.2, RED)), 2 * 4 / 3 * np.pi * 0.008),
    ],
)
def test_each_piece_is_closed_and_has_its_volume(piece, volume):
    mesh = mesh_of(piece)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume, rel=0.03), "positive: faces look outwards"
    assert (mesh.bounds[0] > piece.low - 0.01).all() and (mesh.bounds[1] < piece.high + 0.01).all()


def test_what_is_hollow_is_cut_out_and_its_wall_has_its_colour():
    part = surface([ball([0, 0, 0], 0.5, RED), ball([0, 0, 0.4], 0.3, BLUE, hollow=True)], plain)
    mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    full = 4 / 3 * np.pi * 0.125
    assert mesh.is_watertight and 0.8 * full < mesh.volume < 0.95 * full
    inner = np.linalg.norm(part.vertices, axis=1) < 0.47
    assert inner.sum() > 1000
    assert np.allclose(part.colour[inner], BLUE) and np.allclose(part.colour[part.vertices[:, 2] < 0], RED)


def test_blending_fills_the_corner_between_two_pieces():
    apart = [ball([-0.22, 0, 0], 0.2, RED), ball([0.22, 0, 0], 0.2, BLUE)]
    joined = [apart[0], ball([0.22, 0, 0], 0.2, BLUE, blend=0.2)]
    middle = np.zeros((1, 3))
    assert blended(apart, middle)[0] > 0 > blended(joined, middle)[0]
    assert len(mesh_of(*apart).split()) == 2 and len(mesh_of(*joined).split()) == 1


def test_nothing_is_left_of_what_is_cut_away():
    assert surface([ball([0, 0, 0], 0.2, RED), ball([0, 0, 0], 0.4, BLUE, hollow=True)], plain) is None
