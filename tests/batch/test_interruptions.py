"""Killed at any moment, a batch goes on where it was: whole files, equal bytes, nothing made twice without need."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.jobs.fake_work import FakeWork

ITEMS, KILLS = 12, 10


def start(root, seconds=0.05, jobs=2, **options):
    """The driver, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.batch.driver", str(root), str(seconds), str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def children(pid):
    """Worker processes of a driver (the resource tracker is none)."""
    found = []
    for each in os.listdir("/proc"):
        if each.isdigit():
            try:
                with open(f"/proc/{each}/stat") as stat, open(f"/proc/{each}/cmdline") as line:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                    if parent == pid and "spawn_main" in line.read():
                        found.append(int(each))
            except OSError:
                continue
    return found


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def full_shop(shop):
    shop.add(*(f"{index:02d}.png" for index in range(ITEMS)))
    shop.run(work=FakeWork(bytes=5000))
    wanted = shop.files()
    shutil.rmtree(shop.meshes)
    return shop, shop.photos.parent, wanted


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks for processes in /proc")
@pytest.mark.parametrize("victim", ["worker", "parent", "group"])
def test_kill_9_at_random_moments(full_shop, victim):
    shop, root, wanted = full_shop
    dice, kills = random.Random(victim), 0
    while kills < KILLS:
        driver = start(root)
        wait_for(lambda driver=driver: shop.diary.exists() or driver.poll() is not None)
        time.sleep(dice.uniform(0, 0.25))
        if driver.poll() is None:
            kills += 1
            if victim == "worker":
                for pid in children(driver.pid)[:1]:
                    os.kill(pid, signal.SIGKILL)
            elif victim == "parent":
                driver.kill()
            else:
                os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate(timeout=60)
        begun = Counter(shop.begun())
        if victim == "worker":
            assert driver.returncode == 0, "the death of a worker costs nothing"
            assert begun and max(begun.values()) <= 2
        else:
            for path in shop.meshes.glob("*.glb"):
                assert path.stat().st_size == 5000, "whole or not there; in `.img2mesh` it may be begun"
            assert max(begun.values(), default=1) == 1, "nobody makes an item twice"
        if driver.returncode == 0 and kills < KILLS:  # complete: a new folder for the next
            assert shop.files() == wanted
            shutil.rmtree(shop.meshes)
    done = shop.files()
    driver = start(root)
    out, _ = driver.communicate(timeout=60)
    assert driver.returncode == 0, out
    assert shop.files() == wanted
    remade = set(shop.begun())
    # what was there but not yet in the journal is made again, which only the last death can have caused
    assert len(remade & {name.removesuffix(".glb") for name in done}) <= 2
    assert not list((shop.meshes / ".img2mesh").glob("work/*"))
    lines = (shop.meshes / "report.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["name"] for line in lines) == [f"{index:02d}" for index in range(ITEMS)]


def test_ctrl_c_once_finishes_what_is_being_made(full_shop):
    shop, root, wanted = full_shop
    driver = start(root, seconds=0.5)
    wait_for(shop.diary.exists)
    time.sleep(0.1)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does
    out, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "will be finished; Ctrl-C again stops at once" in out
    left = int(re.search(r"(\d+) items are left: the same command goes on\.", out)[1])
    begun = shop.begun()
    assert len(begun) == ITEMS - left == len(shop.files()) > 0
    driver = start(root, seconds=0)
    driver.communicate(timeout=60)
    assert driver.returncode == 0 and shop.files() == wanted
    assert not set(shop.begun()) & set(begun)


def test_ctrl_c_twice_stops_at_once(full_shop):
    shop, root, _ = full_shop
    driver = start(root, seconds=60)
    wait_for(shop.diary.exists)
    workers = children(driver.pid)
    start_time = time.monotonic()
    os.killpg(driver.pid, signal.SIGINT)
    time.sleep(0.7)
    os.killpg(driver.pid, signal.SIGINT)
    driver.communicate(timeout=60)
    assert driver.returncode == 130 and time.monotonic() - start_time < 10
    assert workers and not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    assert shop.files() == {}


def test_two_runs_at_once(full_shop):
    shop, root, wanted = full_shop
    first = start(root, seconds=0.2)
    wait_for(lambda: (shop.meshes / ".img2mesh" / "owner.json").exists())
    second = start(root)
    out, _ = second.communicate(timeout=60)
    assert (
        second.returncode == 2 and f"(process {first.pid} on " in out and out.strip().endswith("or stop it.")
    )
    first.communicate(timeout=60)
    assert first.returncode == 0 and shop.files() == wanted
    assert max(Counter(shop.begun()).values()) == 1


def test_a_photo_that_goes_away_in_the_middle(shop):
    shop.add("a.png", "b.png", "c.png")
    summary = shop.run(on_done=lambda *_: (shop.photos / "c.png").unlink(missing_ok=True))
    assert sorted(shop.files()) == ["a.glb", "b.glb"]
    assert [(each["source"], each["error_category"]) for each in summary.failed] == [("c.png", "input")]
    shop.add("c.png")
    assert shop.run().complete


def test_time_limits(shop):
    shop.add("a.png", "b.png")
    shop.add("slow.png", text="hang 60")
    summary = shop.run(jobs=1, timeout=0.5)
    assert sorted(shop.files()) == ["a.glb", "b.glb"]
    assert [each["error_category"] for each in summary.failed] == ["timeout"]


def test_many_deaths_in_a_row_end_the_batch(shop):
    shop.add(*(f"{index}.png" for index in range(7)), text="exit")
    summary = shop.run(jobs=1)
    assert len(summary.failed) == 5 and summary.left == 2
    assert "5 items in a row ended their worker" in summary.reason


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system of so many kilobytes."""
    mounted = []

    def mount(kilobytes, *places):
        place = tmp_path / "disk"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        if os.name == "nt" or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(shop, small_disk, monkeypatch):
    shop.meshes = small_disk(200) / "meshes"
    shop.add(*(f"{index:02d}.png" for index in range(10)))
    with pytest.raises(Exception, match="nearly full"):
        shop.run()
    monkeypatch.setattr("img2mesh.batch.run.check_room", lambda *_: None)
    monkeypatch.setattr("img2mesh.batch.batch.check_room", lambda *_: None)
    summary = shop.run(work=FakeWork(shop.diary, bytes=40_000))
    assert "the disk is full. The batch stops." in summary.reason and not summary.complete
    assert 0 < len(shop.files()) < 10 and summary.left == 10 - len(summary.made)
    assert all(path.stat().st_size == 40_000 for path in shop.meshes.glob("*.glb"))
    subprocess.run(["mount", "-o", "remount,size=2000k", str(shop.meshes.parent)], check=True)
    made = {record["name"] for record in summary.made}
    shop.begun()
    assert shop.run(work=FakeWork(shop.diary, bytes=40_000)).complete
    assert not set(shop.begun()) & made, "what was written stays"


@pytest.fixture
def closed():
    """Closes a folder to everybody, root included."""
    places = []

    def close(place):
        if os.geteuid() != 0:
            place.chmod(0o555)
        elif subprocess.run(["chattr", "+i", str(place)], capture_output=True).returncode:
            pytest.skip("no file system here that refuses root")
        places.append(place)

    def reopen():
        for place in places:
            if os.geteuid() != 0:
                place.chmod(0o755)
            else:
                subprocess.run(["chattr", "-i", str(place)], check=True)
        places.clear()

    close.reopen = reopen
    yield close
    reopen()


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_a_folder_that_becomes_read_only(shop, closed):
    shop.add("a.png", "b.png", "c.png")
    summary = shop.run(on_done=lambda *_: closed(shop.meshes))
    closed.reopen()
    assert "cannot write" in summary.reason and "The batch stops." in summary.reason
    assert [each["name"] for each in summary.made] == ["a"] and summary.left == 2 and not summary.failed
    shop.begun()
    assert shop.run().complete and shop.begun() == ["b", "c"]
