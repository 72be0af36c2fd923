"""Batches made ahead, in processes of their own, while the network learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch.utils.data import DataLoader, Dataset

from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import Batch


class Sampler(Protocol):
    """What gives the batch of a step."""

    def batch(self, step: int, workers: Workers) -> Batch:
        """The batch, which depends on nothing but the seed, the step and the worker's number."""


@dataclass(frozen=True)
class _Steps(Dataset):
    sampler: Sampler
    workers: Workers

    def __getitem__(self, step: int) -> Batch:
        return self.sampler.batch(step, self.workers)


def batches(sampler: Sampler, steps: range, workers: Workers, loaders: int) -> Iterator[Batch]:
    """The batches of these steps, in order, made by so many processes; with 0 each is made when it is asked for."""
    if not loaders:
        for step in steps:
            yield sampler.batch(step, workers)
        return
    yield from DataLoader(_Steps(sampler, workers), batch_size=None, sampler=steps, num_workers=loaders)
