"""Items made in this very process: no time limit, and what crashes takes the caller along. For tests and debuggers."""

from __future__ import annotations

import time
from collections import deque

from img2mesh.jobs.events import Converted, Event, Finished, Reporter
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import CANCELLED, Outcome
from img2mesh.jobs.session import Session, Work


class Inline:
    """The calls of `Pool`; `poll` makes one item."""

    def __init__(self, work: Work) -> None:
        self.session = Session(work)
        self.queue: deque[Item] = deque()
        self.events: list[Event] = []

    def room(self) -> int:
        """See `Pool`."""
        return 1 - min(1, len(self.queue))

    def running(self) -> list[str]:
        """See `Pool`."""
        return [item.name for item in self.queue]

    def submit(self, item: Item) -> None:
        """See `Pool`."""
        self.queue.append(item)

    def cancel(self, name: str) -> None:
        """See `Pool`; what is already being made goes on."""
        for item in [item for item in self.queue if item.name == name]:
            self.queue.remove(item)
            self.events.append(Finished(name, Outcome(name, "cancelled.", CANCELLED)))

    def poll(self, seconds: float) -> list[Event]:
        """Make the next item, whose events are all there at the end."""
        if self.queue:
            item = self.queue.popleft()
            made = self.session.make(item, Reporter(item.name, self.events.append))
            if not isinstance(made, Outcome):
                self.events.append(Converted(item.name))
                made = self.session.write(made)
            self.events.append(Finished(item.name, made))
        elif not self.events:
            time.sleep(seconds)
        events, self.events = self.events, []
        return events

    def close(self, kill: bool = False) -> None:
        """See `Pool`."""
        self.session.model = None
