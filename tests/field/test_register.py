import numpy as np

from img2mesh.evaluate.spoil import spoil
from img2mesh.field.register import registered
from img2mesh.views.hull import Hull
from tests.field.shapes import HALF_BOX, box_hit, views_of


def test_bent_views_come_to_show_the_same_colours():
    true = views_of(box_hit, 96)
    axis = np.linspace(-0.5, 0.5, 64)
    away = np.abs(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)) - HALF_BOX
    sdf = np.linalg.norm(np.maximum(away, 0), axis=-1) + np.minimum(away.max(axis=-1), 0)
    box = np.array([[-0.5] * 3, [0.5] * 3])
    hull = Hull(sdf.astype(np.float32), box, np.ones(len(true.views)), 0.0)
    bent = spoil(true, "warp")
    found = registered(bent, hull)
    assert found.views[0] is bent.views[0]  # the photo's

    def off(views):
        gaps = []
        for a, b in zip(views.views[1:], true.views[1:], strict=True):
            both = (a.rgba[..., 3] > 250) & (b.rgba[..., 3] > 250)
            gaps.append(np.abs(a.rgba[both][:, :3].astype(float) - b.rgba[both][:, :3]).mean())
        return np.mean(gaps)

    assert off(found) < 0.75 * off(bent)
    assert off(registered(true, hull)) < 0.1 * off(bent)  # what is straight stays nearly so
