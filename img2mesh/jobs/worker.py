"""The process of a worker: items come through a pipe, events go back; it dies with its parent.

A photo is converted while the mesh before it is being written in a second thread.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from img2mesh.jobs.events import Converted, Event, Finished, Reporter
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import Outcome
from img2mesh.jobs.session import Made, Session, Work

STOP, CONVERT, CANCEL = "stop", "convert", "cancel"


class Line(Protocol):
    """The worker's end of what links it to its parent."""

    def send(self, event: Event) -> None: ...
    def recv(self) -> tuple[str, Any]: ...


def serve(connection: Line, work: Work, environment: dict[str, str]) -> None:
    """Convert items until told to stop.

    Args:
        connection: carries (`STOP`, None), (`CONVERT`, item) or (`CANCEL`, name) in, events out.
        environment: variables to set before anything heavy is imported: threads, the GPU.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    Worker(connection, work).run()


class Worker:
    """The loop of a worker; it ends the process when the parent is gone."""

    def __init__(self, connection: Line, work: Work) -> None:
        self.connection, self.session = connection, Session(work)
        self.inbox: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self.cancelled: set[str] = set()
        self.sending = threading.Lock()

    def run(self) -> None:
        """Until told to stop."""
        threading.Thread(target=self._listen, daemon=True).start()
        with ThreadPoolExecutor(1) as writer:
            writing: Future[None] | None = None
            while (item := self.inbox.get()) is not None:
                made = self.session.make(item, Reporter(item.name, self._send, self.cancelled.__contains__))
                if writing is not None:
                    writing.result()  # at most one mesh waits to be written
                if isinstance(made, Outcome):
                    writing = None
                    self._finish(made)
                else:
                    self._send(Converted(item.name))
                    writing = writer.submit(self._write, made)
                del made

    def _write(self, made: Made) -> None:
        self._finish(self.session.write(made))

    def _finish(self, outcome: Outcome) -> None:
        self.cancelled.discard(outcome.name)
        self._send(Finished(outcome.name, outcome))

    def _send(self, event: Event) -> None:
        with self.sending:
            try:
                self.connection.send(event)
            except OSError:
                os._exit(1)  # the parent is gone

    def _listen(self) -> None:
        while True:
            try:
                message: tuple[str, Any] = self.connection.recv()
            except (EOFError, OSError):
                os._exit(1)  # the parent is gone: nobody would learn of what is made from now on
            word, value = message
            if word == CANCEL:
                self.cancelled.add(value)
            else:
                self.inbox.put(value if word == CONVERT else None)
                if word == STOP:
                    return
