"""The one job object: submit, status, cancel, result, delete."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from img2mesh.core.files import data_folder
from img2mesh.errors import Img2MeshError
from img2mesh.jobs.capacity import Capacity, capacity
from img2mesh.jobs.events import Began, Converted, Event, Finished, Said, Stage
from img2mesh.jobs.item import Item, Picture
from img2mesh.jobs.outcome import CANCELLED as CANCELLED_CATEGORY
from img2mesh.jobs.pool import Pool
from img2mesh.jobs.processes import Processes
from img2mesh.jobs.session import Work
from img2mesh.outputs import check_room, run_bytes
from img2mesh.service.job import CANCELLED, CUTOUT, DONE, FAILED, MESH, QUEUED, RUNNING, Job
from img2mesh.service.lane import Lane
from img2mesh.service.limits import Limits, NotFound, NotReady, QueueFull
from img2mesh.service.pace import Pace, Track
from img2mesh.service.store import Store
from img2mesh.service.uploads import Upload
from img2mesh.service.work import CutoutWork, ServiceWork
from img2mesh.settings import Settings

SWEEP = 60.0  # seconds between two looks for results that have expired
SAID = 20  # sentences that a job keeps


class JobService:
    """Makes meshes in worker processes, one at a time per device, and cutouts for a look in another one.

    All methods can be called from any thread. Ids that do not exist, and those of other users, are `NotFound`.

    Args:
        folder: for the results; each job has a folder in it, which is gone when it expires.
        limits: of queue, time and uploads.
        device: where meshes are made.
        work, cutout_work: what is done to an item; the defaults are the main job and its first stage.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        device: str = "auto",
        work: Work | None = None,
        cutout_work: Work | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.store = Store(folder, self.limits.days)
        self.jobs = self.store.load()
        self.tracks: dict[str, Track] = {}
        self.pace = Pace()
        self.lock = threading.RLock()
        self.over = threading.Condition(self.lock)
        self.closing = threading.Event()
        share = capacity(None, None, device)
        share = share if share.gpus else capacity(1, None, device)
        self.lanes = {
            MESH: self._lane(MESH, work or ServiceWork(), share, self.limits.seconds),
            CUTOUT: self._lane(
                CUTOUT, cutout_work or CutoutWork(), Capacity(1, 1), self.limits.cutout_seconds
            ),
        }
        self.sweeper = threading.Thread(target=self._sweep, name="img2mesh-sweeper", daemon=True)
        self.sweeper.start()

    def _lane(self, kind: str, work: Work, share: Capacity, seconds: float) -> Lane:
        return Lane(lambda: Pool(Processes(work, share), seconds), self._heard, kind)

    def submit(self, photos: Sequence[Upload], settings: Settings, kind: str = MESH) -> Job:
        """Queue an object.

        Args:
            photos: checked ones (`uploads.check_photo`), the front first.
            settings: of the run; `service.requests.settings_of` makes them of a stranger's wishes.

        Raises:
            QueueFull: too many jobs wait.
            Img2MeshError: the settings ask for what cannot be made here, or the disk is nearly full.
        """
        if kind == MESH:
            from img2mesh.exports import check_export

            check_export(Path("mesh.glb"), settings)
        check_room(self.store.folder, run_bytes(settings))
        with self.lock:
            waiting = [job for job in self.jobs.values() if job.kind == kind and job.state == QUEUED]
            if len(waiting) >= self.limits.queue:
                raise QueueFull(len(waiting), self._seconds_until_room(kind))
            number, paths = self.store.new(photos)
            asked = {k: v for k, v in settings.as_dict().items() if v != getattr(Settings(), k)}
            job = Job(number, kind, settings={"preset": settings.preset, **asked}, photos=len(photos))
            job.write(self.store.place(job))
            self.jobs[number] = job
            pictures = zip(paths, photos, strict=True)
            item = Item(
                number,
                tuple(Picture(path, photo.azimuth, photo.elevation) for path, photo in pictures),
                self.store.place(job) / "mesh.glb",
                settings,
            )
            self.lanes[kind].submit(item)
            return self._with_place(job)

    def status(self, number: str) -> Job:
        """What became of a job so far.

        Raises:
            NotFound: there is none of that id.
        """
        with self.lock:
            return self._with_place(self._find(number))

    def wait(self, number: str, seconds: float) -> Job:
        """The status once it is over, or after so long."""
        with self.over:
            self.over.wait_for(lambda: number not in self.jobs or self.jobs[number].over, seconds)
            return self.status(number)

    def cancel(self, number: str) -> Job:
        """Ask for the end of a job; one that is over stays as it is."""
        with self.lock:
            job = self._find(number)
            if not job.over:
                self.lanes[job.kind].cancel(number)
            return self._with_place(job)

    def delete(self, number: str) -> None:
        """Cancel a job if it is not over, and remove everything of it."""
        with self.lock:
            job = self._find(number)
            del self.jobs[number]
            if job.over:
                self.store.remove(job)
            else:  # its folder is removed when its worker lets go of it
                self.lanes[job.kind].cancel(number)

    def result(self, number: str, name: str) -> Path:
        """A product's file.

        Args:
            name: one of the job's `files`; nothing else is ever looked for on disk.

        Raises:
            NotReady: the job is not done.
            NotFound: no such job, or it has no file of that name.
        """
        with self.lock:
            job = self._find(number)
        if name not in job.files:
            if not job.over:
                raise NotReady("The job is not done yet.")
            if job.error:
                raise NotReady(f"The job has no result: {job.error}")
            raise NotFound(f"The job has no file {name!r}; it has {', '.join(job.files)}.")
        return self.store.place(job) / next(known for known in job.files if known == name)

    def list(self) -> list[Job]:
        """All jobs of meshes, the newest first."""
        with self.lock:
            return [self._with_place(job) for job in reversed(self.jobs.values()) if job.kind == MESH]

    def close(self) -> None:
        """End the workers and let go of the folder; unfinished jobs fail."""
        self.closing.set()
        for lane in self.lanes.values():
            lane.close()
        with self.lock:
            for job in [job for job in self.jobs.values() if not job.over]:
                self._end(job.id, FAILED, "The server was stopped.", None)
        self.store.close()

    def _find(self, number: str) -> Job:
        job = self.jobs.get(number)
        if job is None:
            raise NotFound("There is no such job; results are removed after a while.")
        return job

    def _with_place(self, job: Job) -> Job:
        """How many jobs are before it, and when it will end as far as that is known."""
        if job.state != QUEUED:
            return job
        before = [each for each in self.jobs.values() if each.kind == job.kind and not each.over]
        before = before[: before.index(job)] if job in before else before
        now, seconds = time.time(), 0.0
        for each in [*before, job]:
            left = None if each.expected_end is None else max(0.0, each.expected_end - now)
            seconds += self._seconds_of(each) if left is None else left
        return job.but(ahead=len(before), expected_end=now + seconds if job.kind == MESH else None)

    def _seconds_of(self, job: Job) -> float:
        return sum(self.pace.expected(str(job.settings.get("preset", "standard")), job.photos).values())

    def _seconds_until_room(self, kind: str) -> float:
        running = [job for job in self.jobs.values() if job.kind == kind and job.state == RUNNING]
        ends = [job.expected_end for job in running if job.expected_end]
        return min(ends) - time.time() if ends else 5.0

    def _heard(self, event: Event) -> None:
        with self.lock:
            if isinstance(event, Finished):
                return self._finished(event)
            job = self.jobs.get(event.name)
            if job is None:
                return
            track = self.tracks.get(job.id)
            if track is None:
                track = self.pace.track(str(job.settings.get("preset", "standard")), job.photos)
                self.tracks[job.id] = track
                job = job.but(state=RUNNING, started=time.time())
            if isinstance(event, Stage):
                track.at(event.stage, event.done, event.total)
                job = job.but(stage=event.stage)
            elif isinstance(event, Converted):
                track.at("write")
                job = job.but(stage="write")
            elif isinstance(event, Said):
                job = job.but(said=(*job.said, event.text)[-SAID:])
            elif isinstance(event, Began):
                job = job.but(stage=job.stage or "begin")
            ends = None if track.left is None or job.kind != MESH else time.time() + track.left
            self.jobs[job.id] = job.but(share=round(track.share, 4), expected_end=ends)

    def _finished(self, event: Finished) -> None:
        outcome = event.outcome
        if event.name not in self.jobs:  # it was deleted meanwhile
            self.tracks.pop(event.name, None)
            return self.store.remove(event.name)
        job, track = self.jobs[event.name], self.tracks.get(event.name)
        if outcome.error is None and track is not None and job.kind == MESH:
            self.pace.learn(str(job.settings.get("preset", "standard")), job.photos, track.finish())
        warned = [str(text) for text in (outcome.report or {}).get("warnings", ())]
        said = tuple(dict.fromkeys([*job.said, *warned]))[-SAID:]
        files = {Path(path).name: size for path, size in outcome.files.items()}
        self.jobs[job.id] = job.but(said=said, files=files)
        state = DONE if outcome.error is None else FAILED
        if outcome.category == CANCELLED_CATEGORY:
            state = CANCELLED
        text = _sentence(outcome.error, self.store.place(job))
        self._end(job.id, state, text, outcome.category)

    def _end(self, number: str, state: str, error: str | None, category: str | None) -> None:
        self.tracks.pop(number, None)
        job = self.jobs[number]
        job = job.but(
            state=state,
            error=error,
            category=category,
            stage="",
            share=1.0 if state == DONE else job.share,
            ended=time.time(),
            expected_end=None,
        )
        self.jobs[number] = job
        try:
            self.store.forget_photos(job)
            job.write(self.store.place(job))
        except (OSError, Img2MeshError):
            pass  # a full disk: the job is over all the same
        self.over.notify_all()

    def _sweep(self) -> None:
        while not self.closing.wait(SWEEP):
            self.sweep()

    def sweep(self) -> None:
        """Remove what has expired."""
        with self.lock:
            for job in [job for job in self.jobs.values() if self.store.expired(job)]:
                del self.jobs[job.id]
                self.store.remove(job)


def _sentence(error: str | None, folder: Path) -> str | None:
    """What went wrong, without this machine's paths and with a capital letter."""
    if error is None:
        return None
    for private in (f"{folder}/", str(folder), str(folder.parent), str(data_folder("weights"))):
        error = error.replace(private, "")
    text = error.replace("--timeout", "the time limit")
    return text[:1].upper() + text[1:]
