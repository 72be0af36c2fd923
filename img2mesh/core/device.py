"""What this computer has: cores, processor features, memory, accelerators."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from img2mesh.errors import Img2MeshError

try:
    import resource  # now, for there may be no memory left when it is needed
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

THREADS_VARIABLE = "IMG2MESH_THREADS"
LEAST_ADDRESS_SPACE = 1.6  # GB; the libraries and a draft of the example, with one thread, take 1.7


@cache
def cpu_flags() -> frozenset[str]:
    """Feature flags of the processor as Linux names them; empty on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def usable_cores() -> int:
    """Physical cores that this process may use, by its affinity and its container's quota.

    Two hardware threads of a core share one matrix unit, so counting them twice only makes them wait.
    """
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # macOS, Windows
        return max(1, (os.cpu_count() or 2) // (1 if sys.platform == "darwin" else 2))
    cores = set()
    for cpu in allowed:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(str(cpu))
    count = len(cores)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass
    return max(1, count)


def thread_count() -> int:
    """Threads to compute with: `IMG2MESH_THREADS`, else `OMP_NUM_THREADS`, else one per physical core.

    Raises:
        Img2MeshError: `IMG2MESH_THREADS` is not a whole number from 1 to 1024.
    """
    given = os.environ.get(THREADS_VARIABLE, "")
    if given:
        if not given.isdecimal() or not 1 <= int(given) <= 1024:
            raise Img2MeshError(f"{THREADS_VARIABLE} must be a whole number from 1 to 1024, not {given!r}.")
        return int(given)
    outer = os.environ.get("OMP_NUM_THREADS", "")
    if outer.isdecimal() and int(outer) >= 1:
        return int(outer)
    return usable_cores()


def let_threads_sleep() -> None:
    """Ask OpenMP's threads to sleep while they wait; call it before torch is first imported, later is too late.

    Threads that wait by spinning take the cores from those that work: on two busy cores the draft preset's
    field took 460 s in place of 41 s. Respects an `OMP_WAIT_POLICY` that is already set.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def use_threads() -> int:
    """Give torch its threads for this process, once per run of the pipeline; returns their number."""
    let_threads_sleep()
    import torch

    count = thread_count()
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


@contextlib.contextmanager
def own_random_state() -> Iterator[None]:
    """Leave the random states of torch, numpy and Python, and torch's number of threads, as they were.

    Whoever calls this program from Python has drawn, or will draw, numbers of their own.
    """
    import random

    import numpy as np
    import torch

    cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    threads, python, numbers = torch.get_num_threads(), random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=cuda):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
        torch.set_num_threads(threads)


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, in MB (1e6 bytes); None where unknown."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def resident_memory_mb(pid: int | None = None) -> float | None:
    """Resident memory of a process of this machine, by default this one, in MB (1e6 bytes); None where unknown."""
    try:
        pages = Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]
        return round(int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def allowed_memory_gb() -> float | None:
    """Address space that this process may take (`ulimit -v`), in GB (1e9 bytes); None where there is no limit."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else round(limit / 1e9, 2)


def check_address_space() -> None:
    """Whether a mesh can be made at all under `ulimit -v`; native code that gets no memory ends without a word.

    Raises:
        MemoryError: less than `LEAST_ADDRESS_SPACE` is allowed.
    """
    allowed = allowed_memory_gb()
    if allowed is not None and allowed < LEAST_ADDRESS_SPACE:
        raise MemoryError(f"ulimit -v allows {allowed} GB, less than {LEAST_ADDRESS_SPACE} GB")


def total_memory_gb() -> float | None:
    """Main memory in GB (1e9 bytes), or the container's limit where that is lower."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            total = min(total, int(limit))
    except (OSError, ValueError):
        pass
    return round(total / 1e9, 1)


def free_memory_gb() -> float | None:
    """Main memory in GB (1e9 bytes) that could be taken now without swapping; None where unknown (not Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text())
            available = min(available, max(0, int(limit) - used))
    except (OSError, ValueError):
        pass
    return round(available / 1e9, 1)


def resolve_device(name: str) -> str:
    """`auto` to the best device there is; a named one is checked.

    Raises:
        Img2MeshError: the named device does not exist here.
    """
    let_threads_sleep()
    import torch

    cuda = torch.cuda.is_available()
    mps = getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    if name == "cuda" and not cuda:
        raise Img2MeshError(
            "No CUDA device was found (or this torch was built without CUDA); use --device cpu."
        )
    if name == "mps" and not mps:
        raise Img2MeshError("No Apple GPU was found; use --device cpu.")
    return name
