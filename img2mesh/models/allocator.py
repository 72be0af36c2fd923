"""How the C library hands out the memory of large tensors; glibc's allocator only, elsewhere nothing happens."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's mallopt


def steady_memory() -> contextlib.AbstractContextManager[None]:
    """Keep freed memory for the next tensor inside of the block, and give it back at its end.

    By default every large tensor is mapped anew, and the kernel clears it page by page before it is overwritten
    anyway: a fifth of the time of a wide linear layer.
    """
    return _allocator(mapped_from=1 << 30, kept=(1 << 31) - 1)


def lean_memory() -> contextlib.AbstractContextManager[None]:
    """Give every large tensor's memory back as soon as it is freed: for weights that are read, converted and stay.

    By default tensors of up to 32 MB come to lie among smaller ones, and what is freed between them stays lost.
    """
    return _allocator(mapped_from=1 << 18, kept=1 << 20)


@contextlib.contextmanager
def _allocator(mapped_from: int, kept: int) -> Iterator[None]:
    """Tensors from so many bytes on are mapped on their own; so many free bytes are kept at the heap's end.

    Afterwards the largest values are set that glibc would have come to by itself.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_THRESHOLD, mapped_from)
        libc.mallopt(_TRIM_THRESHOLD, kept)
    except (OSError, AttributeError):
        yield
        return
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_TRIM_THRESHOLD, 64 << 20)
        libc.malloc_trim(0)
