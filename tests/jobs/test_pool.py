"""Workers that are watched: progress, limits, deaths, and items that are never lost or mixed up."""

from __future__ import annotations

import os
import signal
import time

import pytest

from img2mesh.jobs.capacity import Capacity
from img2mesh.jobs.events import Began, Converted, Finished, Said, Stage
from img2mesh.jobs.inline import Inline
from img2mesh.jobs.outcome import CATEGORIES
from img2mesh.jobs.pool import Pool
from img2mesh.jobs.processes import Processes
from tests.jobs.fake_work import MARK, FakeWork, item, photo


def drain(pool, seconds: float = 60.0, on_event=lambda event: None) -> dict:
    """Outcomes by name of all that runs; `on_event` sees every event."""
    outcomes, end = {}, time.monotonic() + seconds
    while pool.running():
        assert time.monotonic() < end, f"still running: {pool.running()}"
        for event in pool.poll(0.1):
            on_event(event)
            if isinstance(event, Finished):
                assert event.name not in outcomes, "an item ends once"
                outcomes[event.name] = event.outcome
    return outcomes


@pytest.fixture
def pools():
    """Makes pools and ends their workers after the test."""
    made = []

    def make(jobs=1, work=None, **options):
        made.append(Pool(Processes(work or FakeWork(), Capacity(jobs, 1)), **options))
        return made[-1]

    yield make
    for pool in made:
        pool.close(kill=True)


def test_the_order_of_events(tmp_path, pools):
    pool, heard = pools(), []
    pool.submit(item(photo(tmp_path, "a.png", "sleep 0.5"), tmp_path, seed=7))
    outcome = drain(pool, on_event=heard.append)["a"]
    assert outcome.error is None and (tmp_path / "a.glb").read_text().startswith(MARK + "SLEEP 0.5 SEED 7")
    kinds = [type(event) for event in heard]
    order = [kinds.index(kind) for kind in (Began, Stage, Said, Converted, Finished)]
    assert order == sorted(order)
    assert max(event.done for event in heard if isinstance(event, Stage)) > 0
    assert outcome.files == {str(tmp_path / "a.glb"): 100} and outcome.report["seed"] == 7
    assert outcome.prints[0].size == len("sleep 0.5") and outcome.memory_mb > 1
    assert not list(tmp_path.glob(".img2mesh-*"))


@pytest.mark.parametrize("kind", ["pool", "inline"])
def test_each_failure_has_its_category(tmp_path, pools, kind):
    pool = pools(2) if kind == "pool" else Inline(FakeWork())
    wanted = {"bad": "input", "bug": "defect", "memory": "memory", "nopreview": "preview", "ok": None}
    if kind == "pool":
        wanted |= {"exit": "crash", "crash": "crash"}
    for word in wanted:
        pool.submit(item(photo(tmp_path, f"{word}.png", word), tmp_path / "out"))
    outcomes = drain(pool)
    assert {name: outcome.category for name, outcome in outcomes.items()} == wanted
    assert {outcome.category for outcome in outcomes.values()} - {None} <= set(CATEGORIES)
    assert all(o.error is None or (o.error.endswith(".") and "\n" not in o.error) for o in outcomes.values())
    # a process that dies while it writes leaves a hidden folder, which batches clear away
    assert {path.name for path in (tmp_path / "out").glob("[!.]*")} == {"ok.glb", "nopreview.glb"}


def test_workers_have_their_threads_before_anything_is_imported(tmp_path, pools, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    pool = pools()
    pool.submit(item(photo(tmp_path, "a.png", "sleep 1"), tmp_path))
    while not any(isinstance(event, Began) for event in pool.poll(5)):
        pass
    with open(f"/proc/{pool.workers[0].link.pid}/environ", "rb") as stream:
        assert b"OPENBLAS_NUM_THREADS=1" in stream.read().split(b"\0")
    assert "OPENBLAS_NUM_THREADS" not in os.environ
    assert drain(pool)["a"].error is None


def test_a_missing_photo_is_bad_input(tmp_path, pools):
    pool = pools()
    pool.submit(item(tmp_path / "gone.png", tmp_path))
    outcome = drain(pool)["gone"]
    assert outcome.category == "input" and "No such photo" in outcome.error and outcome.prints == (None,)


def test_a_model_that_cannot_be_loaded(tmp_path, pools):
    pool = pools(work=FakeWork(broken=True))
    pool.submit(item(photo(tmp_path, "a.png"), tmp_path))
    assert drain(pool)["a"].category == "model"


def test_a_time_limit_costs_its_item_only(tmp_path, pools):
    pool = pools(timeout=0.5)
    photos = [photo(tmp_path, "a.png"), photo(tmp_path, "slow.png", "hang 60"), photo(tmp_path, "b.png")]
    for path in photos:
        pool.submit(item(path, tmp_path))
    outcomes = drain(pool)
    assert {name: o.category for name, o in outcomes.items()} == {"a": None, "slow": "timeout", "b": None}
    assert "0.5 s of --timeout" in outcomes["slow"].error


def test_killed_once_is_tried_again_killed_twice_is_over(tmp_path, pools):
    pool, diary = pools(work=FakeWork(tmp_path / "diary", seconds=0.3)), tmp_path / "diary"
    pool.submit(item(photo(tmp_path, "a.png"), tmp_path))
    killed = []

    def kill_the_first(event):
        if isinstance(event, Stage) and not killed:
            killed.append(pool.workers[0].link.pid)
            os.kill(killed[0], signal.SIGKILL)

    assert drain(pool, on_event=kill_the_first)["a"].error is None
    assert diary.read_text() == "a\na\n"

    def kill_all(event):
        if isinstance(event, Stage):
            os.kill(pool.workers[0].link.pid, signal.SIGKILL)

    pool.submit(item(photo(tmp_path, "b.png"), tmp_path))
    outcome = drain(pool, on_event=kill_all)["b"]
    assert outcome.category == "memory" and "died twice (SIGKILL" in outcome.error
    assert not (tmp_path / "b.glb").exists()


def test_a_mesh_that_was_being_written_is_not_blamed(tmp_path, pools):
    pool = pools()
    pool.submit(item(photo(tmp_path, "a.png", "slowwrite"), tmp_path))
    pool.submit(item(photo(tmp_path, "z.png", "exit"), tmp_path))
    outcomes = drain(pool)
    assert outcomes["a"].error is None and outcomes["z"].category == "crash"


def test_cancel(tmp_path, pools, monkeypatch):
    monkeypatch.setattr("img2mesh.jobs.pool.PATIENCE", 0.5)
    pool = pools()
    for name, text in (("runs", "sleep 60"), ("stuck", "hang 60"), ("waits", "ok"), ("stays", "ok")):
        pool.submit(item(photo(tmp_path, f"{name}.png", text), tmp_path))
    pool.cancel("waits")
    begun = []

    def cancel(event):
        if isinstance(event, Began) and event.name in ("runs", "stuck"):
            begun.append(pool.workers[0].link.pid)
            pool.cancel(event.name)

    outcomes = drain(pool, on_event=cancel)
    categories = {name: outcome.category for name, outcome in outcomes.items()}
    assert categories == {"runs": "cancelled", "stuck": "cancelled", "waits": "cancelled", "stays": None}
    assert begun[0] == begun[1], "a worker that listens is not killed for a cancelled item"


def test_conversion_overlaps_writing(tmp_path, pools):
    pool, heard = pools(work=FakeWork(seconds=0.2)), []
    for name in "ab":
        pool.submit(item(photo(tmp_path, f"{name}.png", "slowwrite"), tmp_path))
    drain(pool, on_event=heard.append)
    said = [(type(event), event.name) for event in heard]
    assert said.index((Began, "b")) < said.index((Finished, "a"))


def test_workers_start_only_with_memory(tmp_path, pools, monkeypatch):
    monkeypatch.setattr("img2mesh.jobs.capacity.free_memory_gb", lambda: 3.0)
    pool = pools(3, FakeWork(seconds=0.2), worker_gb=2.9)
    for name in "abcd":
        pool.submit(item(photo(tmp_path, f"{name}.png"), tmp_path))
    most = []
    outcomes = drain(pool, on_event=lambda event: most.append(len(pool.workers)))
    assert len(outcomes) == 4 and max(most) == 1


def test_workers_end_with_their_parent(tmp_path):
    import subprocess
    import sys

    code = (
        "from pathlib import Path; import sys\n"
        "from img2mesh.jobs.capacity import Capacity\n"
        "from img2mesh.jobs.events import Began\n"
        "from img2mesh.jobs.pool import Pool\n"
        "from img2mesh.jobs.processes import Processes\n"
        "from tests.jobs.fake_work import FakeWork, item, photo\n"
        "if __name__ == '__main__':\n"
        "    here = Path(sys.argv[1])\n"
        "    pool = Pool(Processes(FakeWork(), Capacity(1, 1)))\n"
        "    pool.submit(item(photo(here, 'a.png', 'sleep 60'), here))\n"
        "    while not any(isinstance(event, Began) for event in pool.poll(1)): pass\n"
        "    print(pool.workers[0].link.pid, flush=True)\n"
        "    pool.poll(60)\n"
        "    pool.poll(60)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path], stdout=subprocess.PIPE, text=True, env=environment
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        if "Z" in open(f"/proc/{pid}/stat").read().rpartition(")")[2][:3]:
            break
        time.sleep(0.05)
    else:
        assert not os.path.exists(f"/proc/{pid}")
