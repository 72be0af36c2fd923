"""Interpolation in a hash grid as products with sparse matrices, on up to two cores, with the same bits as on one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

WORTH = 2000  # points from which a second core is worth its handing over
Result = TypeVar("Result")


class _Levels:
    """Some levels in a row as a sparse matrix of (L * N) rows: corner weights by table entries.

    A level's rows and entries are its own: however the levels are dealt out, each sum has the same order.
    """

    def __init__(self, grid: Any, x: np.ndarray, first: int, end: int) -> None:
        from scipy.sparse import csr_matrix

        entries, weights = grid.corners(x, end, first)
        rows = np.arange(0, weights.size + 1, 8, dtype=np.int32)
        self.first, self.count, self.points = first, end - first, len(x)
        self.start, self.end = grid.offsets[first], grid.offsets[end - 1] + grid.sizes[end - 1]
        shape = (self.count * self.points, self.end - self.start)
        self.matrix = csr_matrix((weights.reshape(-1), entries.reshape(-1), rows), shape=shape, copy=False)

    def times(self, table: np.ndarray, out: np.ndarray) -> None:
        """Interpolate the whole table (T, F) into (N, active, F)."""
        found = self.matrix @ table[self.start : self.end]
        out[:, self.first : self.first + self.count] = found.reshape(self.count, self.points, -1).transpose(
            1, 0, 2
        )

    def transposed(self, upstream: np.ndarray, out: np.ndarray) -> None:
        """The gradient of the table, (T, F), from (N, active, F)."""
        part = upstream[:, self.first : self.first + self.count].transpose(1, 0, 2)
        part = np.ascontiguousarray(part).reshape(-1, upstream.shape[-1])
        out[self.start : self.end] = self.matrix.T @ part


@cache
def _second_core() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "levels")


def _both(work: Callable[[int], Result], number: int) -> list[Result]:
    """work(0) and, where `number` is two, work(1) on another core."""
    other = _second_core().submit(work, 1) if number == 2 else None
    found = [work(0)]
    return found if other is None else [*found, other.result()]


class Interpolate(torch.autograd.Function):
    """Sparse matrix (active * N rows, table columns) times table, and its transpose for the gradient."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, x: Tensor, grid: Any, active: int) -> Tensor:
        points, values = x.float().numpy(), table.detach().view(-1, grid.features).numpy()
        parts = 2 if torch.get_num_threads() > 1 and active > 1 and len(x) > WORTH else 1
        ends = [0, active] if parts == 1 else [0, active // 2, active]
        encoded = np.empty((len(x), active, grid.features), np.float32)

        def interpolate(part: int) -> _Levels:
            levels = _Levels(grid, points, ends[part], ends[part + 1])
            levels.times(values, encoded)
            return levels

        ctx.levels, ctx.size, ctx.active = _both(interpolate, parts), values.shape, active
        return torch.from_numpy(encoded).view(len(x), -1)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradient = np.zeros(ctx.size, np.float32)
        by_level = upstream.reshape(len(upstream), ctx.active, -1).numpy()
        _both(lambda part: ctx.levels[part].transposed(by_level, gradient), len(ctx.levels))
        return torch.from_numpy(gradient).view(-1), None, None, None
