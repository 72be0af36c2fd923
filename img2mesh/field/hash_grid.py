"""Multi-resolution hash encoding (Mueller et al. 2022, "Instant Neural Graphics Primitives", section 3).

One class, two implementations with one parameter layout, tiny-cuda-nn's: a table of all levels one after the
other, a level being a dense lattice where that is small enough and a hash table otherwise.

- `torch`: on a CPU, interpolation is one sparse matrix product: every (level, point) is a row with eight entries,
  the corner weights. Its transpose gives the table's gradient. SciPy's compressed-row kernels do this several
  times faster than gather and index_add_, each level on one thread and hence with the same bits every time. Elsewhere,
  and in double precision, `encode_plain` does it with ordinary indexing.
- `tcnn`: tinycudann.Encoding.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError
from img2mesh.field.sparse_interpolation import Interpolate

PRIMES = (1, 2654435761, 805459861)  # of the paper's hash, equation 4


# Each level's growth is smaller by this share than the resolutions ask for. Where one of them comes out whole, float32
# decides whether tiny-cuda-nn rounds it up to the next, which would shift its whole table against ours.
SHORTFALL = 1e-5


def tcnn_problem() -> str | None:
    """Why tinycudann cannot be used here, in a few words; None where it can."""
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    try:
        import tinycudann  # noqa: F401
    except ModuleNotFoundError as error:
        return "it is not installed" if error.name == "tinycudann" else str(error)
    except (ImportError, OSError, RuntimeError) as error:  # built for another PyTorch, CUDA or GPU
        lines = str(error).strip().splitlines()
        return f"it does not import ({lines[0].rstrip('.')[:160] if lines else type(error).__name__})"
    return None


def tcnn_available() -> bool:
    """Whether tinycudann imports and there is a CUDA device for it."""
    return tcnn_problem() is None


class HashGrid(nn.Module):
    """Points in the unit cube to interpolated features of several grids.

    Args:
        levels: number of grids; level l has about base * (finest / base)^(l / (levels - 1)) cells a side.
        features: values per grid point.
        log2_size: a level holds at most 2^log2_size points; finer lattices share them by hashing.
        base, finest: cells per side of the first and last level.
        implementation: `torch`, `tcnn` or `auto` (tcnn where it is installed and `device` is CUDA).
        device: where the table lies.
        seed: of the initial values, uniform in [-1e-4, 1e-4].

    Raises:
        Img2MeshError: `tcnn` was asked for and is not usable.
    """

    def __init__(
        self,
        levels: int = 8,
        features: int = 2,
        log2_size: int = 15,
        base: int = 16,
        finest: int = 256,
        implementation: str = "auto",
        device: str | torch.device = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__()
        device = torch.device(device)
        if implementation == "auto":
            implementation = "tcnn" if device.type == "cuda" and tcnn_available() else "torch"
        if implementation == "tcnn":
            problem = tcnn_problem() if device.type == "cuda" else f"the field is on the device {device.type}"
            if problem:
                raise Img2MeshError(
                    f"The tcnn hash grid needs a CUDA device and tinycudann, but {problem}: "
                    "see docs/install-gpu.md."
                )
        self.implementation, self.levels, self.features = implementation, levels, features
        self.log2_size, self.base, self.finest = log2_size, base, finest
        growth = (finest / base) ** (1 / max(levels - 1, 1)) * (1 - SHORTFALL)
        # The next lines repeat tiny-cuda-nn's arithmetic: grid points sit at (i - 0.5) / scale.
        self.scales = [base * 2 ** (level * math.log2(growth)) - 1 for level in range(levels)]
        self.resolutions = [math.ceil(scale) + 1 for scale in self.scales]
        capacity = 2**log2_size
        self.sizes = [min(8 * math.ceil(r**3 / 8), capacity) for r in self.resolutions]
        self.offsets = [sum(self.sizes[:level]) for level in range(levels)]
        if implementation == "tcnn":
            # In a tuple, so that its weights have one name, `table`, in every state dict.
            self.backend = (self._tcnn_encoding(growth, seed, device),)
            self.table = self.backend[0].params
        else:
            generator = torch.Generator().manual_seed(seed)
            table = (torch.rand(sum(self.sizes) * features, generator=generator) * 2 - 1) * 1e-4
            self.table = nn.Parameter(table.to(device))

    def _tcnn_encoding(self, growth: float, seed: int, device: torch.device) -> nn.Module:
        import tinycudann

        # float32, since half precision rounds what the surface needs; no loss scale is then applied either
        encoding = tinycudann.Encoding(3, self.tcnn_config(growth), seed=seed, dtype=torch.float32)
        wanted = sum(self.sizes) * self.features
        if encoding.params.numel() != wanted:
            raise Img2MeshError(
                f"This tinycudann lays out {encoding.params.numel()} values where {wanted} were expected: "
                "use --field-backend torch, or the version that docs/install-gpu.md names."
            )
        return encoding.to(device)

    def tcnn_config(self, growth: float) -> dict:
        """The same grid in tiny-cuda-nn's words."""
        return {
            "otype": "HashGrid",
            "n_levels": self.levels,
            "n_features_per_level": self.features,
            "log2_hashmap_size": self.log2_size,
            "base_resolution": self.base,
            "per_level_scale": growth,
            "interpolation": "Linear",
        }

    @property
    def parameters_flat(self) -> nn.Parameter:
        """(sum of level sizes * features,) values in the order both implementations share."""
        table: nn.Parameter = self.table  # type: ignore[assignment]
        return table

    @property
    def width(self) -> int:
        """Number of outputs per point."""
        return self.levels * self.features

    def is_dense(self, level: int) -> bool:
        """Whether each lattice point of a level has an entry of its own."""
        return self.resolutions[level] ** 3 <= self.sizes[level]

    def forward(self, x: Tensor, active: int | None = None) -> Tensor:
        """(N, 3) points in [0, 1] to (N, width) features, float32.

        Args:
            active: only the first `active` levels are looked up; the others are zero (coarse to fine).

        Differentiable in the table; in x only with `tcnn` or `encode_plain`.
        """
        active = self.levels if active is None else active
        if self.implementation == "tcnn":
            encoded = self.backend[0](x)
            keep = torch.arange(self.width, device=x.device) < active * self.features
            return encoded * keep
        if x.device.type != "cpu":
            encoded = self.encode_plain(x, active)
        else:
            encoded = Interpolate.apply(self.table, x.detach(), self, active)
        return nn.functional.pad(encoded, (0, (self.levels - active) * self.features))

    def encode_plain(self, x: Tensor, active: int | None = None) -> Tensor:
        """The readable twin, by plain indexing: (N, active * features); differentiable in x and the table."""
        active = self.levels if active is None else active
        table = self.parameters_flat.to(x.dtype).view(-1, self.features)
        corner = torch.tensor([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], device=x.device)  # (8, 3)
        found = []
        for level in range(active):
            position = x * self.scales[level] + 0.5
            cell = position.detach().floor()
            fraction = (position - cell)[:, None, :]  # (N, 1, 3)
            weight = torch.where(corner.bool(), fraction, 1 - fraction).prod(-1)  # (N, 8)
            index = self._index(cell.long()[:, None, :] + corner, level)  # (N, 8)
            found.append((table[index + self.offsets[level]] * weight[..., None]).sum(1))
        return torch.cat(found, dim=-1)

    def _index(self, point: Tensor, level: int) -> Tensor:
        """(..., 3) int64 lattice points to (...) entries of their level."""
        if self.is_dense(level):
            r = self.resolutions[level]
            entry = point[..., 0] + point[..., 1] * r + point[..., 2] * r * r
        else:
            entry = point[..., 0]
            for axis in (1, 2):
                entry = entry ^ (point[..., axis] * PRIMES[axis] & 0xFFFFFFFF)
        return entry % self.sizes[level]

    def corners(self, x: np.ndarray, active: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Entries of the table, from level `first` on, and weights of the eight corners around each point.

        Args:
            x: (N, 3) float32 in [0, 1].
            active, first: the levels from `first` up to below `active`, L of them.

        Returns:
            (L, N, 8) int32 and (L, N, 8) float32.
        """
        n = len(x)
        entries = np.empty((active - first, n, 8), dtype=np.int32)
        weights = np.empty((active - first, n, 8), dtype=np.float32)
        # Corner after corner over long rows, turned into (N, 8) once: short inner axes do not vectorise.
        entry, weight = np.empty((8, n), dtype=np.int32), np.empty((8, n), dtype=np.float32)
        columns = np.ascontiguousarray(x.T)  # (3, N)
        for level in range(first, active):
            position = columns * np.float32(self.scales[level]) + np.float32(0.5)
            cell = np.floor(position)
            above = position - cell
            share = (1 - above, above)  # of the lower and upper neighbour, (3, N) each
            point = cell.astype(np.int32)
            dense = self.is_dense(level)
            if dense:
                factors: tuple[int, ...] = (1, self.resolutions[level], self.resolutions[level] ** 2)
            else:
                factors = tuple(p - 2**32 if p >= 2**31 else p for p in PRIMES)  # int32 products wrap around
            join = np.add if dense else np.bitwise_xor
            term = [[point[k] * np.int32(factors[k])] for k in range(3)]
            for k in range(3):
                term[k].append(term[k][0] + np.int32(factors[k]))  # the upper neighbour's
            for z in range(2):
                for y in range(2):
                    yz, share_yz = join(term[1][y], term[2][z]), share[y][1] * share[z][2]
                    for x_ in range(2):
                        corner = x_ + 2 * y + 4 * z
                        join(yz, term[0][x_], out=entry[corner])
                        np.multiply(share_yz, share[x_][0], out=weight[corner])
            if not dense:
                entry &= self.sizes[level] - 1
            elif (
                n and point.max() + 1 >= self.resolutions[level]
            ):  # past the lattice: wrap as tiny-cuda-nn does
                entry %= self.sizes[level]
            entry += self.offsets[level] - self.offsets[first]
            np.copyto(entries[level - first], entry.T)
            np.copyto(weights[level - first], weight.T)
        return entries, weights
