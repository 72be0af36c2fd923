"""A pool of workers with a bounded queue before it, and a thread that listens to it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from img2mesh.jobs.events import Event, Finished
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import CANCELLED, DEFECT, Outcome
from img2mesh.jobs.pool import Pool

REST = 900.0  # idle seconds after which the workers end, so that their memory is free for others
_LISTEN = 0.1  # seconds


class Lane:
    """Items are made in their order, as many at once as the pool has workers.

    Args:
        new_pool: makes a pool; another one if it should break.
        heard: called with every event, in the lane's thread.
    """

    def __init__(
        self, new_pool: Callable[[], Pool], heard: Callable[[Event], None], name: str = "lane"
    ) -> None:
        self.new_pool, self.heard = new_pool, heard
        self.pool = new_pool()
        self.waiting: deque[Item] = deque()
        self.cancelled: set[str] = set()
        self.changed = threading.Condition()
        self.closing = False
        self.thread = threading.Thread(target=self._run, name=f"img2mesh-{name}", daemon=True)
        self.thread.start()

    def submit(self, item: Item) -> None:
        """Queue an item."""
        with self.changed:
            self.waiting.append(item)
            self.changed.notify()

    def cancel(self, name: str) -> None:
        """End an item; its `Finished` tells, unless it has ended already."""
        with self.changed:
            self.cancelled.add(name)
            self.changed.notify()

    def queued(self) -> list[str]:
        """Names of the items that wait, the next first."""
        with self.changed:
            return [item.name for item in self.waiting]

    def close(self) -> None:
        """End the workers; what they are making is lost."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join(30)

    def _run(self) -> None:
        while not self.closing:
            try:
                self._turn()
            except Exception as error:  # a defect of ours must not leave jobs that never end
                names = self.pool.running()
                self.pool.close(kill=True)
                self.pool = self.new_pool()
                text = f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:200].rstrip('.')}."
                for name in names:
                    self.heard(Finished(name, Outcome(name, text, DEFECT)))
        self.pool.close(kill=True)

    def _turn(self) -> None:
        with self.changed:
            if not (self.waiting or self.cancelled or self.closing or self.pool.running()):
                woken = self.changed.wait(REST)
                if not woken and self.pool.workers:
                    self.pool.close()
            gone, self.cancelled = self.cancelled, set()
            dropped = [item for item in self.waiting if item.name in gone]
            for item in dropped:
                self.waiting.remove(item)
            ready = [self.waiting.popleft() for _ in range(min(self.pool.room(), len(self.waiting)))]
        for item in dropped:
            self.heard(Finished(item.name, Outcome(item.name, "cancelled.", CANCELLED)))
        for name in gone:
            self.pool.cancel(name)
        for item in ready:
            self.pool.submit(item)
        if self.pool.running() or gone:
            for event in self.pool.poll(_LISTEN):
                self.heard(event)
