"""Crossings, grids, thick walls, cavities: what makes a surface a solid."""

import math

import numpy as np
import pytest
import trimesh

import img2mesh.finish.printable as printable
from img2mesh.finish.closest_point import ClosestPoint
from img2mesh.finish.parts import nested_parts, winding_number
from img2mesh.finish.printable import PrintAsk, make_printable
from img2mesh.finish.self_intersections import self_intersections
from img2mesh.finish.solid_grid import fill_voids, solid_grid, winding_numbers
from img2mesh.finish.wall_thickness import sampled_walls
from img2mesh.mesh.extract import marching_cubes
from img2mesh.mesh.textured_mesh import face_components, is_closed, volume

from .shapes import arrays, ball, box, painted, together


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Grids that are quick to fill."""
    monkeypatch.setattr(printable, "CELLS", 64)


def test_closest_points_agree_with_all_triangles():
    vertices, faces = ball(detail=2)
    points = np.random.default_rng(0).normal(0, 0.7, (300, 3))
    found = ClosestPoint(vertices, faces, 0.02)(points)
    every = np.array(
        [
            np.linalg.norm(
                trimesh.triangles.closest_point(vertices[faces], np.tile(p, (len(faces), 1))) - p, axis=1
            )
            for p in points
        ]
    )
    assert np.allclose(found.distance, every.min(axis=1), atol=1e-4)
    there = found.interpolate(vertices, faces)
    assert np.allclose(np.linalg.norm(there - points, axis=1), found.distance, atol=1e-9)


def test_crossings_are_found_and_touching_is_none():
    assert not len(self_intersections(*ball()))
    assert not len(self_intersections(*together(box((1, 1, 1)), box((1, 1, 1), (1.0, 0, 0)))))
    for shift in (0.4, 0.41234):  # the first meets edge in edge
        pairs = self_intersections(*together(ball(1.0, detail=2), ball(1.0, (shift, 0, 0), detail=2)))
        count = 320
        assert len(pairs) > 10 and (pairs[:, 0] < count).all() and (pairs[:, 1] >= count).all()


def test_crossings_agree_with_the_brute_force_answer():
    random = np.random.default_rng(3)
    vertices = random.random((90, 3))
    faces = np.arange(90).reshape(-1, 3)
    found = {tuple(pair) for pair in self_intersections(vertices, faces).tolist()}
    for i in range(30):
        for j in range(i + 1, 30):
            crossing = any(
                _meets(vertices[faces[p, k]], vertices[faces[p, (k + 1) % 3]], vertices[faces[q]])
                for p, q in ((i, j), (j, i))
                for k in range(3)
            )
            assert crossing == ((i, j) in found)


def _meets(start, end, triangle):
    system = np.column_stack([triangle[1] - triangle[0], triangle[2] - triangle[0], start - end])
    u, v, t = np.linalg.solve(system, start - triangle[0])
    return u >= 0 and v >= 0 and u + v <= 1 and 0 < t < 1


def test_winding_numbers_count_overlaps_and_voids():
    outer, inner = ball(1.0), ball(0.5)
    shape, origin = (41, 41, 41), np.full(3, -1.0 - 1e-3)
    twice = winding_numbers(*together(outer, inner), origin, 0.05, shape)
    assert twice[20, 20, 20] == 2 and twice[20, 20, 4] == 1 and twice[0, 0, 0] == 0
    void = winding_numbers(*together(outer, (inner[0], inner[1][:, ::-1])), origin, 0.05, shape)
    assert void[20, 20, 20] == 0 and void[20, 20, 4] == 1
    assert fill_voids(void > 0)[20, 20, 20]


def test_a_grid_means_the_solid():
    for surface_ in (
        ball(1.0),
        together(ball(1.0), ball(0.5)),
        together(ball(1.0), (ball(0.5)[0], ball(0.5)[1][:, ::-1])),
    ):
        grid = solid_grid(*surface_, 0.05)
        vertices, faces = marching_cubes(grid.sdf)
        assert is_closed(faces)
        assert volume(vertices * grid.spacing, faces) == pytest.approx(volume(*ball(1.0)), rel=0.005)


def test_winding_number_of_a_point():
    vertices, faces = ball()
    assert winding_number(np.array([0.1, 0.2, 0.3]), vertices[faces]) == pytest.approx(1)
    assert winding_number(np.array([2.0, 0, 0]), vertices[faces]) == pytest.approx(0, abs=1e-9)


def test_nested_parts():
    vertices, faces = together(ball(1.0), ball(0.3), ball(0.3, (3, 0, 0)))
    number = face_components(faces, len(vertices))
    inside = nested_parts(vertices, faces, number)
    assert inside.sum() == 1 and inside[number[1280]]


def _judged(mesh):
    vertices, faces = mesh.welded()
    assert is_closed(faces) and not len(self_intersections(vertices, faces))
    walls = sampled_walls(vertices, faces)
    return vertices, faces, walls.thickness[walls.facing]


def test_thin_walls_become_as_thick_as_asked():
    tube = arrays(trimesh.creation.annulus(9.6, 10, 12, sections=64))
    made, facts = make_printable(painted(*tube), PrintAsk(wall=1.2))
    vertices, _, thickness = _judged(made)
    assert facts["thickened_area"] > 0.9
    assert np.percentile(thickness, 5) == pytest.approx(1.2, rel=0.05)
    assert np.ptp(vertices, axis=0)[0] == pytest.approx(20.8, abs=0.2)  # it grows by 0.4 on each side


def test_what_is_good_stays_as_it_is():
    mesh = painted(*box((30, 20, 10)))
    made, facts = make_printable(mesh, PrintAsk(wall=1.2))
    assert made is mesh and facts["loose_parts"] == 0


def test_overlapping_parts_become_one_and_crumbs_go():
    parts = together(ball(10.0), ball(10.0, (8.0, 1, 0)), ball(0.6, (0, 0, 14)))
    made, facts = make_printable(painted(*parts), PrintAsk())
    vertices, faces, _ = _judged(made)
    lens = math.hypot(8, 1)
    both = 2 * 4 / 3 * math.pi * 1000 - math.pi * (40 + lens) * (20 - lens) ** 2 / 12
    assert volume(vertices, faces) == pytest.approx(both, rel=0.02)
    assert facts["loose_parts"] == 1 and facts["parts"] == 1


def test_hollow_with_a_drain():
    mesh = painted(*box((40, 40, 40), (0, 0, 20)))
    made, facts = make_printable(mesh, PrintAsk(hollow=3.0, drain=6.0, flat=True))
    vertices, faces, thickness = _judged(made)
    assert facts["hollow"] and facts["drain"] and facts["parts"] == 1
    assert np.percentile(thickness, 50) == pytest.approx(3.0, rel=0.05)
    wanted = 40**3 - 34**3 - math.pi * 9 * 3
    assert volume(vertices, faces) == pytest.approx(wanted, rel=0.05)
    _, facts = make_printable(mesh, PrintAsk(hollow=3.0, flat=True))
    assert facts["hollow"] and not facts["drain"] and facts["parts"] == 2


def test_colours_go_over():
    mesh = painted(*together(ball(10.0), ball(10.0, (8.0, 1, 0))))
    made, _ = make_printable(mesh, PrintAsk())
    from img2mesh.mesh.write import vertex_colours

    low, size = mesh.vertices.min(axis=0), np.ptp(mesh.vertices, axis=0).max()
    wanted = 40 + 170 * (made.vertices - low) / size
    assert np.abs(vertex_colours(made) - wanted).mean() < 3
