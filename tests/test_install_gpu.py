"""The page on tiny-cuda-nn says what the code was written against."""

from __future__ import annotations

import re
from pathlib import Path

from img2mesh.settings import read_toml

ROOT = Path(__file__).parent.parent


def test_the_build_command_is_pinned_to_the_commit_that_was_read():
    page = (ROOT / "docs" / "install-gpu.md").read_text(encoding="utf-8")
    (address,) = re.findall(r'"git\+(\S+)"', page)
    repository, commit, folder = re.fullmatch(
        r"(https://[^@]+)@([0-9a-f]{40})#subdirectory=(\S+)", address
    ).groups()
    assert (repository, folder) == ("https://github.com/NVlabs/tiny-cuda-nn", "bindings/torch")
    stand_in = (ROOT / "tests" / "field" / "tcnn_stand_in.py").read_text(encoding="utf-8")
    assert f"commit {commit[:7]}" in stand_in


def test_its_pytorch_is_one_that_we_accept():
    page = (ROOT / "docs" / "install-gpu.md").read_text(encoding="utf-8")
    lowest = re.search(r'"torch>=([\d.]+),<', page)[1]
    needs = read_toml(ROOT / "pyproject.toml")["project"]["dependencies"]
    assert any(need.startswith(f"torch>={lowest}") for need in needs)
