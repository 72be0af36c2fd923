"""A batch: a plan, a pool, a journal, and the loop between them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from img2mesh.batch.journal import Record
from img2mesh.batch.keys import item_key
from img2mesh.batch.plan import Plan
from img2mesh.batch.reports import Reports
from img2mesh.batch.rows import record
from img2mesh.batch.stopper import Stopper
from img2mesh.batch.summary import Pace, Summary
from img2mesh.batch.watch import INTERVAL, Watcher
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.jobs.events import Event, Finished, Said, Stage
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import CANCELLED, CRASH, MEMORY, MODEL, OUTPUT, Outcome
from img2mesh.outputs import check_room, run_bytes

DEATHS = 5  # items in a row that ended their worker: something else is wrong than the photos

OnDone = Callable[[Record, "dict[str, Any] | None"], None]


class Executor(Protocol):
    """The calls of `jobs.pool.Pool`."""

    def room(self) -> int: ...
    def running(self) -> list[str]: ...
    def submit(self, item: Item) -> None: ...
    def poll(self, seconds: float) -> list[Event]: ...
    def close(self, kill: bool = False) -> None: ...


class Batch:
    """One run over a job folder that is held.

    Args:
        pool: makes the items.
        on_done: called with the record and the report of every item that ends; what it raises becomes a warning.
    """

    def __init__(
        self,
        plan: Plan,
        pool: Executor,
        reports: Reports,
        progress: Progress,
        on_done: OnDone | None = None,
    ) -> None:
        self.plan, self.pool, self.reports, self.progress, self.on_done = (
            plan,
            pool,
            reports,
            progress,
            on_done,
        )
        self.summary, self.pace = Summary(), Pace()
        self.todo: deque[Item] = deque()
        self.stages: dict[str, str] = {}
        self.deaths = 0
        self.scanned = self.cost = 0.0
        self.bytes = run_bytes(plan.request.settings, plan.request.keep is not None)

    def run(self, todo: list[Item], stopper: Stopper) -> Summary:
        """Make the items, and those that turn up meanwhile.

        Raises:
            Img2MeshError: the model cannot be loaded.
        """
        self.todo.extend(todo)
        self.summary.before, self.summary.stale = len(self.plan.done), len(self.plan.failed)
        with Watcher(self.plan.request.inputs) as watcher:
            try:
                while self._turn(stopper, watcher):
                    pass
            except BaseException:
                self.pool.close(kill=True)
                raise
            self.pool.close()
        self.summary.total = len(self.plan.items)
        self.summary.left = len(self.todo) + self.summary.left
        self.summary.seconds = self.pace.seconds
        return self.summary

    def _turn(self, stopper: Stopper, watcher: Watcher) -> bool:
        """Hand out items, listen; False where there is nothing more to do."""
        if stopper.asked and not self.summary.interrupted:
            self.summary.interrupted = True
            number = len(self.pool.running())
            self.stop("Stopped by Ctrl-C.")
            self.progress.note(f"stopping: {number} being made will be finished; Ctrl-C again stops at once.")
        stopping = self.summary.reason is not None
        if not stopping:
            self._hand_out()
            stopping = self.summary.reason is not None
        idle = not self.pool.running()
        if idle and stopping:
            return False
        watching = self.plan.request.watch
        if idle and not self.todo and not watching and not self.pace.ended:
            return False
        if idle and not self.todo and not self._look_again(force=not watching):
            if not watching:
                return False
        elif watching and not stopping and watcher.changed():
            self._look_again(force=False)
        for event in self.pool.poll(0.5):
            self._heard(event)
        self.reports.page_now_and_then(self._standing())
        return True

    def stop(self, reason: str) -> None:
        """Hand nothing more out."""
        self.summary.reason = self.summary.reason or reason

    def _hand_out(self) -> None:
        while self.todo and self.pool.room():
            try:
                check_room(self.plan.place.folder, self.bytes)
            except Img2MeshError as error:
                return self.stop(str(error))
            self.pace.begin()
            self.pool.submit(self.todo.popleft())

    def _look_again(self, force: bool) -> bool:
        """Whether there is more to make than there was; at most a twentieth of the time is spent on looking."""
        now = time.monotonic()
        if not force and now - self.scanned < max(INTERVAL, 20 * self.cost):
            return False
        busy = [*self.pool.running(), *(item.name for item in self.todo)]
        try:
            more = self.plan.scan(busy)
        except Img2MeshError as error:  # the list is being edited, or a folder went away
            if self.plan.request.watch:
                self.progress.warn(str(error))
            more = []
        self.scanned, self.cost = time.monotonic(), time.monotonic() - now
        self.todo.extend(more)
        return bool(more)

    def _heard(self, event: Event) -> None:
        if isinstance(event, Said) and event.warning:
            self.progress.warn(f"{self._called(event.name)}: {event.text}")
        elif isinstance(event, Stage):
            share = f" {100 * event.done // event.total} %" if event.total else ""
            self.stages[event.name] = f"{event.stage}{share}"
            self._show()
        elif isinstance(event, Finished):
            self.stages.pop(event.name, None)
            self._ended(event.outcome)

    def _ended(self, outcome: Outcome) -> None:
        if outcome.category == MODEL:
            raise Img2MeshError(outcome.error or "")
        if outcome.category in (OUTPUT, CANCELLED):
            self.summary.left += 1
            return self.stop(f"{self._called(outcome.name)}: {outcome.error} The batch stops.")
        name = outcome.name
        item, entry = self.plan.items[name], self.plan.entries[name]
        place = self.plan.place
        made = record(item, entry, outcome, item_key(item, place.job), place.folder.absolute())
        self.pace.ended += 1
        (self.summary.failed if outcome.error else self.summary.made).append(made)
        self._tell(made)
        try:
            place.journal.append(made)
            self.reports.append(made, outcome.report)
        except OSError as error:
            self.stop(f"Cannot write into {place.folder}: {error.strerror}. The batch stops.")
        self.deaths = self.deaths + 1 if outcome.category in (CRASH, MEMORY) else 0
        if self.deaths >= DEATHS:
            self.stop(f"{DEATHS} items in a row ended their worker ({outcome.error}) The batch stops.")
        if self.on_done is not None:
            try:
                self.on_done(made, outcome.report)
            except Exception as problem:
                self.progress.warn(f"{entry.source}: {type(problem).__name__}: {problem}")

    def _tell(self, made: Record) -> None:
        if made["error"]:
            return self.progress.warn(f"{made['source']}: {made['error_category']}: {made['error']}")
        left = len(self.todo) + len(self.pool.running())
        expected = self.pace.expected(left)
        self.progress.note(
            f"[{self.pace.ended}/{self.pace.ended + left}] {made['source']}: {made['seconds']:.1f} s"
            + (f"; {expected}" if expected else "")
        )

    def _show(self) -> None:
        parts = [f"{self._called(name)} {stage}" for name, stage in list(self.stages.items())[:3]]
        self.progress.status(f"{self.pace.ended} done, {len(self.todo)} to come; {', '.join(parts)}")

    def _called(self, name: str) -> str:
        entry = self.plan.entries.get(name)
        return entry.source if entry is not None else name

    def _standing(self) -> Callable[[], list[Record]]:
        return lambda: standing(self.plan)


def standing(plan: Plan) -> list[Record]:
    """Records for the reports: of all items of a plan that have ended, then of meshes that other inputs led to."""
    records = plan.place.journal.records
    found = [(records[name], plan.items[name]) for name in plan.items if name in records]
    own = [each for each, item in found if each.get("key") == item_key(item, plan.place.job)]
    others = [
        each for name, each in records.items() if name not in plan.items and each.get("status") == "done"
    ]
    return own + [each for each in others if plan.whole(each.get("files", {}))]
