"""Workers on a Ray cluster: the same worker loop, in an actor that Ray places on some node.

The photos, the folder of meshes and the model have to be at the same paths on all nodes, and img2mesh installed there.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from img2mesh.core.device import usable_cores
from img2mesh.errors import Img2MeshError
from img2mesh.jobs import worker
from img2mesh.jobs.capacity import Capacity, cuda_devices
from img2mesh.jobs.events import Event
from img2mesh.jobs.outcome import CRASH
from img2mesh.jobs.session import Work

LOCAL = "local"
_LISTEN = 5.0  # seconds that a question for news waits on the actor


class _Queues:
    """The worker's end: two queues in the actor's process."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.outbox: queue.Queue[Event] = queue.Queue()

    def send(self, event: Event) -> None:
        self.outbox.put(event)

    def recv(self) -> tuple[str, Any]:
        return self.inbox.get()


class Actor:
    """Runs `worker.Worker` in a thread; the methods are called through Ray."""

    def __init__(self, work: Work) -> None:
        self.queues = _Queues()
        threading.Thread(target=worker.Worker(self.queues, work).run, daemon=True).start()

    def put(self, word: str, value: Any) -> None:
        """A message for the worker."""
        self.queues.inbox.put((word, value))

    def pid(self) -> int:
        """Of the actor's process."""
        return os.getpid()

    def news(self, seconds: float) -> list[Event]:
        """What the worker says; waits so long for the first word."""
        events: list[Event] = []
        try:
            events.append(self.queues.outbox.get(timeout=seconds))
            while True:
                events.append(self.queues.outbox.get_nowait())
        except queue.Empty:
            return events


class RayActors:
    """The `Launcher` of actors.

    Args:
        address: `local` starts a Ray on this machine, `auto` finds a running one; or an address.
        jobs: actors; None: as many as the cluster's CPUs, or GPUs where there are any, allow.
        threads: of each actor.
        worker_gb: memory that Ray keeps for each, in GB (1e9 bytes).

    Raises:
        Img2MeshError: no Ray there.
    """

    def __init__(self, work: Work, address: str, jobs: int | None, threads: int, worker_gb: float) -> None:
        import ray

        self.work, self.ray, self.worker_gb = work, ray, worker_gb
        self.local = address == LOCAL
        self._started = not ray.is_initialized()
        options: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
        if self.local:
            options.update(num_cpus=max(usable_cores(), (jobs or 1) * threads), include_dashboard=False)
        try:
            if self._started:
                ray.init(address=None if self.local else address, **options)
        except Exception as error:
            raise Img2MeshError(
                f"--ray {address}: {' '.join(str(error).split())[:200].rstrip('.')}."
            ) from None
        there = ray.cluster_resources()
        self.gpus = bool(there.get("GPU")) and (not self.local or bool(cuda_devices()))
        most = int(there["GPU"]) if self.gpus else int(there.get("CPU", 1)) // threads
        self.jobs = max(1, jobs or most)
        self.threads = threads

    def may_start(self, links: Sequence[RayLink], worker_gb: float) -> bool:
        """Ray itself waits for a node with room."""
        return True

    def start(self, slot: int) -> RayLink:
        """An actor somewhere."""
        variables = Capacity(self.jobs, self.threads).environment(slot)
        if self.local:
            variables["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        options: dict[str, Any] = {
            "num_cpus": self.threads,
            "max_concurrency": 4,
            "runtime_env": {"env_vars": variables},
        }
        if self.gpus:
            options["num_gpus"] = 1
        if not self.local:
            options["memory"] = int(self.worker_gb * 1e9)
        return RayLink(self.ray, self.ray.remote(Actor).options(**options).remote(self.work))

    def wait(self, links: Sequence[RayLink], seconds: float) -> None:
        """See `Launcher`."""
        if any(link.over for link in links):
            return
        self.ray.wait([link.question for link in links], num_returns=1, timeout=max(seconds, 0.0))

    def close(self) -> None:
        """Leave the cluster; a local one ends."""
        if self._started:
            self.ray.shutdown()


class RayLink:
    """An actor, and the open question for its news."""

    pid = 0

    def __init__(self, ray: Any, actor: Any) -> None:
        self.ray, self.actor, self.over = ray, actor, False
        self.how = "its actor died"
        self.question = actor.news.remote(_LISTEN)

    def send(self, word: str, value: Any) -> None:
        """See `Link`."""
        self.actor.put.remote(word, value)

    def receive(self) -> tuple[list[Event], bool]:
        """See `Link`."""
        if self.over:
            return [], False
        ready, _ = self.ray.wait([self.question], timeout=0)
        if not ready:
            return [], True
        try:
            events = self.ray.get(self.question)
        except self.ray.exceptions.RayError as error:
            self.how = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
            self.over = True
            return [], False
        self.question = self.actor.news.remote(_LISTEN)
        return events, True

    def kill(self) -> None:
        """See `Link`."""
        self.ray.kill(self.actor)

    def close(self, seconds: float) -> None:
        """See `Link`; an actor that is told to stop has nothing more to say."""
        if not self.over:
            self.over = True
            if seconds:
                time.sleep(0.1)
            self.ray.kill(self.actor)

    def death(self) -> tuple[str, str]:
        """A lost node looks like a lost actor."""
        return CRASH, self.how
