import numpy as np

from img2mesh.views.mask_holes import without_false_holes


def ring(hole):
    """A brown disc of 80 px on 128 with a hole of 24 px, whose alpha is `hole` (128, 128)."""
    y, x = np.mgrid[:128, :128] - 63.5
    radius = np.hypot(x, y)
    alpha = np.clip(40.5 - radius, 0, 1) * 255
    inside = np.clip(12.5 - radius, 0, 1)
    alpha = alpha * (1 - inside) + hole * inside
    return np.dstack([np.full((128, 128, 3), (150, 100, 60)), alpha]).round().astype(np.uint8)


def test_a_hole_stays_one():
    rgba = ring(np.zeros((128, 128)))
    found, count = without_false_holes(rgba)
    assert found is rgba and count == 0


def test_a_pale_part_is_no_hole():
    rgba = ring(np.random.default_rng(0).choice([0, 40, 90, 120], (128, 128)))
    rgba[rgba[..., 3] == 0] = 0
    found, count = without_false_holes(rgba)
    assert count == 1 and (found[54:74, 54:74, 3] == 255).all()
    assert np.abs(found[60:68, 60:68, :3].astype(int) - (150, 100, 60)).max() < 30, "colours come from around"
    assert (found[:20] == rgba[:20]).all() and (rgba[63, 63, 3] < 128)


def test_the_ground_beside_the_object_and_thin_slits_stay():
    rgba = np.zeros((96, 96, 4), np.uint8)
    rgba[..., 3] = 70  # nothing clear anywhere, but open to the border
    rgba[30:60, 30:60, 3] = 255
    rgba[40:50, 44:46, 3] = 60  # a slit that antialiasing covers
    found, count = without_false_holes(rgba)
    assert found is rgba and count == 0
