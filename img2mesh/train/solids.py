"""What is truly inside of an object, as a data set's `solid.npz` has it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

# A wall thinner than two cells may fill anything between nothing and all of a cell that it crosses. Of a bowl whose
# wall is 0.4 cells a third would be right, of one cell two thirds.
THIN_SHARE = 0.45
SIDE = 64  # cells per side of a packed solid


@dataclass(frozen=True, eq=False)
class Solid:
    """How much of each cell of the unit cube is inside.

    Attributes:
        share: (N, N, N) float32 in [0, 1], axes x, y, z over [-0.5, 0.5]^3.
        agreement: mean IoU of its silhouettes with the renders', in [0, 1].
    """

    share: np.ndarray
    agreement: float = 1.0


def read_solid(content: bytes) -> Solid:
    """A solid from a file of either kind.

    Shares of 255 as `synthetic.voxelize.true_solid` makes them, or bits of `inside` and `thin` with their `agreement`.
    """
    held = np.load(io.BytesIO(content))
    if held["inside"].ndim == 3:
        return Solid(held["inside"].astype(np.float32) / 255)
    inside, thin = (
        np.unpackbits(held[key])[: SIDE**3].reshape(SIDE, SIDE, SIDE) for key in ("inside", "thin")
    )
    share = np.maximum(inside, np.float32(THIN_SHARE) * thin)
    return Solid(share.astype(np.float32), float(held["agreement"]))
