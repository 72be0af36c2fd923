"""The z-buffer sees of triangles anywhere what rays see."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from img2mesh.core.camera import orbit_camera
from img2mesh.core.rasterise import rasterise_view

NEAR = 0.02  # pixels: at borders a ray may decide otherwise


def nearest(vertices, faces, origins, directions):
    """(N,) depth along each ray, and the least distance to a border in barycentric units (Moeller, Trumbore 1997)."""
    best, margin = np.full(len(origins), np.inf), np.full(len(origins), np.inf)
    for a, b, c in vertices[faces]:
        across, up = b - a, c - a
        p = np.cross(directions, up)
        determinant = p @ across
        safe = np.where(np.abs(determinant) < 1e-12, 1e-12, determinant)
        t = origins - a
        u = (t * p).sum(-1) / safe
        q = np.cross(t, across)
        v = (directions * q).sum(-1) / safe
        along = (q @ up) / safe
        inner = np.minimum(np.minimum(u, v), 1 - u - v)
        hit = (inner >= 0) & (along > 0) & (np.abs(determinant) > 1e-9)
        best = np.where(hit & (along < best), along, best)
        margin = np.minimum(margin, np.abs(inner))
    return best, margin


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.floats(-80, 80), st.floats(0, 360))
def test_the_same_triangles_at_the_same_depths(seed, count, elevation, azimuth):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-0.5, 0.5, (3 * count, 3))
    faces = np.arange(3 * count).reshape(-1, 3)
    camera = orbit_camera(elevation, azimuth, size=24)
    seen = rasterise_view(vertices, faces, camera)
    origins, directions = (rays.reshape(-1, 3) for rays in camera.rays())
    depth, margin = nearest(vertices, faces, origins, directions)
    clear = margin > NEAR
    hit = np.isfinite(depth)
    assert np.array_equal(seen.hit.ravel()[clear], hit[clear])
    both = clear & hit
    axial = -directions @ camera.c2w[:3, 2]
    assert np.allclose(seen.depth.ravel()[both], (depth * axial)[both], rtol=1e-3)
