"""Worker processes of this machine, as `Pool` sees them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, Protocol

from img2mesh.jobs import worker
from img2mesh.jobs.capacity import Capacity, memory_for_another
from img2mesh.jobs.events import Event
from img2mesh.jobs.outcome import CRASH, MEMORY
from img2mesh.jobs.session import Work


class Link(Protocol):
    """The parent's end of a worker."""

    def send(self, word: str, value: Any) -> None:
        """A message for `worker.serve`; one to a dead worker is lost."""

    def receive(self) -> tuple[list[Event], bool]:
        """What it said since the last call, and whether it can say more."""

    def kill(self) -> None:
        """End it at once."""

    def close(self, seconds: float) -> None:
        """Give it so long to end by itself, then end it; free what it holds."""

    def death(self) -> tuple[str, str]:
        """Category and words for how a worker ended that nobody told to."""


class Launcher(Protocol):
    """Makes workers."""

    jobs: int

    def may_start(self, links: Sequence[Any], worker_gb: float) -> bool:
        """Whether there is memory for one more beside those."""

    def start(self, slot: int) -> Link:
        """A new worker; `slot` is the lowest number that no other has."""

    def wait(self, links: Sequence[Any], seconds: float) -> None:
        """Until one of them says something or dies, so long at most."""

    def close(self) -> None:
        """No more workers will be started."""


class Processes:
    """The `Launcher` of this machine's processes."""

    def __init__(self, work: Work, capacity: Capacity) -> None:
        self.work, self.capacity, self.jobs = work, capacity, capacity.jobs

    def may_start(self, links: Sequence[ProcessLink], worker_gb: float) -> bool:
        """The first always."""
        return not links or memory_for_another(worker_gb, [link.pid for link in links])

    def start(self, slot: int) -> ProcessLink:
        """Spawned, not forked: threads and GPUs do not survive a fork."""
        return ProcessLink(self.work, self.capacity.environment(slot))

    def wait(self, links: Sequence[ProcessLink], seconds: float) -> None:
        """See `Launcher`."""
        wait([*(link.connection for link in links), *(link.process.sentinel for link in links)], seconds)

    def close(self) -> None:
        """See `Launcher`."""


class ProcessLink:
    """A process and the pipe to it."""

    def __init__(self, work: Work, environment: dict[str, str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=worker.serve, args=(theirs, work, environment), daemon=True)
        with _interrupts_ignored(), _variables(environment):
            self.process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid or 0

    def send(self, word: str, value: Any) -> None:
        """See `Link`."""
        try:
            self.connection.send((word, value))
        except OSError:
            pass

    def receive(self) -> tuple[list[Event], bool]:
        """See `Link`."""
        alive, events = (
            self.process.is_alive(),
            [],
        )  # asked first: what a dead one said is all there to be read
        try:
            while self.connection.poll():
                events.append(self.connection.recv())
        except (EOFError, OSError):
            return events, False
        return events, alive

    def kill(self) -> None:
        """See `Link`."""
        self.process.kill()

    def close(self, seconds: float) -> None:
        """See `Link`."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()

    def death(self) -> tuple[str, str]:
        """The kernel ends processes by SIGKILL where memory is short."""
        code = self.process.exitcode
        if code is None or code >= 0:
            return CRASH, f"exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return (MEMORY, f"{name}: too little memory?") if name == "SIGKILL" else (CRASH, name)


@contextmanager
def _variables(environment: dict[str, str]) -> Iterator[None]:
    """A process that starts inherits them: its main module may import numpy before the worker could set anything."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process that starts inherits that Ctrl-C is ignored, so that none strikes before it says so itself."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread, which alone has handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
