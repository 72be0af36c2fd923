"""Read tensors of a safetensors file one by one, without mapping it: memory holds what was asked for only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from img2mesh.errors import Img2MeshError

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_HEADER_LIMIT = 100 << 20  # bytes; the format's own limit


def check_whole(path: Path) -> None:
    """Refuse a file that cannot be what its name says, before anything reads it.

    Raises:
        Img2MeshError: a Git LFS pointer, an empty file, or a safetensors file shorter than its header says.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise Img2MeshError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` there.")
    if size == 0:
        raise Img2MeshError(f"{path} is empty.")
    if path.suffix == ".safetensors":
        SafeFile(path)


class SafeFile:
    """The tensors of a `.safetensors` file by name.

    The format: eight bytes with the length of a JSON header, the header with dtype, shape and byte range of
    every tensor, then the bytes.

    Raises:
        Img2MeshError: not such a file, or cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        size = self.path.stat().st_size
        broken = Img2MeshError(f"{self.path} is cut short (half a download?) or no safetensors file.")
        with self.path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 + length or length > _HEADER_LIMIT:
                raise broken
            try:
                header = json.loads(file.read(length))
                self.metadata = header.pop("__metadata__", {}) or {}
                self._start = 8 + length
                self.tensors = {
                    str(name): (_DTYPES[item["dtype"]], tuple(map(int, item["shape"])), item["data_offsets"])
                    for name, item in header.items()
                }
                ends = [self._range(name)[1] for name in self.tensors]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise broken from None
        if size < max(ends, default=0):
            raise broken

    def __enter__(self) -> SafeFile:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing stays open between reads."""

    def _range(self, name: str) -> tuple[int, int]:
        """First and one past the last byte of a tensor in the file."""
        dtype, shape, (start, end) = self.tensors[name]
        if min(shape, default=0) < 0 or start < 0 or end - start != prod(shape) * dtype.itemsize:
            raise ValueError(name)
        return self._start + start, self._start + end

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every tensor; reads no bytes."""
        return {name: shape for name, (_, shape, _) in self.tensors.items()}

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """One tensor; `dtype` converts floating-point ones."""
        kind, shape, _ = self.tensors[name]
        start, end = self._range(name)
        if start == end:
            return torch.empty(shape, dtype=dtype if dtype and kind.is_floating_point else kind)
        buffer = bytearray(end - start)
        with self.path.open("rb") as file:
            file.seek(start)
            if file.readinto(buffer) != len(buffer):
                raise Img2MeshError(f"{self.path} is cut short: half a download?")
        tensor = torch.frombuffer(buffer, dtype=kind).reshape(shape)
        return tensor.to(dtype) if dtype is not None and kind.is_floating_point else tensor

    def items(self, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
        """All names and tensors, one by one."""
        for name in self.tensors:
            yield name, self.read(name, dtype)

    def check(self) -> str | None:
        """The format has no checksums: nothing to compare."""
        return None
