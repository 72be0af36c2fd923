"""Zero123++'s cameras and scale, proven by a mesh: true pictures from the published cameras become the true shape.

The network is replaced by a renderer that knows the six published cameras from the facts written down here, not from
the sampler; everything after it is the program's own: tiles, cameras, masks on grey, the photo's place, field, mesh.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.pipeline import reconstruct
from img2mesh.settings import Settings
from img2mesh.views.synthesize import generate_views
from tests.fakes import RADII
from tests.models.tiny_plus import load, on_grey
from tests.views.test_photo_pose import LeanCutout, lean

# Azimuth from the photo's and elevation above the horizon of each tile, row by row; field of view, distance.
PUBLISHED = {
    "v1.1": ([(30, 30), (90, -20), (150, 30), (210, -20), (270, 30), (330, -20)], 49.134, 1.85),
    "v1.2": ([(30, 20), (90, -10), (150, 20), (210, -10), (270, 20), (330, -10)], 30.0, 1.866),
}
SIDE = 192
SURFACE = {"iterations": 60, "rays": 512, "hull_resolution": 64, "mesh_resolution": 64}
QUICK = {**SURFACE, "faces": 3000, "texture_size": 128}


def true_inside(points: np.ndarray) -> np.ndarray:
    """(n,) bool: inside of the body that `lean` draws."""
    bodies = (((-0.05, 0, -0.06), 0.62), ((0.2, 0.08, 0.2), 0.3))
    return np.any([(((points - c) / (RADII * s)) ** 2).sum(1) < 1 for c, s in bodies], axis=0)


def perfect(model, version: str):
    """The loaded model, its network's work done by a renderer: tiles put together as the model paints them."""
    directions, fov, distance = PUBLISHED[version]
    cameras = [orbit_camera(e, a, distance, fov, SIDE) for a, e in directions]
    tiles = on_grey(lean, cameras)
    picture = np.concatenate([np.concatenate(tiles[row : row + 2], axis=1) for row in (0, 2, 4)])
    model.denoise = lambda *arguments, **options: None
    model.decode = lambda latents: picture
    return model


@pytest.mark.parametrize("version", ["v1.1", "v1.2"])
def test_true_pictures_from_the_published_cameras_become_the_true_shape(tiny_plus, version):
    import trimesh

    model = perfect(load(tiny_plus, variant=version), version)
    settings = Settings(elevation="25", steps=1, **QUICK)
    views = generate_views(LeanCutout(25.0), model, settings, Progress())
    assert [view.source for view in views.views] == ["photo"] + ["generated"] * 6
    for view, (azimuth, elevation) in zip(views.views[1:], PUBLISHED[version][0], strict=True):
        a, e, d = math.radians(azimuth), math.radians(elevation), PUBLISHED[version][2]
        place = d * np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])
        np.testing.assert_allclose(view.camera.position, place, atol=2e-3)
        true = lean(view.camera)[..., 3] > 127
        assert ((view.mask > 0.5) & true).sum() / ((view.mask > 0.5) | true).sum() > 0.95
    made = reconstruct(views, settings).mesh
    mesh = trimesh.Trimesh(made.vertices, made.faces)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 48)] * 3, indexing="ij"), -1).reshape(-1, 3)
    found, true = mesh.contains(grid), true_inside(grid)
    iou = (found & true).sum() / (found | true).sum()
    assert iou > 0.85, f"volume IoU {iou:.3f} in the world's own units, without any alignment"
    turn = trimesh.transformations.rotation_matrix(math.radians(60), [0, 0, 1])
    turned = mesh.copy().apply_transform(turn).contains(grid)
    assert (turned & true).sum() / (turned | true).sum() < iou - 0.1, "an azimuth too far would be noticed"
