"""What a run of a batch came to: counted, and in a few lines."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from img2mesh.batch.journal import Record
from img2mesh.timing import in_words

_NAMED, _LISTED = 5, 20  # names in one sentence; failures with a line of their own
_PACED = 10  # meshes from which on their number by the hour says something


@dataclass
class Summary:
    """Counts of a run.

    Attributes:
        total: items that the batch has.
        before: of them, made by earlier runs; stale: failed in earlier runs and not tried again.
        made, failed: records of this run.
        left: items that were not tried.
        reason: a sentence, where the run ended before its work did.
        interrupted: whether the user ended it.
        seconds: wall time from the first item to the last.
    """

    total: int = 0
    before: int = 0
    stale: int = 0
    made: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    left: int = 0
    reason: str | None = None
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every item has its mesh."""
        return not (self.failed or self.stale or self.left or self.reason)

    @property
    def per_hour(self) -> float:
        """Items that ended in this run, by the hour."""
        return 3600 * (len(self.made) + len(self.failed)) / self.seconds if self.seconds else 0.0

    def lines(self) -> list[str]:
        """For the end of a run; the last line counts."""
        lines = [f"failed: {each['source']}: {each['error']}" for each in self.failed[:_LISTED]]
        if len(self.failed) > _LISTED:
            lines.append(f"... and {len(self.failed) - _LISTED} more failed: see report.csv.")
        doubtful = [each["source"] for each in self.made if each.get("doubtful")]
        if doubtful:
            shown = ", ".join(doubtful[:_NAMED]) + (", ..." if len(doubtful) > _NAMED else "")
            cutouts = "1 cutout is" if len(doubtful) == 1 else f"{len(doubtful)} cutouts are"
            lines.append(f"{cutouts} doubtful: {shown}.")
        if self.reason:
            lines.append(self.reason)
        if self.left:
            items = "1 item is" if self.left == 1 else f"{self.left} items are"
            lines.append(f"{items} left: the same command goes on.")
        if self.stale or self.failed:
            number = self.stale + len(self.failed)
            lines.append(f"{number} failed: --retry-failed tries {'it' if number == 1 else 'them'} again.")
        lines.append(self._count())
        return lines

    def _count(self) -> str:
        done = len(self.made) + self.before
        text = f"{done} of {self.total} photos converted"
        details = [f"{self.before} before"] if self.before else []
        sorts = Counter(each["error_category"] for each in self.failed)
        details += (
            [f"failed: {', '.join(f'{sort} {number}' for sort, number in sorted(sorts.items()))}"]
            if sorts
            else []
        )
        if len(self.made) >= _PACED:
            details.append(f"{self.per_hour:.0f} an hour")
        return text + (f" ({'; '.join(details)})." if details else ".")


class Pace:
    """How fast items end, and when the last will."""

    def __init__(self) -> None:
        self.start: float | None = None
        self.ended = 0

    def begin(self) -> None:
        """The first item begins."""
        self.start = self.start or time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the first item began."""
        return 0.0 if self.start is None else time.monotonic() - self.start

    def expected(self, left: int) -> str:
        """Such as `240 an hour, about 12 min left`; empty where nothing is known or left."""
        if not self.ended or not left:
            return ""
        return f"{3600 * self.ended / self.seconds:.0f} an hour, {in_words(left * self.seconds / self.ended)} left"
