"""The three clients of docs/web.md are clients."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.service.hostile import picture
from tests.web.live import listening

TEXT = (Path(__file__).parents[2] / "docs" / "web.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with listening(tmp_path_factory.mktemp("results"), page=False) as (address, _):
        yield address


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(picture("JPEG"))
    return tmp_path


def client(language: str, home: str) -> str:
    text = next(t for t in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if "/v1/jobs" in t)
    assert len(text.splitlines()) <= 12
    return text.replace("http://127.0.0.1:7860", home)


def test_curl(home, desk):
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("no curl")
    subprocess.run(["bash", "-ec", client("bash", home)], cwd=desk, check=True, timeout=60)
    assert (desk / "mesh.glb").read_bytes().startswith(b"glTF")


def test_python(home, desk, monkeypatch):
    monkeypatch.chdir(desk)
    monkeypatch.setitem(sys.modules, "requests", httpx)
    exec(compile(client("python", home), "docs/web.md", "exec"), {})
    assert (desk / "mesh.glb").read_bytes().startswith(b"glTF")


def test_javascript(home, desk):
    if shutil.which("node") is None:
        pytest.skip("no node")
    (desk / "client.mjs").write_text(client("js", home))
    subprocess.run(["node", "client.mjs"], cwd=desk, check=True, timeout=60)
    assert (desk / "mesh.glb").read_bytes().startswith(b"glTF")
