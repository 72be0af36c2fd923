import numpy as np
import pytest

from img2mesh.segment.checks import DOUBTFUL_BELOW
from img2mesh.segment.own_network import OwnMask, overlap
from img2mesh.segment.plain import PlainMask
from img2mesh.segment.trust import Evidence, at_a_loss, choose, disagreement, own_evidence


def disc(radius, x=50, size=100):
    v, u = np.mgrid[0:size, 0:size]
    return np.hypot(u - x, v - 50) < radius


def masks(by_colours, by_network, explained=1.0, said=(), quality=0.85):
    plain = PlainMask(np.where(by_colours, 255, 0).astype(np.uint8), said, explained)
    return plain, OwnMask(np.where(by_network, 255, 0).astype(np.uint8), quality, 0.98, 0.5, 0.8)


def test_overlap_of_masks():
    assert overlap(disc(30), disc(30)) == 1
    assert overlap(disc(10, 20), disc(10, 80)) == 0
    assert overlap(disc(0), disc(0)) == 1
    assert overlap(disc(20), disc(40)) == pytest.approx(0.25, abs=0.01)


def test_our_network_knows_when_it_is_at_a_loss():
    assert not at_a_loss(masks(disc(30), disc(30))[1])
    assert at_a_loss(masks(disc(30), disc(0))[1]) and at_a_loss(masks(disc(30), disc(30), quality=0.3)[1])


@pytest.mark.parametrize(("seen", "explained", "said"), [(0, 0.0, ("Guessed.",)), (40, 1.0, ())])
def test_colours_are_taken_where_they_are_sure_or_ours_finds_nothing(seen, explained, said):
    mask, method, evidence = choose(*masks(disc(30), disc(seen), explained, said, 0.3))
    assert method == "plain" and overlap(mask > 0, disc(30)) == 1
    assert evidence.assumed == len(said)
    assert evidence.confidence(method, 0.0) < 0.5


def test_ours_stays_where_the_background_is_not_plain():
    mask, method, evidence = choose(*masks(disc(30), disc(40), 0.4, (), 0.3))
    assert method == "cutout" and overlap(mask > 0, disc(40)) == 1
    assert evidence.confidence(method, 0.0) < 0.5 and disagreement(evidence) == ()


def test_a_model_that_our_network_contradicts_is_doubted():
    agreed, contradicted = (
        Evidence(quality=0.95, steadiness=0.98, overlap=same, other="cutout") for same in (0.97, 0.4)
    )
    assert contradicted.confidence("u2net", 0.0) < 0.5 < 0.8 < agreed.confidence("u2net", 0.0)
    assert disagreement(agreed) == ()
    assert disagreement(contradicted) == ("Two ways of finding the object disagree about it.",)


def evidence(**other):
    return Evidence(**{"explained": 1.0, "quality": 0.97, "steadiness": 0.99, "overlap": 0.98, **other})


@pytest.mark.parametrize("method", ["plain", "u2net"])
def test_confidence_falls_with_each_doubt(method):
    sure = evidence().confidence(method, 0.0)
    assert 0.8 < sure <= 1
    worst = [evidence(quality=0.6), evidence(assumed=1)]
    worst += [evidence(overlap=0.4)] if method == "u2net" else []
    for worse in worst:
        assert 0 <= worse.confidence(method, 0.0) < sure
    assert evidence().confidence(method, 0.5) <= sure
    assert evidence(quality=0.4, steadiness=0.6, overlap=0.5).confidence(method, 0.3) < 0.3


def test_our_network_s_confidence():
    def sure(undecided, nearer, faint=0.0):
        return own_evidence(OwnMask(disc(30), 0.97, 0.99, undecided, nearer)).confidence("cutout", faint)

    assert 0.95 < sure(0.0, 1.0) <= 1 and sure(0.05, 0.99) > 0.9
    assert sure(0.5, 0.99) < 0.6, "much of the photo is undecided"
    assert sure(0.05, 0.65) < DOUBTFUL_BELOW, "the object alone looks otherwise"
    assert sure(0.2, 0.95, 0.4) < DOUBTFUL_BELOW < sure(0.2, 0.95), "the outline shows nowhere"
    assert sure(0.0, 0.0) == 0, "nothing was found"
