"""What a worker tells of an item, in the order in which it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from img2mesh.core.progress import Progress
from img2mesh.jobs.outcome import Cancelled, Outcome

_PAUSE = 0.2  # seconds between two steps that are told


@dataclass(frozen=True)
class Began:
    """The model is loaded, and the item's first stage begins."""

    name: str


@dataclass(frozen=True)
class Stage:
    """A stage begins (`done` 0) or has made some of its `total` steps (0: not counted)."""

    name: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Said:
    """A line for the user."""

    name: str
    text: str
    warning: bool = False


@dataclass(frozen=True)
class Converted:
    """The mesh is made and being written; the worker takes the next item."""

    name: str


@dataclass(frozen=True)
class Finished:
    """The end."""

    name: str
    outcome: Outcome


Event = Began | Stage | Said | Converted | Finished
Send = Callable[[Event], None]


class Reporter(Progress):
    """Makes events of what the pipeline says, and stops it where its item was cancelled."""

    def __init__(self, name: str, send: Send, cancelled: Callable[[str], bool] = lambda name: False) -> None:
        super().__init__()
        self.name, self.send, self.cancelled = name, send, cancelled

    def note(self, text: str) -> None:
        self.send(Said(self.name, text))

    def warn(self, text: str) -> None:
        self.send(Said(self.name, text, warning=True))

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[..., None]]:
        self._check()
        with super().stage(name, total) as step:
            yield step

    def _check(self) -> None:
        if self.cancelled(self.name):
            raise Cancelled

    def _begin(self, name: str, total: int) -> Callable[..., None]:
        self.send(Stage(self.name, name, 0, total))
        done, told = 0, time.monotonic()

        def step(n: int = 1) -> None:
            nonlocal done, told
            self._check()
            done += n
            now = time.monotonic()
            if now - told > _PAUSE:
                told = now
                self.send(Stage(self.name, name, done, total))

        return step
