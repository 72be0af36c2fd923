"""Packages that a later stage needs, imported while this one computes."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def preloaded(*modules: str) -> Iterator[None]:
    """Import packages on another core; at the end of the block that is over. Those that cannot be had are left out.

    The block itself must import nothing that they import: two threads in one circle of imports see half of it.
    """

    def load() -> None:
        for name in modules:
            with contextlib.suppress(Exception):  # whoever needs it will say so
                importlib.import_module(name)

    thread = threading.Thread(target=load, name="preload", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
