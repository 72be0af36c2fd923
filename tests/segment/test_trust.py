import numpy as np
import pytest

from img2mesh.segment.own_network import OwnMask, overlap
from img2mesh.segment.plain import PlainMask
from img2mesh.segment.trust import Evidence, choose, disagreement


def disc(radius, x=50, size=100):
    v, u = np.mgrid[0:size, 0:size]
    return np.hypot(u - x, v - 50) < radius


def masks(by_colours, by_network, explained=1.0, said=(), quality=0.85):
    plain = PlainMask(np.where(by_colours, 255, 0).astype(np.uint8), said, explained)
    return plain, OwnMask(np.where(by_network, 255, 0).astype(np.uint8), quality, 0.98)


def test_overlap_of_masks():
    assert overlap(disc(30), disc(30)) == 1
    assert overlap(disc(10, 20), disc(10, 80)) == 0
    assert overlap(disc(0), disc(0)) == 1
    assert overlap(disc(20), disc(40)) == pytest.approx(0.25, abs=0.01)


def test_ours_is_taken_and_colours_that_agree_speak_for_it():
    mask, method, evidence = choose(*masks(disc(30), disc(31)))
    assert method == "cutout" and overlap(mask > 0, disc(31)) == 1
    assert evidence.overlap > 0.9 and disagreement(evidence) == ()


@pytest.mark.parametrize(
    ("explained", "said"), [(0.5, ()), (1.0, ("It is unclear whether the colours belong to the object.",))]
)
def test_colours_that_are_not_sure_say_nothing(explained, said):
    mask, method, evidence = choose(*masks(disc(15), disc(31), explained, said))
    assert method == "cutout" and overlap(mask > 0, disc(31)) == 1
    assert evidence.overlap is None and disagreement(evidence) == ()


def test_where_two_ways_disagree_ours_is_taken_and_doubted():
    mask, method, evidence = choose(*masks(disc(15), disc(40)))
    assert method == "cutout" and overlap(mask > 0, disc(40)) == 1
    assert disagreement(evidence) == ("Two ways of finding the object disagree about it.",)
    alone = Evidence(quality=evidence.quality, steadiness=evidence.steadiness)
    assert evidence.confidence("cutout", 0.05) < alone.confidence("cutout", 0.05)


@pytest.mark.parametrize(("seen", "quality"), [(0, 0.8), (40, 0.3)])
def test_colours_are_taken_where_ours_is_at_a_loss(seen, quality):
    mask, method, evidence = choose(*masks(disc(30), disc(seen), quality=quality))
    assert method == "plain" and overlap(mask > 0, disc(30)) == 1
    assert evidence.confidence(method, 0.0) < 0.7


@pytest.mark.parametrize("method", ["cutout", "plain", "u2net"])
def test_confidence_falls_with_each_doubt(method):
    best = Evidence(1.0, 0, 0.97, 0.99, 0.98)
    sure = best.confidence(method, 0.0)
    assert 0.8 < sure <= 1
    for worse in (
        Evidence(1.0, 0, 0.6, 0.99, 0.98),
        Evidence(1.0, 0, 0.97, 0.99, 0.4),
        Evidence(1.0, 1, 0.97, 0.99, 0.98),
    ):
        assert 0 <= worse.confidence(method, 0.0) < sure
    assert best.confidence(method, 0.5) <= sure
    assert Evidence(1.0, 0, 0.4, 0.6, 0.5).confidence(method, 0.3) < 0.3
