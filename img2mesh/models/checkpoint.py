"""Read the tensors of a `.ckpt` without running it: a pickle is a program, and this reader has no commands.

A checkpoint is a zip archive with a pickle that describes tensors and one entry of raw bytes per storage.
Only the description is unpickled, with every class replaced by an inert stand-in except the few that
describe tensors; bytes are read when a tensor is asked for, so optimiser states cost nothing.
"""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from img2mesh.errors import Img2MeshError
from img2mesh.models.safetensors_file import check_whole

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_REPEATED = 1 << 20  # elements that a tensor with strides of 0 may make of few
_PICKLE_LIMIT = 256 << 20  # bytes of the description; a real one has under 2 MB


# What zipfile, zlib and torch raise over damaged bytes and impossible shapes.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,  # an entry that begins before the file does
    NotImplementedError,
    ValueError,
    RuntimeError,
)


class Inert:
    """Stands in for every class and function a pickle names: takes anything, does nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Inert:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Inert:
        return Inert()

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """A list's items go nowhere."""

    def extend(self, values: Any) -> None:
        """A list's items go nowhere."""

    def add(self, value: Any) -> None:
        """A set's items go nowhere."""


@dataclass(frozen=True)
class _StorageKind:
    dtype: torch.dtype


@dataclass(frozen=True)
class _Storage:
    dtype: torch.dtype
    key: str
    length: int


@dataclass(frozen=True)
class TensorRecord:
    """A tensor that has not been read: dtype, shape, and where its bytes lie."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """Number format on disk."""
        return self.storage.dtype


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Any:
    if not isinstance(storage, _Storage):
        return Inert()
    return TensorRecord(storage, int(offset), tuple(map(int, shape)), tuple(map(int, stride)))


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


_ALLOWED = {
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("collections", "OrderedDict"): OrderedDict,
}


class _Reader(pickle._Unpickler):
    """Unpickles descriptions of tensors and plain containers; everything else becomes `Inert`.

    Python's own reader, not the one in C, whose memo is an array: one byte code makes it 32 GB long.
    """

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _StorageKind(_DTYPES[name])
        # Not the class itself but a fresh subclass: nothing a pickle does to one reaches another.
        return _ALLOWED.get((module, name)) or type("Inert", (Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        if (
            isinstance(pid, tuple)
            and len(pid) >= 5
            and pid[0] == "storage"
            and isinstance(pid[1], _StorageKind)
        ):
            return _Storage(pid[1].dtype, str(pid[2]), int(pid[4]))
        return Inert()


class Checkpoint:
    """The tensors of a `.ckpt` by name, read one at a time.

    Args:
        path: a zip-format checkpoint of PyTorch 1.6 or newer.

    Raises:
        Img2MeshError: not a checkpoint, cut short, damaged, or holding no tensors.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise Img2MeshError(f"There is no checkpoint {self.path}.")
        check_whole(self.path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise Img2MeshError(f"{self.path} is {_what_else(self.path)}.") from None
        try:
            self.tensors = self._describe()
        except _DAMAGED as error:
            self._zip.close()
            raise Img2MeshError(f"{self.path} is damaged: {type(error).__name__}.") from None
        except BaseException:
            self._zip.close()
            raise
        if not self.tensors:
            self._zip.close()
            raise Img2MeshError(f"{self.path} holds no tensors.")

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._zip.close()

    def _describe(self) -> dict[str, TensorRecord]:
        """Names and records of the state dict, which is under `state_dict` or the whole object."""
        entries = {info.filename: info for info in self._zip.infolist()}
        pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Img2MeshError(f"{self.path} is a zip archive, but no PyTorch checkpoint.")
        self._root = pickles[0].removesuffix("data.pkl")
        self._entries = entries
        if entries[pickles[0]].file_size > _PICKLE_LIMIT:
            raise Img2MeshError(f"{self.path} has a description too large for a checkpoint.")
        order = self._root + "byteorder"
        if order in entries and (entries[order].file_size > 64 or self._zip.read(order).strip() != b"little"):
            raise Img2MeshError(f"{self.path} was written on a big-endian machine, which is not supported.")
        try:
            with self._zip.open(pickles[0]) as file:
                content = _Reader(file).load()
        except Exception:  # whatever a damaged or hostile pickle makes of plain containers
            raise Img2MeshError(f"{self.path} is damaged, or no checkpoint of tensors.") from None
        if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
            content = content["state_dict"]
        if not isinstance(content, dict):
            raise Img2MeshError(f"{self.path} holds no table of tensors.")
        return {str(k): v for k, v in content.items() if isinstance(v, TensorRecord)}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every tensor; reads no bytes."""
        return {name: record.shape for name, record in self.tensors.items()}

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """One tensor, contiguous; `dtype` converts floating-point ones.

        Raises:
            Img2MeshError: its bytes are missing or fewer than its shape says.
        """
        try:
            return self._read(name, dtype)
        except _DAMAGED as error:
            raise Img2MeshError(f"{self.path} is damaged: {name}, {type(error).__name__}.") from None

    def _read(self, name: str, dtype: torch.dtype | None) -> Tensor:
        record = self.tensors[name]
        size = torch.empty(0, dtype=record.dtype).element_size()
        reach = sum((n - 1) * s for n, s in zip(record.shape, record.stride, strict=True))
        if 0 in record.shape:
            return torch.empty(record.shape, dtype=dtype or record.dtype)
        repeated = math.prod(record.shape) > max(reach + 1, _REPEATED)
        if record.offset < 0 or min(record.stride, default=0) < 0 or repeated:
            raise Img2MeshError(f"{self.path} is damaged: {name} has an impossible layout.")
        buffer = self._bytes(record.storage.key, record.offset * size, (reach + 1) * size, name)
        tensor = torch.frombuffer(buffer, dtype=record.dtype).as_strided(record.shape, record.stride)
        if dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        return tensor.contiguous()

    def items(self, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
        """All names and tensors, one by one."""
        for name in self.tensors:
            yield name, self.read(name, dtype)

    def _bytes(self, key: str, start: int, length: int, name: str) -> bytearray:
        info = self._entries.get(f"{self._root}data/{key}")
        if info is None or info.file_size < start + length:
            raise Img2MeshError(f"{self.path} is damaged: the bytes of {name} are missing.")
        buffer = bytearray(length)
        if info.compress_type != zipfile.ZIP_STORED:  # PyTorch never compresses, but zip tools do
            with self._zip.open(info) as file:
                file.seek(start)
                buffer[:] = file.read(length)
            return buffer
        with self.path.open("rb") as file:
            file.seek(info.header_offset + 26)
            skip = sum(struct.unpack("<HH", file.read(4)))  # lengths of the entry's name and extra field
            file.seek(info.header_offset + 30 + skip + start)
            if file.readinto(buffer) != length:
                raise Img2MeshError(f"{self.path} is cut short: half a download?")
        return buffer

    def check(self) -> str | None:
        """Compare every entry with its checksum; the name of the first damaged one, or None.

        Raises:
            Img2MeshError: the archive is too damaged to tell.
        """
        try:
            return self._zip.testzip()
        except _DAMAGED as error:
            raise Img2MeshError(f"{self.path} is damaged: {type(error).__name__}.") from None


def is_zip(path: Path) -> bool:
    """Whether a file is in the format that PyTorch writes since 1.6, going by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _what_else(path: Path) -> str:
    """What a file that is no zip archive may be."""
    with path.open("rb") as file:
        start = file.read(16)
    if start[:2] == b"PK":
        return "cut short: half a download"
    if start[:1] == b"\x80":
        return "a checkpoint in the format before PyTorch 1.6: save it again with a newer PyTorch"
    if start.lstrip()[:1] == b"<":
        return "a web page, not a checkpoint: the download link asked for something"
    return "no PyTorch checkpoint"
