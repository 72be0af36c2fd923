"""Batches of the occupancy network: what lies behind a picture's pixels, and in which colours."""

import tarfile

import numpy as np
import pytest
import torch

from img2mesh.train.dataset import load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import FrustumSampler
from img2mesh.train.solids import THIN_SHARE
from tests.train.conftest import add_solid


def drawn(data, folder, **options):
    return FrustumSampler(data, 8, 0, folder, **options).batch(0, Workers("cpu"))


@pytest.mark.parametrize("varied", [0.0, 1.0])
def test_what_is_inside_lies_behind_what_is_shown(renders, tmp_path, varied):
    """Of mirrored and strained pictures too, and the same batch again for the same step."""
    data = load_renders(renders)
    batch, again = drawn(data, tmp_path, varied=varied), drawn(data, tmp_path, varied=varied)
    assert all(torch.equal(a, b) for a, b in zip(batch.parts(), again.parts(), strict=True))
    assert batch.strained.all() == bool(varied) and batch.shaped.all()
    shown = torch.nn.functional.avg_pool2d((batch.pictures[:, 3:] + 1) / 2, 4)[:, 0] > 0.5
    behind = batch.inside.amax(1) > 0.5
    agreement = (shown & behind).sum((1, 2)) / (shown | behind).sum((1, 2))
    assert agreement.min() > (0.8 if varied else 0.9)


def test_front_colours_are_those_of_the_picture(renders, tmp_path):
    batch = drawn(load_renders(renders), tmp_path)
    shown = torch.nn.functional.avg_pool2d(batch.pictures, 4)
    solid = shown[:, 3] > 0.999
    for k in range(8):
        first = batch.coloured[k].argmax(0)
        known = batch.coloured[k].amax(0).bool() & solid[k]
        front = batch.colours[k].gather(1, first[None, None].expand(3, 1, -1, -1))[:, 0]
        off = (front - (shown[k, :3] + 1) / 2).abs().mean(0)[known]
        assert known.sum() > 100 and off.median() < 0.02, "but where two colours meet"


def test_solids_that_disagree_with_their_renders_teach_no_shape(renders, tmp_path):
    data = load_renders(renders)
    with tarfile.open(tmp_path / "solids.tar", "w") as archive:
        add_solid(archive, "bad", 0.6)
    with tarfile.open(tmp_path / "solids.tar") as archive:
        member = archive.getmembers()[0]
        offset, size = member.offset_data, member.size
    data.objects[0].solid = (str(tmp_path / "solids.tar"), offset, size)
    data.objects[1].solid = None
    sampler = FrustumSampler(data, 32, 0, tmp_path, shaped_only=True)
    assert sampler.probabilities[:2].tolist() == [0, 0] and sampler.probabilities.sum() == pytest.approx(1)
    batch = FrustumSampler(data, 32, 0, tmp_path).batch(0, Workers("cpu"))
    assert 0 < batch.shaped.sum() < 32


def test_thin_cells_count_in_part(renders):
    solid = load_renders(renders).solid(0)
    assert solid.share.shape == (64, 64, 64) and solid.agreement == pytest.approx(0.95)
    assert set(np.unique(solid.share)) == {0, 1}, "what is both inside and thin is inside"
    assert 0 < THIN_SHARE < 1
