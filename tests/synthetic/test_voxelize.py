"""What is inside of closed models: volumes, unions, hollows; and that open ones are left alone."""

import dataclasses

import numpy as np
import pytest
import trimesh

from img2mesh.synthetic.model import Model
from img2mesh.synthetic.voxelize import SOLID, true_solid


def model(*meshes) -> Model:
    mesh = trimesh.util.concatenate(meshes)
    count = len(mesh.vertices)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    return Model(
        vertices, faces, np.zeros((count, 2)), np.ones((count, 4)), np.zeros(len(faces), np.int64), ()
    )


def share(solid) -> float:
    return solid.mean() / 255


def test_a_box_fills_its_share_of_the_cube_in_its_own_place():
    box = trimesh.creation.box((0.5, 0.25, 1.0))
    box.apply_translation([0.2, 0, 0])
    solid = true_solid(model(box))
    assert solid.shape == (SOLID, SOLID, SOLID)
    assert share(solid) == pytest.approx(0.125, abs=0.003)
    inside = np.argwhere(solid > 128) / SOLID - 0.5
    assert inside[:, 0].mean() == pytest.approx(0.2, abs=0.02), "x is the first axis"


def test_overlapping_parts_are_one_thing_and_inverted_parts_are_hollow():
    a, b = trimesh.creation.box((0.4, 0.4, 0.4)), trimesh.creation.box((0.4, 0.4, 0.4))
    b.apply_translation([0.2, 0, 0])
    assert share(true_solid(model(a, b))) == pytest.approx(0.6 * 0.16, abs=0.003)
    shell = trimesh.creation.box((0.2, 0.2, 0.2))
    shell.invert()
    assert share(true_solid(model(a, shell))) == pytest.approx(0.064 - 0.008, abs=0.003)


def test_open_models_have_no_inside():
    box = model(trimesh.creation.box())
    assert true_solid(dataclasses.replace(box, faces=box.faces[1:])) is None
