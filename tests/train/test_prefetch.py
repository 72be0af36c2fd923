"""Batches made by processes of their own are those that the training itself would make, in order."""

from dataclasses import dataclass

import pytest
import torch

from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import Batch
from img2mesh.train.prefetch import batches


@dataclass(frozen=True)
class Numbered:
    """Batches of nothing but their step."""

    def batch(self, step, workers):
        return Batch(*(torch.full((2,), float(step)) for _ in Batch.__dataclass_fields__))


@pytest.mark.parametrize("loaders", [0, 2])
def test_batches_come_in_order(loaders):
    found = list(batches(Numbered(), range(3, 9), Workers("cpu"), loaders))
    assert [float(batch.pictures[0]) for batch in found] == [3, 4, 5, 6, 7, 8]
    assert all(isinstance(batch, Batch) for batch in found)
