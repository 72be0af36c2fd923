"""What `--help` says of every command, word for word, and how fast.

`python -m tests.cli.test_help` writes the files anew after a wanted change.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "help"
COMMANDS = ("", "convert", "views", "segment", "reconstruct", "preview", "web", "serve", "doctor")


def _words(text: str) -> list[str]:
    """Layout and the marks around arguments differ between versions of typer; the words do not."""
    text = re.sub(r"Usage:.*\n", "", text)
    return re.sub(r"[\s─│╭╮╰╯]+", " ", text).split()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_recorded(img2mesh, command):
    outcome = img2mesh(*command.split(), "--help")
    assert outcome.code == 0 and outcome.err == ""
    text = outcome.out
    if not command:  # other rooms' commands are theirs to word
        text = text.split("Commands:")[0]
    recorded = (FOLDER / f"{command or 'img2mesh'}.txt").read_text(encoding="utf-8")
    assert _words(text) == _words(recorded), "see the docstring of this file"


def test_every_setting_is_an_option_of_convert(img2mesh):
    from dataclasses import fields

    from img2mesh.settings import Settings

    text = img2mesh("convert", "--help").out
    for item in fields(Settings):
        assert "--" + item.name.replace("_", "-") in text


def test_no_words_print_the_help(img2mesh):
    outcome = img2mesh()
    assert outcome.code == 0 and outcome.out == img2mesh("--help").out


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["convert", "--help"]])
def test_help_needs_no_heavy_import_and_is_quick(words):
    code = (
        "import sys; from img2mesh.cli import run; run(sys.argv[1:]);"
        "heavy = {'torch', 'numpy', 'scipy', 'PIL', 'cv2', 'diffusers', 'transformers', 'trimesh', 'skimage'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    times = []
    while not times or (min(times) >= 0.3 and len(times) < 10):
        # Processor time: what a quiet machine takes by the clock, and a busy one seldom falsifies ten times.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call = [sys.executable, "-c", code, *words]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stderr.strip() == "[]"
    assert min(times) < 0.3, times


def test_version(img2mesh):
    from img2mesh import __version__

    assert img2mesh("--version").out == f"img2mesh {__version__}\n"


def test_a_reader_that_leaves_is_no_error():
    code = "from img2mesh.cli import main; main(['--help'])"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == ""


def test_a_photos_first_line_waits_for_no_numbers(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"no picture")
    code = (
        "import sys; from img2mesh.core.progress import ConsoleProgress\n"
        "def note(self, text): print(text, *(n for n in ('numpy', 'PIL', 'torch') if n in sys.modules)); sys.exit()\n"
        "ConsoleProgress.note = note; from img2mesh.cli import run; run(['photo.png'])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert found.stdout.strip() == "seed 0, preset standard", found.stderr


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    environment = {**os.environ, "COLUMNS": "110"}
    for name in COMMANDS:
        call = [sys.executable, "-m", "img2mesh", *name.split(), "--help"]
        text = subprocess.run(call, capture_output=True, text=True, check=True, env=environment).stdout
        text = text if name else text.split("Commands:")[0]
        (FOLDER / f"{name or 'img2mesh'}.txt").write_text(text, encoding="utf-8")
