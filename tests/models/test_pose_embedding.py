"""Pose vectors against the published demo's presets and against pairs of cameras, both variants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera, relative_pose
from img2mesh.errors import Img2MeshError
from img2mesh.models.pose_embedding import PRESETS, demo_pose, variant_poses

HALF = math.pi / 2
# polar, sin, cos, radius: T = [rad x, sin(rad y), cos(rad y), z] at the demo's (x, y)
WORKED = {
    "left": (0, -1, 0, 0),
    "above": (-HALF, 0, 1, 0),
    "right": (0, 1, 0, 0),
    "below": (HALF, 0, 1, 0),
    "behind": (0, 0, -1, 0),
}


@pytest.mark.parametrize("name", WORKED)
def test_presets(name):
    assert demo_pose(*PRESETS[name]) == pytest.approx(WORKED[name], abs=1e-6)


# Where the demo's slider leads past the pole there is no second camera.
PAIRS = [(name, e) for name in WORKED for e in (-20.0, 0.0, 35.0) if abs(e - PRESETS[name][0]) <= 90]


@pytest.mark.parametrize(("name", "elevation"), PAIRS)
def test_presets_as_camera_pairs(name, elevation):
    """The same pose comes from two cameras: up is a smaller polar angle, right is a larger azimuth."""
    polar, azimuth = PRESETS[name]
    pair = relative_pose(orbit_camera(elevation, 0), orbit_camera(elevation - polar, azimuth))
    assert pair == pytest.approx(WORKED[name], abs=1e-4)


@pytest.mark.parametrize("elevation, polar", [(0, HALF), (30, math.pi / 3), (-20, math.radians(110))])
def test_stable_replaces_the_fourth_element(elevation, polar):
    poses = np.stack([demo_pose(*preset, radius=0.1) for preset in PRESETS.values()])
    stable = variant_poses(poses, "stable", elevation)
    assert stable[:, 3] == pytest.approx(polar)
    assert np.array_equal(stable[:, :3], poses[:, :3])
    assert np.array_equal(variant_poses(poses, "original", elevation), poses)


def test_bad_poses_are_refused():
    good = np.zeros((2, 4))
    for poses, variant, elevation in (
        (np.zeros(4), "original", 0),
        (np.zeros((2, 3)), "original", 0),
        (np.full((1, 4), np.nan), "original", 0),
        (good, "odd", 0),
        (good, "stable", None),
    ):
        with pytest.raises(Img2MeshError):
            variant_poses(poses, variant, elevation)
