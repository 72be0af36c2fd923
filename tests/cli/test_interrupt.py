"""Ctrl-C at any moment: exit code 130, one sentence, nothing half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.fakes import fake_rooms


@pytest.mark.parametrize(
    "place",
    [
        "img2mesh.pipeline.image_to_mesh",
        "img2mesh.shape.reconstruct.shape_from_photo",
        "img2mesh.mesh.build_mesh",
        "img2mesh.preview.write_preview",
        "os.replace",
    ],
)
def test_nothing_is_left_wherever_it_strikes(img2mesh, tmp_path, photo, monkeypatch, place):
    fake_rooms(monkeypatch)

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, stop, raising=False)
    outcome = img2mesh("photo.png", "-o", "new/out.glb", "--preview", "p.png", "--report", "r.json")
    assert outcome.code == 130 and outcome.err.splitlines()[-1].startswith("error: interrupted")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "photo.png"]
    assert left == [] or ([path.name for path in left] == ["out.glb"] and "preview" in place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_signal(tmp_path, number):
    code = (
        "import time, sys\n"
        "from img2mesh.core.files import atomic_file\n"
        "import img2mesh.cli.segment as room\n"
        "from img2mesh.cli import main\n"
        "def slow(*a, **k):\n"
        "    with atomic_file('cutout.png') as temporary:\n"
        "        temporary.write_text('half')\n"
        "        print('started', flush=True)\n"
        "        time.sleep(60)\n"
        "import img2mesh.segment\n"
        "img2mesh.segment.segment_photo = slow\n"
        "open('photo.png', 'w').close()\n"
        "main(['segment', 'photo.png'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a parent in the background may have left SIGINT ignored, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout.readline() == "started\n"
    assert len(list(tmp_path.iterdir())) == 2
    time.sleep(0.1)
    child.send_signal(number)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130 and "Traceback" not in err and "interrupted" in err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
