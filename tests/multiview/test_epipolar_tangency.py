import numpy as np

from img2mesh.evaluate.corrupt import spoil
from img2mesh.multiview.epipolar_tangency import bend_equations, median, outlines_of, residuals
from img2mesh.multiview.warp import COUNT
from tests.field.shapes import box_hit, views_of


def test_tangents_of_true_views_coincide_and_bends_part_them():
    true = views_of(box_hit, 96)
    spoilt = spoil(true, "warp")
    found = []
    for views in (true, spoilt):
        _, chosen, outlines, free = outlines_of(views)
        assert not free[0] and free[1:].all()  # the photo stays
        found.append(median(residuals(chosen, outlines, np.zeros((len(chosen), 5)))))
    assert found[0] < 1 and found[1] > 5 * found[0]


def test_the_equations_lead_to_common_tangents():
    _, views, outlines, free = outlines_of(spoil(views_of(box_hit, 96), "warp"))
    moves = np.zeros((len(views), COUNT, 2))
    on = np.repeat(free, 2 * COUNT)
    left = []
    for _ in range(3):
        errors = np.concatenate([np.zeros((len(views), 5)), moves.reshape(len(views), -1)], axis=1)
        left.append(median(residuals(views, outlines, errors)))
        system, right = bend_equations(views, outlines, moves, free)
        assert not system[~on].any() and not right[~on].any()
        step = np.linalg.solve(system + np.eye(len(system)) / 100, right - moves.ravel() / 100)
        moves += step.reshape(moves.shape)
    assert left[-1] < 0.2 * left[0]
