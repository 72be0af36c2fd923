"""The tensors of a `.safetensors` file one by one, through the format's own reader, with errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from img2mesh.errors import Img2MeshError


def check_whole(path: Path) -> None:
    """Refuse a file that cannot be what its name says, before anything reads it.

    Raises:
        Img2MeshError: a Git LFS pointer, an empty file, or a safetensors file shorter than its header says.
    """
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise Img2MeshError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` there.")
    if not start:
        raise Img2MeshError(f"{path} is empty.")
    if path.suffix == ".safetensors":
        SafeFile(path)


class SafeFile:
    """The tensors of a `.safetensors` file by name.

    Raises:
        Img2MeshError: not such a file, or cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = safe_open(self.path, framework="pt")
        except (SafetensorError, OSError, ValueError):
            raise Img2MeshError(
                f"{self.path} is cut short (half a download?) or no safetensors file."
            ) from None
        self.metadata: dict[str, str] = self._file.metadata() or {}

    def __enter__(self) -> SafeFile:
        return self

    def __exit__(self, *exc: object) -> None:
        """The file is closed with the last tensor that was read from it."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every tensor; reads no bytes."""
        return {name: tuple(self._file.get_slice(name).get_shape()) for name in self._file.keys()}

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """One tensor; `dtype` converts floating-point ones."""
        tensor: Tensor = self._file.get_tensor(name)
        return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor

    def items(self, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
        """All names and tensors, one by one."""
        for name in self._file.keys():
            yield name, self.read(name, dtype)

    def check(self) -> str | None:
        """The format has no checksums: nothing to compare."""
        return None
