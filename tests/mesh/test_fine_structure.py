"""The photo's grain where no source sees the surface: as strong as in the photo, without repeats, no prints."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.ndimage import gaussian_filter

from img2mesh.core.camera import orbit_camera
from img2mesh.mesh.fine_structure import FineStructure, _patch
from img2mesh.mesh.projection import Projector

SIDE = 400


def photograph(colours: np.ndarray) -> Projector:
    """A square object that fills most of a photo, prepared."""
    v, u = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = np.maximum(np.abs(u), np.abs(v)) < 0.7
    rgba = np.dstack(
        [(np.clip(colours, 0, 1) * 255).astype(np.uint8), np.where(inside, 255, 0).astype(np.uint8)]
    )
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    return Projector.of(rgba, orbit_camera(0, 0, 2.0, size=SIDE), box.vertices, box.faces)


def wall(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Points of the far side, a pixel of the photo apart, and their normals."""
    step = 2.0 / orbit_camera(0, 0, 2.0, size=SIDE).fl_x
    y, z = np.mgrid[:count, :count] * step - 0.4
    points = np.stack([np.full(y.size, -0.5), y.ravel(), z.ravel()], axis=1)
    return points, np.broadcast_to([-1.0, 0.0, 0.0], points.shape)


def grain(strength: float) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 1.0)
    return 0.5 + strength * (noise / noise.std())[..., None] * np.ones(3)


def one(points: np.ndarray) -> np.ndarray:
    return np.ones((len(points), 1))


def test_grain_is_as_strong_as_in_the_photo_and_does_not_repeat():
    structure = FineStructure.of(photograph(grain(0.05)), np.zeros((SIDE, SIDE), int), 1)
    points, normals = wall()
    found = structure.at(points, normals, one(points))
    assert abs(found.mean()) < 0.005
    assert 0.025 < found.std() < 0.055
    assert np.array_equal(found, structure.at(points, normals, one(points)))
    line = found[:, 0].reshape(200, 200)
    spectrum = np.abs(np.fft.fft2(line - line.mean())) ** 2
    repeats = np.fft.ifft2(spectrum).real / spectrum.sum() * line.size
    assert repeats[12:100, 12:100].max() < 0.35


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_only_the_material_that_has_it(chance):
    materials = np.zeros((SIDE, SIDE), int)
    materials[:, SIDE // 2 :] = 1
    colours = np.where(materials[..., None] == 1, 0.5, grain(0.05))
    structure = FineStructure.of(photograph(colours), materials, 2)
    points, normals = wall(60)
    found = structure.at(points, normals, np.tile([chance, 1 - chance], (len(points), 1)))
    assert (np.abs(found).max() < 0.005) if chance == 0 else (found.std() > 0.02)


def test_prints_are_not_repeated():
    colours = grain(0.01)
    colours[180:200, 180:200] = 1.0
    structure = FineStructure.of(photograph(colours), np.zeros((SIDE, SIDE), int), 1)
    points, normals = wall()
    assert np.abs(structure.at(points, normals, one(points))).max() < 0.1


def test_materials_too_small_have_none():
    materials = np.full((SIDE, SIDE), -1)
    materials[::8] = 0
    structure = FineStructure.of(photograph(grain(0.05)), materials, 1)
    points, normals = wall(20)
    assert structure.patches == (None,)
    assert not structure.at(points, normals, one(points)).any()


def test_a_square_that_hardly_holds_a_patch_has_none():
    """The largest one of a material in a photo of 100 pixels: scissors ended in an error."""
    own, deep = np.zeros((100, 100), bool), np.full((100, 100), -100.0)
    for size in range(1, 40):
        own[20 : 20 + size, 20 : 20 + size] = True
        patch = _patch(np.full((100, 100, 3), 0.01), deep, own)
        assert patch is None or 2 <= len(patch) <= size
