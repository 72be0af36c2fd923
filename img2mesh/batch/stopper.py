"""Ctrl-C: once, the batch finishes what is being made; twice, it stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Stopper:
    """Use it as a context around a batch; where Ctrl-C is ignored, or outside of the main thread, it stays as it is.

    Attributes:
        asked: whether to stop.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Stopper:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
