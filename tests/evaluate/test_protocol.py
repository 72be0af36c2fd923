"""SyncDreamer's protocol and the similarity alignment on shapes with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from img2mesh.core.view import View
from img2mesh.evaluate.baselines import hull_surface, swept_silhouette
from img2mesh.evaluate.protocol import (
    protocol_cameras,
    shape_scores,
    similarity,
    thinned,
    umeyama,
    visible_points,
    volume,
)


def lumpy(scale: float = 1.0) -> trimesh.Trimesh:
    """Three overlapping balls without any symmetry."""
    parts = [trimesh.creation.icosphere(3, r) for r in (0.3, 0.2, 0.15)]
    for part, at in zip(parts, ([0, 0, 0], [0.25, 0.1, 0.1], [-0.1, 0.28, -0.2]), strict=True):
        part.apply_translation(at)
    mesh = trimesh.util.concatenate(parts)
    mesh.apply_scale(scale)
    return mesh


def test_cameras_are_those_of_the_published_file():
    cameras = protocol_cameras()
    assert len(cameras) == 16
    assert cameras[0].position == pytest.approx([1.299038, 0, 0.75], abs=1e-6)
    assert cameras[0].fl_x == pytest.approx(280, abs=1e-3) and cameras[0].cx == 128
    assert [c.azimuth_deg % 360 for c in cameras] == pytest.approx(list(np.arange(16) * 22.5), abs=1e-9)


def test_identical_meshes_score_perfectly():
    ball = trimesh.creation.icosphere(4, 0.5)
    mesh = (ball.vertices, ball.faces)
    scores = shape_scores(mesh, visible_points(mesh), volume(mesh))
    assert scores["IoU"] == 1 and scores["Chamfer"] == 0 and scores["F@0.01"] == 1
    assert scores["aligned IoU"] == pytest.approx(1, abs=0.02)
    assert scores["aligned Chamfer"] < 1e-6


def test_a_larger_ball_scores_what_it_must():
    small, large = (trimesh.creation.icosphere(4, r) for r in (0.4, 0.5))
    truth = (small.vertices, small.faces)
    points = visible_points(truth)
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.full(len(points), 0.4), abs=0.002)
    scores = shape_scores((large.vertices, large.faces), points, volume(truth))
    assert scores["IoU"] == pytest.approx((0.4 / 0.5) ** 3, abs=0.02)
    assert scores["Chamfer"] == pytest.approx(0.1, abs=0.01)
    assert scores["F@0.05"] == 0
    assert scores["aligned Chamfer"] < 0.01 and scores["aligned IoU"] > 0.95


def test_what_no_camera_sees_does_not_count():
    ball = trimesh.creation.icosphere(4, 0.4)
    hidden = trimesh.util.concatenate([ball, trimesh.creation.icosphere(3, 0.2)])
    assert np.array_equal(
        visible_points((ball.vertices, ball.faces)), visible_points((hidden.vertices, hidden.faces))
    )


def test_thinning_leaves_one_point_per_voxel():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.05, 0.05, (20000, 3))
    kept = thinned(points, 0.02)
    assert len(kept) == 6**3
    assert np.abs(kept.mean(0)).max() < 0.005
    cells = np.floor(kept / 0.02)
    assert len(np.unique(cells, axis=0)) == len(kept)


def test_umeyama_undoes_a_similarity_exactly():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(50, 3))
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3])[:3, :3]
    scale, rotation, shift = umeyama(a, 1.7 * a @ turn.T + [0.1, -0.2, 0.3])
    assert (
        scale == pytest.approx(1.7) and np.allclose(rotation, turn) and np.allclose(shift, [0.1, -0.2, 0.3])
    )


def test_alignment_finds_a_scaled_shifted_turned_copy():
    points = thinned(lumpy().sample(20000, seed=0), 0.01)
    turn = trimesh.transformations.rotation_matrix(0.15, [0.2, 0.1, 1])[:3, :3]
    moved = 0.85 * points @ turn.T + [0.05, -0.03, 0.02]
    scale, rotation, shift = similarity(moved, points, rounds=60)
    assert np.abs(scale * moved @ rotation.T + shift - points).mean() < 0.004


def test_alignment_never_makes_it_worse():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3))
    scale, rotation, shift = similarity(points, points)
    assert scale == 1 and np.array_equal(rotation, np.eye(3)) and not shift.any()


def test_an_empty_mesh_scores_nothing():
    ball = trimesh.creation.icosphere(3, 0.4)
    truth = (ball.vertices, ball.faces)
    scores = shape_scores((np.zeros((0, 3)), np.zeros((0, 3), int)), visible_points(truth), volume(truth))
    assert scores["IoU"] == 0 and scores["Chamfer"] == np.inf and scores["aligned F@0.05"] == 0


def test_swept_silhouette_projects_onto_the_silhouette_and_is_closed():
    camera = protocol_cameras()[0]
    y, x = np.mgrid[0:256, 0:256]
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[..., 3] = np.where((np.abs(x - 128) < 60) & (np.abs(y - 128) < 30), 255, 0)
    vertices, faces = swept_silhouette(View(rgba, camera))
    pixels, _ = camera.project(vertices)
    assert pixels.min(0) == pytest.approx([68, 98], abs=1.5) and pixels.max(0) == pytest.approx(
        [188, 158], abs=1.5
    )
    depth = vertices @ camera.c2w[:3, 2]
    assert np.ptp(depth) == pytest.approx(59 * 1.5 / 280, rel=0.05)  # as deep as its shorter side
    mesh = trimesh.Trimesh(vertices, faces)
    assert mesh.is_watertight and mesh.volume > 0


def test_hull_surface_of_a_ball_has_its_volume():
    from img2mesh.core.visual_hull import visual_hull

    cameras = protocol_cameras()
    y, x = np.mgrid[0:256, 0:256] + 0.5
    # a ball's outline from a camera that looks at its centre is a disc: r f / sqrt(d^2 - r^2)
    radius = 0.4 * cameras[0].fl_x / np.sqrt(1.5**2 - 0.4**2)
    alpha = np.clip(radius - np.hypot(x - 128, y - 128) + 0.5, 0, 1)
    vertices, faces = hull_surface(visual_hull([alpha] * 16, cameras))
    mesh = trimesh.Trimesh(vertices, faces)
    assert mesh.is_watertight
    assert 1.0 < mesh.volume / (4 / 3 * np.pi * 0.4**3) < 1.15  # a hull is never smaller than what it holds
