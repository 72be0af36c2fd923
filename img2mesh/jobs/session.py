"""A loaded model and the items that it makes, one after the other, in whatever process this is."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from img2mesh.core.device import resident_memory_mb
from img2mesh.core.progress import Progress
from img2mesh.jobs.events import Began, Reporter
from img2mesh.jobs.fingerprint import Fingerprint, fingerprint
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import MODEL, Cancelled, Outcome, PreviewFailed, explain, explain_writing
from img2mesh.settings import Settings


class Work(Protocol):
    """What is done to an item; `jobs.pipeline_work.PipelineWork` is the real one. It is pickled to the workers."""

    def model_key(self, settings: Settings) -> Hashable:
        """Equal for settings that use the same loaded model."""

    def load(self, settings: Settings, progress: Progress) -> Any:
        """The model."""

    def make(self, item: Item, model: Any, progress: Progress) -> Any:
        """The product, nothing written yet but what `keep` asks for."""

    def write(self, item: Item, made: Any) -> tuple[dict[str, int], dict[str, Any]]:
        """Write the product whole or not at all: the files with their sizes, and the report.

        Raises:
            PreviewFailed: the mesh is there, its picture is not.
            OSError: the files could not be written.
        """


@dataclass(frozen=True)
class Made:
    """A product that waits to be written."""

    item: Item
    product: Any
    prints: tuple[Fingerprint | None, ...]
    seconds: float
    cpu_seconds: float


class Session:
    """Keeps the model of the last item."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.model: Any = None
        self.key: Hashable = None

    def make(self, item: Item, progress: Reporter) -> Made | Outcome:
        """The first half of an item; an `Outcome` where it failed."""
        try:
            self._load(item.settings, progress)
        except (Exception, Cancelled) as error:
            text, category = explain(error)
            return Outcome(
                item.name, text, category if isinstance(error, (Cancelled, MemoryError)) else MODEL
            )
        progress.send(Began(item.name))
        start, cpu = time.perf_counter(), time.process_time()
        prints = tuple(fingerprint(picture.path) for picture in item.photos)
        try:
            product = self.work.make(item, self.model, progress)
        except (Exception, Cancelled) as error:
            text, category = explain(error)
            seconds = round(time.perf_counter() - start, 3)
            return Outcome(item.name, text, category, seconds, memory_mb=resident_memory_mb(), prints=prints)
        return Made(item, product, prints, time.perf_counter() - start, time.process_time() - cpu)

    def write(self, made: Made) -> Outcome:
        """The second half; it may run in a thread beside the next item's first."""
        start, cpu = time.perf_counter(), time.thread_time()
        files: dict[str, int] = {}
        report = error = category = None
        try:
            files, report = self.work.write(made.item, made.product)
        except Exception as problem:
            error, category = explain_writing(problem, str(made.item.output))
            if isinstance(problem, PreviewFailed):
                files, report = problem.files, problem.report
        return Outcome(
            made.item.name,
            error,
            category,
            round(made.seconds + time.perf_counter() - start, 3),
            round(made.cpu_seconds + time.thread_time() - cpu, 3),
            resident_memory_mb(),
            files,
            made.prints,
            report,
        )

    def _load(self, settings: Settings, progress: Progress) -> None:
        key = self.work.model_key(settings)
        if self.model is None or key != self.key:
            self.model = None  # its memory first
            self.model, self.key = self.work.load(settings, progress), key
