"""Parts that silhouettes show are put back, and nothing else is."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.visual_hull import visual_hull
from img2mesh.multiview.refill import cover_silhouettes
from tests.field.shapes import box_hit, picture


def box_with_silhouettes():
    cameras = [orbit_camera(e, a, size=96) for e in (0, 50, -50) for a in range(0, 360, 60)]
    alphas = [picture(camera, box_hit, 2)[..., 3].astype(np.float32) / 255 for camera in cameras]
    return visual_hull(alphas, cameras, resolution=40), alphas, cameras


def test_an_end_that_was_cut_off_comes_back():
    hull, alphas, cameras = box_with_silhouettes()
    y = np.linspace(*hull.bounds[:, 1], hull.sdf.shape[1])[None, :, None]
    cut = np.where(y > 0.15, np.maximum(hull.sdf, 0.05), hull.sdf).astype(np.float32)
    back, count = cover_silhouettes(cut, hull, alphas, cameras)
    lost = (hull.sdf < 0) & (cut >= 0)
    assert count > 10 and (back[lost] < 0).mean() > 0.5
    assert (back >= hull.sdf - hull.spacing).all()


def test_a_hollow_that_no_silhouette_shows_stays():
    hull, alphas, cameras = box_with_silhouettes()
    axes = [np.linspace(*hull.bounds[:, k], hull.sdf.shape[k]) for k in range(3)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    dented = np.where((np.hypot(y, z) < 0.08) & (x > 0), np.maximum(hull.sdf, 0.05), hull.sdf).astype(
        np.float32
    )
    back, count = cover_silhouettes(dented, hull, alphas, cameras)
    assert count == 0 and np.array_equal(back, dented)
