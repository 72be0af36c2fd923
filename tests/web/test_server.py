"""The program itself as a server: it starts, answers, and stops without a trace."""

import os
import re
import signal
import subprocess
import sys
import time

import httpx


def test_serve_until_interrupted(tmp_path):
    call = [
        sys.executable,
        "-m",
        "img2mesh",
        "serve",
        "--port",
        "0",
        "--results",
        str(tmp_path / "r"),
        "--device",
        "cpu",
    ]
    server = subprocess.Popen(
        call, stderr=subprocess.PIPE, text=True, env={**os.environ, "IMG2MESH_TOKEN": "t" * 20}
    )
    try:
        line = server.stderr.readline()
        home = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert home, line
        until = time.monotonic() + 30
        while True:
            try:
                assert httpx.get(f"{home[0]}/health").json()["status"] == "ok"
                break
            except httpx.ConnectError:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert httpx.get(f"{home[0]}/docs").status_code == 401
        known = httpx.get(f"{home[0]}/docs", headers={"Authorization": "Bearer " + "t" * 20})
        assert known.status_code == 200 and "server" not in known.headers
    finally:
        server.send_signal(signal.SIGINT)
        rest = server.communicate(timeout=30)[1]
    assert server.returncode == 0 and "Traceback" not in rest and "stopped." in rest
    assert oct((tmp_path / "r").stat().st_mode)[-3:] == "700"
