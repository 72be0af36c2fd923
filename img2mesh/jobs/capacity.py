"""How many workers a machine bears, and how many threads each of them gets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from img2mesh.core.device import (
    THREADS_VARIABLE,
    free_memory_gb,
    resident_memory_mb,
    thread_count,
    total_memory_gb,
    usable_cores,
)

WORKER_GB = 2.0  # a worker with the mini; measured: 1.2 GB draft, 1.9 GB standard
_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Capacity:
    """Workers, threads of each, and the GPU of each (empty: none)."""

    jobs: int
    threads: int
    gpus: tuple[str, ...] = ()

    def environment(self, index: int) -> dict[str, str]:
        """Variables of the worker of that number."""
        values = dict.fromkeys((THREADS_VARIABLE, *_LIBRARIES), str(self.threads))
        values["OMP_WAIT_POLICY"] = os.environ.get(
            "OMP_WAIT_POLICY", "PASSIVE"
        )  # torch may be imported early
        if self.gpus:
            values["CUDA_VISIBLE_DEVICES"] = self.gpus[index % len(self.gpus)]
        return values


def capacity(
    jobs: int | None,
    threads: int | None = None,
    device: str = "auto",
    worker_gb: float = WORKER_GB,
    items: int = 1 << 30,
    shared_gb: float = 0.0,
) -> Capacity:
    """Cores and memory shared out.

    Args:
        jobs: that were asked for; None: as many as there are GPUs, else as many as cores, memory and items allow.
        threads: of each worker, as an earlier run of the same items had them; None: the cores divided by the workers.
        worker_gb: memory of one worker in GB (1e9 bytes).
        shared_gb: the part of it that all workers of a machine share (`models.shared_weights`).
    """
    gpus = cuda_devices() if device in ("auto", "cuda") else ()
    given = bool(os.environ.get(THREADS_VARIABLE))
    cores = usable_cores()
    if given:
        threads = thread_count()
    if jobs is None:
        if gpus:
            jobs = len(gpus)
        elif device == "mps":
            jobs = 1
        else:
            fit = int((0.8 * (total_memory_gb() or 1e9) - shared_gb) / (worker_gb - shared_gb))
            jobs = max(1, min(cores // (threads or 1), fit, items))
    return Capacity(jobs, threads or max(1, cores // jobs), gpus)


def cuda_devices() -> tuple[str, ...]:
    """Names of the CUDA devices as `CUDA_VISIBLE_DEVICES` has them; a torch built for CPUs is not imported to ask."""
    try:
        if version("torch").endswith("+cpu"):
            return ()
    except PackageNotFoundError:
        return ()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    import torch

    if not torch.cuda.is_available():
        return ()
    count = torch.cuda.device_count()
    return tuple(chosen.split(",")[:count]) if chosen else tuple(str(index) for index in range(count))


def memory_for_another(worker_gb: float, pids: list[int]) -> bool:
    """Whether one more worker has its memory once those that run have grown to their full size; True where unknown."""
    free = free_memory_gb()
    if free is None:
        return True
    growing = sum(max(0.0, worker_gb - (resident_memory_mb(pid) or 0.0) / 1000) for pid in pids)
    return free - growing >= worker_gb
