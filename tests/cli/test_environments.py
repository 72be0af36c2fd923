"""Where the program is run: no home, no user, nothing to write to, no terminal, little memory, a full disk."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
CUT = ("segment", "photo.jpg", "--offline", "--segmenter", "plain")


@pytest.fixture
def place(tmp_path):
    """A folder that anybody may write to, with a photo in it."""
    v, u = np.mgrid[-1:1:160j, -1:1:160j]
    disc = (np.hypot(u, v) < 0.5)[..., None]
    Image.fromarray(np.where(disc, (190, 60, 40), (235, 235, 235)).astype(np.uint8)).save(
        tmp_path / "photo.jpg"
    )
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o777)
    return tmp_path


def start(words, place, environment=None, before=None, interpreter=(sys.executable,)):
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    clean["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        [*interpreter, "-m", "img2mesh", *words],
        cwd=place,
        env={**clean, **(environment or {})},
        preexec_fn=before,
        capture_output=True,
        timeout=300,
    )


def nobody():
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)


def check(outcome, code=0):
    assert outcome.returncode == code, outcome.stderr.decode(errors="replace")
    assert b"Traceback" not in outcome.stderr
    return outcome.stderr.decode(errors="replace")


needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become nobody"
)


UNKNOWN = """
import os, pwd
def unknown(number): raise KeyError(f'getpwuid(): uid not found: {number}')
pwd.getpwuid = unknown
os.environ.pop('HOME', None)
"""

SEVERAL = """
import json, sys
from img2mesh.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        if end.code:
            raise
"""


def start_several(commands, place, environment=None, before=""):
    """Command lines one after the other in one process, up to the first that fails; `before`: code that runs first."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", before + SEVERAL, json.dumps(commands)],
        cwd=place,
        env={**clean, **(environment or {})},
        capture_output=True,
        timeout=600,
    )


def test_a_user_that_nobody_knows_without_a_home(place):
    said = check(start_several([["segment", "photo.jpg"]], place, before=UNKNOWN))
    assert (place / "cutout.png").exists() and not (place / "~").exists()
    assert "no home folder" in said


@pytest.mark.slow
def test_the_whole_job_and_the_doctor_without_a_user(place):
    cut = ["segment", "photo.jpg", "--offline"]
    job = "photo.jpg --offline --preset draft --views 6 --steps 1 --iterations 5 --rays 256 --hull-resolution 40"
    small = "--mesh-resolution 48 --faces 1000 --texture-size 128"
    check(start_several([cut, f"{job} {small}".split(), ["doctor"]], place, before=UNKNOWN))
    assert (place / "cutout.png").exists() and (place / "photo.glb").exists()
    assert not (place / "~").exists()


@needs_root
def test_a_home_that_cannot_be_written(place):
    home = place / "home"
    home.mkdir(mode=0o555)
    try:
        outcome = start(("segment", "photo.jpg"), place, {"HOME": str(home)}, before=nobody)
    except PermissionError:
        pytest.skip("this Python cannot be read by other users")
    assert "The object was found without that model" in check(outcome)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("coding", ["cp1252", "ascii", "utf-8"])
def test_output_that_cannot_hold_a_name(place, coding):
    taken = []
    for name in ("кружка.png", "杯.png", os.fsdecode(b"caf\xe9.png")):
        try:
            shutil.copy(place / "photo.jpg", place / name)
        except (OSError, UnicodeError):  # file systems that take Unicode only
            continue
        taken.append(name)
    assert len(taken) >= 2
    commands = [[*CUT, "-o", "out/" + name] for name in taken]
    outcome = start_several(commands, place, {"PYTHONIOENCODING": coding})
    check(outcome)
    assert all((place / "out" / name).exists() for name in taken)
    lines = outcome.stdout.splitlines()
    assert len(lines) == len(taken) and all(line.endswith(b".png") for line in lines)


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_terminals_that_cannot_do_anything(place, terminal):
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "img2mesh", *CUT],
        cwd=place,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": terminal, "OMP_NUM_THREADS": "1"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:
            break
        if not block:
            break
        said += block
    assert child.wait(timeout=120) == 0 and b"cutout.png" in said
    if terminal == "dumb":
        assert b"\x1b" not in said and b"\r\x1b" not in said


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_closed_streams(place, closed):
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[closed]
    outcome = start(CUT, place, before=lambda: os.close(number))
    assert outcome.returncode == 0 and b"Traceback" not in outcome.stderr
    assert (place / "cutout.png").exists()


def test_a_disk_that_is_full(place):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    rng = np.random.default_rng(0)
    v, u = np.mgrid[-1:1:160j, -1:1:160j]
    alpha = np.where(np.hypot(u, v) < 0.5, 255, 0)
    noisy = np.dstack([rng.integers(0, 255, (160, 160, 3)), alpha]).astype(np.uint8)
    Image.fromarray(noisy).save(place / "noisy.png")
    said = check(start(("segment", "noisy.png"), place, before=limit), code=1)
    assert "the disk is full, and nothing half-written was left" in said.splitlines()[-1]
    assert sorted(path.name for path in place.iterdir()) == ["noisy.png", "photo.jpg"]


@pytest.mark.parametrize("megabytes", [400, 700, 1000, 1400])
def test_little_address_space(place, megabytes):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20,) * 2)

    outcome = start(("photo.jpg", "--preset", "draft", "--offline"), place, before=limit)
    last = check(outcome, code=1).strip().splitlines()[-1]
    assert "Out of memory" in last and f"{(megabytes << 20) / 1e9:.2f} GB" in last
    assert not [path for path in place.iterdir() if path.name.startswith(".")]
