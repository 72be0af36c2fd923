"""Install the program and run the demo on each Python 3.10 to 3.13 of this machine, with numpy 2 and with 1.26.

    python scripts/try_pythons.py                       # those on the PATH and pyenv's
    python scripts/try_pythons.py /usr/bin/python3.13   # these

Every try has an environment of its own, outside of the checkout. Where the registry has torch only with CUDA's
gigabytes, the Python is skipped, with that reason; `--cuda` takes them. A Python that has torch already keeps it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
NUMPY = {version: ("numpy>=2", "numpy==1.26.*") for version in VERSIONS} | {"3.13": ("numpy>=2",)}
LOOK = "import numpy, torch; print(f'numpy {numpy.__version__}, torch {torch.__version__}')"


def interpreters() -> Iterator[Path]:
    """One of each version: on the PATH, else pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        found = [Path(path) for path in [shutil.which(f"python{version}")] if path]
        found += sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
        works = [path for path in found if _run([path, "-c", ""]).returncode == 0]
        if works:
            yield works[0]
        else:
            print(f"Python {version}: not on this machine", flush=True)


def _run(command: list, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)  # type: ignore[call-overload]


def try_one(python: Path, numpy: str, torch: str, cuda: bool) -> str:
    """What came of it, in one line.

    Raises:
        RuntimeError: a step failed; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="img2mesh-python-") as folder:
        place = Path(folder)
        own = _run([python, "-c", "import torch"], cwd=folder).returncode == 0
        _step([python, "-m", "venv", *(["--system-site-packages"] if own else []), place / "venv"], place)
        pip = [place / "venv/bin/python", "-m", "pip", "--disable-pip-version-check"]
        _step([*pip, "install", "-q", "--upgrade", "pip"], place)
        if not own:
            planned = _run([*pip, "install", "-q", "--dry-run", "--report", "-", torch])
            names = re.findall(r'"name": "([^"]+)"', planned.stdout)
            if planned.returncode:
                return "skipped: torch cannot be had: " + planned.stderr.strip().splitlines()[-1]
            if any(name.startswith("nvidia") for name in names) and not cuda:
                return "skipped: torch is to be had with CUDA's libraries only (--cuda takes them)"
            _step([*pip, "install", "-q", torch, numpy], place)
        _step([*pip, "install", "-q", str(ROOT), numpy], place)
        start = time.monotonic()
        mesh = place / "mug.glb"
        demo = [
            place / "venv/bin/img2mesh",
            ROOT / "examples/mug.jpg",
            "-o",
            mesh,
            "--preview",
            place / "mug.png",
        ]
        _step([*demo, "--preset", "draft", "--offline"], place)
        seconds = time.monotonic() - start
        _step([place / "venv/bin/img2mesh", "check", mesh, "--fail-on", "error"], place)
        versions = _step([place / "venv/bin/python", "-c", LOOK], place).strip()
        return f"{versions}: the demo's mesh is whole, {seconds:.0f} s"


def _step(command: list, place: Path) -> str:
    outcome = _run(command, cwd=place, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""})
    if outcome.returncode:
        tail = (outcome.stdout + outcome.stderr).strip()[-1500:]
        raise RuntimeError(f"{' '.join(map(str, command))[-200:]} failed:\n{tail}")
    return outcome.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pythons", nargs="*", type=Path)
    parser.add_argument("--torch", default="torch==2.13.0", help="what pip is asked for")
    parser.add_argument("--cuda", action="store_true", help="take a torch with CUDA's libraries")
    given = parser.parse_args()
    failed = 0
    for python in given.pythons or interpreters():
        asked = _run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        version = asked.stdout.strip()
        for numpy in NUMPY.get(version, ("numpy>=2",)):
            try:
                said = try_one(python, numpy, given.torch, given.cuda)
            except RuntimeError as error:
                said, failed = f"FAILED: {error}", failed + 1
            print(f"Python {version}, {numpy}: {said}", flush=True)
            if said.startswith("skipped"):
                break
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
