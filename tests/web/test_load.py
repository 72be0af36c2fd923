"""Thirty jobs of six clients at once: all end, in order, memory stays, and the page answers meanwhile."""

import os
import threading
import time

import httpx

from img2mesh.core.device import resident_memory_mb
from tests.service.hostile import picture
from tests.web.live import listening

CLIENTS, JOBS = 6, 30


def test_thirty_jobs_of_six_clients(tmp_path):
    photo = picture("JPEG", 1600, 1200)
    made, errors, waits = [], [], []
    over = threading.Event()

    def client(home):
        try:
            with httpx.Client(base_url=home, timeout=60) as asking:
                for _ in range(JOBS // CLIENTS):
                    answer = asking.post("/v1/jobs", files={"photo": photo})
                    assert answer.status_code == 202, answer.text
                    made.append(answer.json()["id"])
        except Exception as error:
            errors.append(error)

    def visitor(home):
        with httpx.Client(base_url=home, timeout=60, headers={"accept": "text/html"}) as looking:
            while not over.is_set():
                start = time.monotonic()
                assert looking.get("/").status_code == 200
                waits.append(time.monotonic() - start)
                time.sleep(0.05)

    with listening(tmp_path / "r", pause=0.1) as (home, service):
        httpx.get(home, timeout=60)
        before = resident_memory_mb(os.getpid())
        threads = [threading.Thread(target=client, args=(home,)) for _ in range(CLIENTS)]
        watching = threading.Thread(target=visitor, args=(home,))
        for each in (*threads, watching):
            each.start()
        for each in threads:
            each.join(120)
        assert errors == [] and len(made) == JOBS
        jobs = [service.wait(number, 60) for number in made]
        over.set()
        watching.join(30)
        after = resident_memory_mb(os.getpid())
    assert {job.state for job in jobs} == {"done"}
    created, started = ([getattr(job, moment) for job in jobs] for moment in ("created", "started"))
    order = sorted(range(JOBS), key=created.__getitem__)
    assert [started[k] for k in order] == sorted(started)
    assert sorted(waits)[len(waits) // 2] < 0.5  # all of them on a quiet machine: docs/web.md
    if before is not None and after is not None:
        assert after - before < 120  # megabytes; a photo's pixels are 8
