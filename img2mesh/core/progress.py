"""What the program says while it works: bars on a terminal, plain lines elsewhere, nothing for callers."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """A silent listener; the stages of the pipeline talk to this class only.

    Use: `with progress.stage("fit field", 300) as step: ... step(1)`. `seconds` maps each finished stage to
    its wall time and goes into the report.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._made: float | None = time.perf_counter()

    def begin(self) -> float:
        """When the run that now begins began, by `time.perf_counter`: for the first, when this listener was made.

        Loading PyTorch, which comes before everything else, is then counted.
        """
        began, self._made = self._made, None
        return time.perf_counter() if began is None else began

    def note(self, text: str) -> None:
        """Say one line."""

    def warn(self, text: str) -> None:
        """Say one line that the user should read; it is also kept in the report by whoever found it."""

    def status(self, text: str) -> None:
        """What is going on, until the next line."""

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[..., None]]:
        """Time a stage; yields `step(n=1)`, to be called as its `total` units get done."""
        start = time.perf_counter()
        step = self._begin(name, total)
        try:
            yield step
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            self._end(name, time.perf_counter() - start)

    def _begin(self, name: str, total: int) -> Callable[..., None]:
        return lambda n=1: None

    def _end(self, name: str, seconds: float) -> None:
        pass


class ConsoleProgress(Progress):
    """Writes to stderr: a moving bar where it is a terminal, a line per finished stage where it is not."""

    def __init__(self, verbose: bool = False) -> None:
        super().__init__()
        self.verbose = verbose
        self.live = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self.warned = 0

    def note(self, text: str) -> None:
        clear = "\r\033[K" if self.live else ""  # a bar may stand on this line
        print(f"{clear}{text}", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        self.warned += 1
        self.note(f"warning: {text}")

    def status(self, text: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{text[:width]}", end="", file=sys.stderr, flush=True)

    def count_warnings(self) -> None:
        """A last line that says how many warnings there were, where there were any."""
        if self.warned:
            self.note("1 warning, see above." if self.warned == 1 else f"{self.warned} warnings, see above.")

    def _begin(self, name: str, total: int) -> Callable[..., None]:
        done, drawn = 0, 0.0

        def step(n: int = 1) -> None:
            nonlocal done, drawn
            done += n
            now = time.perf_counter()
            if self.live and total and (now - drawn > 0.1 or done >= total):
                drawn = now
                filled = int(30 * min(done / total, 1.0))
                bar = "#" * filled + "-" * (30 - filled)
                print(f"\r{name:<18} [{bar}] {done}/{total}", end="", file=sys.stderr, flush=True)

        if self.live and total:
            step(0)
        return step

    def _end(self, name: str, seconds: float) -> None:
        if self.live:
            print(f"\r\033[K{name:<18} {seconds:6.1f} s", file=sys.stderr, flush=True)
        else:
            print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)
