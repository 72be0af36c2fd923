"""Workers that are started when they are needed, watched, and replaced when they die."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from img2mesh.jobs import worker
from img2mesh.jobs.capacity import WORKER_GB
from img2mesh.jobs.events import Began, Converted, Event, Finished, Said
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import CANCELLED, TIMEOUT, Outcome
from img2mesh.jobs.processes import Launcher, Link

RETRIES = 1  # of an item whose worker died: the death need not be its fault
PATIENCE = 10.0  # seconds that a cancelled item has before its worker is ended


@dataclass(eq=False)
class _Worker:
    slot: int  # decides the GPU
    link: Link
    items: dict[str, Item] = field(default_factory=dict)  # at most one that is made and one that is written
    making: str | None = None
    deadlines: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, Outcome] = field(default_factory=dict)  # of items for whose sake it was killed


class Pool:
    """Runs items in workers.

    Args:
        launcher: makes the workers; one starts only when there is an item and memory for it.
        timeout: seconds that an item may take, the loading of the model aside; None: any.
        worker_gb: memory that a worker needs, in GB (1e9 bytes); measured values take its place.
    """

    def __init__(
        self,
        launcher: Launcher,
        timeout: float | None = None,
        worker_gb: float = WORKER_GB,
    ) -> None:
        self.launcher, self.timeout, self.worker_gb = launcher, timeout, worker_gb
        self.queue: deque[Item] = deque()
        self.workers: list[_Worker] = []
        self.deaths: dict[str, int] = {}
        self.events: deque[Event] = deque()
        self.looked = 0.0

    def room(self) -> int:
        """How many more items could begin now."""
        making = sum(worker.making is not None for worker in self.workers)
        return max(0, self.launcher.jobs - making - len(self.queue))

    def running(self) -> list[str]:
        """Names of the items that were submitted and have not ended."""
        return [item.name for item in self.queue] + [name for w in self.workers for name in w.items]

    def submit(self, item: Item) -> None:
        """Queue an item; events tell what becomes of it."""
        self.queue.append(item)
        self._dispatch()

    def cancel(self, name: str) -> None:
        """End an item; its `Finished` says so, unless it ends by itself before."""
        for item in [item for item in self.queue if item.name == name]:
            self.queue.remove(item)
            self._finish(Outcome(name, "cancelled.", CANCELLED))
        for each in self.workers:
            if name in each.items:
                each.verdicts.setdefault(name, Outcome(name, "cancelled.", CANCELLED))
                each.deadlines[name] = min(
                    each.deadlines.get(name, float("inf")), time.monotonic() + PATIENCE
                )
                each.link.send(worker.CANCEL, name)

    def poll(self, seconds: float) -> list[Event]:
        """What happened; waits so long for something if nothing has."""
        self._dispatch()
        now = time.monotonic()
        due = min((t for w in self.workers for t in w.deadlines.values()), default=now + seconds)
        pause = 0.0 if self.events else max(0.0, min(seconds, due - now))
        if self.workers:
            self.launcher.wait([w.link for w in self.workers], pause)
        elif pause:
            time.sleep(pause)
        for each in list(self.workers):
            events, alive = each.link.receive()
            for event in events:
                self._heard(each, event)
            if not alive:
                self._bury(each)
        self._end_late_ones()
        self._dispatch()
        happened = list(self.events)
        self.events.clear()
        return happened

    def close(self, kill: bool = False) -> None:
        """End all workers; what they are still making is lost."""
        for each in self.workers:
            if kill:
                each.link.kill()
            else:
                each.link.send(worker.STOP, None)
        for each in self.workers:
            each.link.close(0 if each.items or kill else 10)
        self.workers.clear()
        self.launcher.close()

    def _dispatch(self) -> None:
        while self.queue:
            item = self.queue[0]
            free = [w for w in self.workers if w.making is None and not w.verdicts and self._fits(w, item)]
            if not free and len(self.workers) < self.launcher.jobs:
                started = self._start()
                free = [started] if started is not None else []
            if not free:
                return
            each = min(free, key=lambda w: len(w.items))
            self.queue.popleft()
            each.items[item.name], each.making = item, item.name
            each.link.send(worker.CONVERT, item)

    def _fits(self, each: _Worker, item: Item) -> bool:
        """An item whose worker died shares its next one with no other: if that dies as well, it was this item."""
        others = [name for name in each.items if name in self.deaths]
        return not each.items or (item.name not in self.deaths and not others)

    def _start(self) -> _Worker | None:
        now = time.monotonic()
        if self.workers and now - self.looked < 1.0:
            return None
        self.looked = now
        if not self.launcher.may_start([w.link for w in self.workers], self.worker_gb):
            return None
        slot = min(set(range(self.launcher.jobs)) - {w.slot for w in self.workers})
        started = _Worker(slot, self.launcher.start(slot))
        self.workers.append(started)
        return started

    def _heard(self, each: _Worker, event: Event) -> None:
        if isinstance(event, Finished):
            each.items.pop(event.name, None)
            each.deadlines.pop(event.name, None)
            verdict = each.verdicts.pop(event.name, None)
            if verdict is not None and verdict.category == TIMEOUT:
                return self._finish(verdict)
            memory = event.outcome.memory_mb
            if memory is not None:
                self.worker_gb = max(self.worker_gb, 1.1 * memory / 1000)
            if each.making == event.name:
                each.making = None
            return self._finish(event.outcome)
        if isinstance(event, Converted) and each.making == event.name:
            each.making = None
        if isinstance(event, Began) and self.timeout is not None:
            each.deadlines.setdefault(event.name, time.monotonic() + self.timeout)
        self.events.append(event)

    def _finish(self, outcome: Outcome) -> None:
        self.deaths.pop(outcome.name, None)
        self.events.append(Finished(outcome.name, outcome))

    def _end_late_ones(self) -> None:
        now = time.monotonic()
        for each in self.workers:
            for name, due in list(each.deadlines.items()):
                if now >= due:
                    text = f"took longer than the {self.timeout:g} s of --timeout." if self.timeout else ""
                    each.verdicts.setdefault(name, Outcome(name, text, TIMEOUT, self.timeout or 0.0))
                    each.deadlines.pop(name)
                    each.link.kill()

    def _bury(self, each: _Worker) -> None:
        """A worker died: its items end by its verdicts, or are tried again."""
        each.link.close(5)
        self.workers.remove(each)
        judged = bool(each.verdicts)
        for name, item in reversed(each.items.items()):
            if name in each.verdicts:
                self._finish(each.verdicts[name])
            elif judged:  # killed for the sake of the other item
                self.queue.appendleft(item)
            else:
                self.deaths[name] = self.deaths.get(name, 0) + 1
                category, how = each.link.death()
                if self.deaths[name] > RETRIES:
                    self._finish(Outcome(name, f"its worker died twice ({how}).", category))
                else:
                    self.queue.appendleft(item)
                    self.events.append(Said(name, f"its worker died ({how}); trying once more", warning=True))
