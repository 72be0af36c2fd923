import threading
import time

import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.service.job import CANCELLED, CUTOUT, DONE, FAILED, QUEUED, RUNNING
from img2mesh.service.limits import NotFound, NotReady, QueueFull
from tests.service.fake_service import DRAFT, says, service


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = service(tmp_path_factory.mktemp("results"), 0.05)
    yield made
    made.close()


def test_a_job_runs_to_its_result(running):
    job = running.submit(says("ok"), DRAFT)
    assert job.state in (QUEUED, RUNNING) and len(job.id) >= 22
    done = running.wait(job.id, 60)
    assert (done.state, done.share, done.error) == (DONE, 1.0, None)
    assert done.created <= done.started <= done.ended
    path = running.result(job.id, "mesh.glb")
    assert path.read_text().startswith("ply") and path.stat().st_size == done.files["mesh.glb"]
    assert "it is only pretended." in done.said
    assert not list(path.parent.glob("photo-*"))  # what was uploaded is not kept


def test_progress_is_seen_and_never_falls(running):
    job = running.submit(says("sleep 1.5"), DRAFT)
    shares, stages, ends = [], set(), []
    while not (now := running.status(job.id)).over:
        shares.append(now.share)
        stages.add(now.stage)
        ends.append(now.expected_end)
        time.sleep(0.05)
    assert shares == sorted(shares) and len(set(shares)) > 2
    assert "views" in stages
    assert any(end is not None and end > time.time() - 5 for end in ends)


def test_failures_are_one_sentence_and_fail_that_job_alone(running):
    good = [running.submit(says("ok"), DRAFT)]
    bad = running.submit(says("bad"), DRAFT)
    bug = running.submit(says("bug"), DRAFT)
    crash = running.submit(says("exit"), DRAFT)
    good.append(running.submit(says("ok"), DRAFT))
    assert [running.wait(job.id, 90).state for job in good] == [DONE, DONE]
    assert running.status(bad.id).error == "Photo-0.png shows nothing."
    assert running.status(bug.id).category == "defect"
    died = running.status(crash.id)
    assert died.state == FAILED and died.category == "crash" and "died twice" in died.error
    with pytest.raises(NotReady, match="shows nothing"):
        running.result(bad.id, "mesh.glb")


def test_a_running_and_a_waiting_job_are_cancelled(running):
    first = running.submit(says("sleep 30"), DRAFT)
    second = running.submit(says("ok"), DRAFT)
    assert running.status(second.id).ahead == 1
    assert running.status(second.id).expected_end > time.time()
    running.cancel(second.id)
    assert running.wait(second.id, 10).state == CANCELLED
    while running.status(first.id).state != RUNNING:
        time.sleep(0.02)
    running.cancel(first.id)
    ended = running.wait(first.id, 20)
    assert (ended.state, ended.error) == (CANCELLED, "Cancelled.")
    assert running.cancel(first.id).state == CANCELLED  # a second time changes nothing


def test_deleted_jobs_leave_nothing(running):
    done = running.submit(says("ok"), DRAFT)
    running.wait(done.id, 60)
    going = running.submit(says("sleep 30"), DRAFT)
    for job in (done, going):
        running.delete(job.id)
        with pytest.raises(NotFound):
            running.status(job.id)
    until = time.monotonic() + 20
    while (running.store.folder / going.id).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not any((running.store.folder / job.id).exists() for job in (done, going))


def test_only_the_jobs_own_files_are_handed_out(running):
    job = running.submit(says("ok"), DRAFT)
    with pytest.raises(NotReady):
        running.result(running.submit(says("ok"), DRAFT).id, "mesh.glb")
    running.wait(job.id, 60)
    for name in ("job.json", "../.secret", "/etc/passwd", "mesh.stl", ""):
        with pytest.raises(NotFound):
            running.result(job.id, name)
    for number in ("", "..", ".", job.id[:-1], "../" + job.id):
        with pytest.raises(NotFound):
            running.result(number, "mesh.glb")


def test_cutouts_do_not_wait_for_meshes(running):
    slow = running.submit(says("sleep 30"), DRAFT)
    look = running.submit(says("ok"), DRAFT, CUTOUT)
    assert running.wait(look.id, 30).state == DONE
    assert look.id not in [job.id for job in running.list()]
    running.cancel(slow.id)
    running.wait(slow.id, 20)


def test_the_queue_is_bounded(tmp_path):
    full = service(tmp_path, queue=2)
    try:
        full.submit(says("sleep 20"), DRAFT)
        while not any(job.state == RUNNING for job in full.list()):
            time.sleep(0.02)
        for _ in range(2):
            full.submit(says("ok"), DRAFT)
        with pytest.raises(QueueFull) as refused:
            full.submit(says("ok"), DRAFT)
        assert refused.value.retry_after >= 1
    finally:
        full.close()
    assert {job.state for job in full.list()} == {FAILED}


def test_a_job_that_hangs_is_ended(tmp_path):
    short = service(tmp_path, seconds=1.0)
    try:
        job = short.submit(says("hang 60"), DRAFT)
        after = short.submit(says("ok"), DRAFT)
        assert short.wait(job.id, 30).category == "timeout"
        assert "time limit" in short.status(job.id).error
        assert short.wait(after.id, 30).state == DONE
    finally:
        short.close()


def test_results_outlive_the_server_and_expire(tmp_path):
    first = service(tmp_path)
    done = first.submit(says("ok"), DRAFT)
    first.wait(done.id, 60)
    with pytest.raises(Img2MeshError, match="Another server"):
        service(tmp_path)
    left = first.submit(says("sleep 30"), DRAFT)
    first.close()
    second = service(tmp_path)
    try:
        assert second.result(done.id, "mesh.glb").exists()
        assert second.status(left.id).error == "The server was stopped."
        second.sweep()
        assert second.status(done.id).state == DONE
        second.jobs[done.id] = second.status(done.id).but(ended=time.time() - 8 * 86400)
        second.sweep()
        with pytest.raises(NotFound):
            second.status(done.id)
        assert not (second.store.folder / done.id).exists()
    finally:
        second.close()


def test_thirty_jobs_of_six_clients_end_in_order(tmp_path):
    diary = tmp_path / "diary"
    busy = service(tmp_path / "r", 0.02, diary)
    order, lock = [], threading.Lock()

    def client():
        for _ in range(5):
            with lock:
                order.append(busy.submit(says("ok"), DRAFT).id)

    clients = [threading.Thread(target=client) for _ in range(6)]
    try:
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        assert len(order) == 30
        assert all(busy.wait(number, 60).state == DONE for number in order)
        assert diary.read_text().split() == order
    finally:
        busy.close()
