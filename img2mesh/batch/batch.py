"""From a request to its summary."""

from __future__ import annotations

from pathlib import Path

from img2mesh.batch.inputs import skipped_sentence
from img2mesh.batch.job_folder import JobFolder
from img2mesh.batch.keys import job_description, weights_checksum
from img2mesh.batch.plan import Plan, Request
from img2mesh.batch.reports import Reports
from img2mesh.batch.run import Batch, Executor, OnDone, standing
from img2mesh.batch.stopper import Stopper
from img2mesh.batch.summary import Summary
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.exports import check_export
from img2mesh.jobs.capacity import WORKER_GB, Capacity, capacity
from img2mesh.jobs.session import Work
from img2mesh.outputs import Output, check_outputs, check_room, run_bytes
from img2mesh.settings import Settings


def run_batch(
    request: Request,
    folder: Path,
    *,
    jobs: int | None = None,
    timeout: float | None = None,
    ray: str | None = None,
    report: Path | None = None,
    progress: Progress | None = None,
    on_done: OnDone | None = None,
    work: Work | None = None,
) -> Summary:
    """Make every mesh of a request that its folder does not have yet.

    Can be called again at any time, also after a crash: what is there and right is left as it is. Equal requests give
    equal bytes however often they were interrupted, as long as each worker has the same number of threads, which the
    folder remembers.

    Args:
        folder: for the meshes, the reports and the state of the job (`job_folder`).
        jobs: worker processes; None: as the machine allows; 0: none, items are made in this process.
        timeout: seconds that an item may take.
        ray: `local`, `auto` or the address of a Ray cluster, whose nodes make the items.
        report: JSON file for all items with their reports.
        on_done: called with the record and the report of every item that ends.
        work: what is done to an item; default: the main job.

    Raises:
        Img2MeshError: nothing to make, a file would be lost, another run is at it, or the model cannot be loaded. What
            is wrong with a photo is in the summary instead.
    """
    from img2mesh.jobs.pipeline_work import PipelineWork

    progress, folder = progress or Progress(), Path(folder)
    given, work = work, work or PipelineWork()
    check_export(folder / f"mesh{request.suffix}", request.settings)
    weights = weights_checksum(request.settings, progress) if isinstance(work, PipelineWork) else "none"
    with JobFolder(folder) as place:
        place.check_reports(request.overwrite)
        job = job_description(request.settings, weights, request.suffix)
        anew = place.claim({**job, "threads": place.job.get("threads")}, request.overwrite)
        plan = Plan(request, place)
        todo = plan.scan()
        check_outputs(
            [Output("-o", path) for path in place.reports()],
            [*request.inputs, *(p.path for item in plan.items.values() for p in item.photos)],
            overwrite=True,
        )
        if todo:
            check_room(folder, run_bytes(request.settings, request.keep is not None))
        if plan.skipped:
            progress.warn(skipped_sentence(plan.skipped))
        if place.journal.damaged:
            progress.warn(f"{place.journal.damaged} damaged lines of the journal were passed over.")
        threads = None if anew or jobs is not None else place.job.get("threads")
        own, weights_gb = _worker_gb(request.settings), _weights_gb(request.settings)
        share = capacity(jobs or None, threads, request.settings.device, own, len(todo) or 1, weights_gb)
        if given is None and ray is None and jobs != 0 and share.jobs > 1:
            work = PipelineWork(place.work.absolute() / "weights")
        if jobs != 0 and todo:
            place.claim({**job, "threads": share.threads}, overwrite=True)
        reports = Reports(folder)
        progress.note(_opening(plan, todo, request.settings, share, jobs, ray))
        try:
            reports.tables.begin(standing(plan))
        except OSError as error:
            raise Img2MeshError(f"-o: cannot write into {folder}: {error.strerror}.") from None
        with Stopper() as stopper:
            batch = Batch(
                plan, _pool(work, share, jobs, timeout, ray, request.settings), reports, progress, on_done
            )
            summary = batch.run(todo, stopper)
        try:
            reports.finish(standing(plan))
            if report is not None:
                reports.write_json(report, request.settings.as_dict(), plan.skipped)
        except (OSError, Img2MeshError) as error:
            summary.reason = summary.reason or f"The reports cannot be written: {error}"
        return summary


def _pool(
    work: Work, share: Capacity, jobs: int | None, timeout: float | None, ray: str | None, settings: Settings
) -> Executor:
    from img2mesh.jobs.pool import Pool

    memory = _worker_gb(settings)
    if ray is not None:
        from img2mesh.jobs.ray_actors import RayActors

        return Pool(RayActors(work, ray, jobs, share.threads, memory), timeout, memory)
    if jobs == 0:
        from img2mesh.jobs.inline import Inline

        return Inline(work)
    from img2mesh.jobs.processes import Processes

    return Pool(Processes(work, share), timeout, memory)


def _worker_gb(settings: Settings) -> float:
    """Memory of a worker, before any has been measured."""
    return (1.2 if settings.preset == "draft" else WORKER_GB) + _weights_gb(settings)


def _weights_gb(settings: Settings) -> float:
    """Memory of a model's weights, which are stored in half precision mostly and may be used in single precision."""
    from img2mesh.batch.keys import locate

    try:
        place = locate(settings)
        files = (
            [place]
            if place.is_file()
            else [p for p in place.rglob("*") if p.suffix in (".safetensors", ".bin")]
        )
        return 2 * sum(path.stat().st_size for path in files) / 1e9
    except (Img2MeshError, OSError):
        return 0.0


def _opening(
    plan: Plan, todo: list, settings: Settings, share: Capacity, jobs: int | None, ray: str | None
) -> str:
    parts = [f"{len(plan.items)} photos"]
    if plan.done:
        parts.append(f"{len(plan.done)} done before")
    if plan.failed:
        parts.append(f"{len(plan.failed)} failed before")
    if ray is None and jobs != 0 and todo:
        workers = min(share.jobs, len(todo))
        each = f"{share.threads} thread{'s' * (share.threads > 1)}"
        parts.append(f"{workers} worker{'s' * (workers > 1)} of {each}")
    return ", ".join([*parts, f"seed {settings.seed}", f"preset {settings.preset}"])
