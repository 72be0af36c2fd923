"""What the program says, on a terminal and off it."""

import io
import sys

from img2mesh.core.progress import ConsoleProgress, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_silence_still_times(capsys):
    progress = Progress()
    for _ in range(2):
        with progress.stage("fit", 3) as step:
            step()
    assert progress.seconds["fit"] >= 0 and capsys.readouterr() == ("", "")


def test_the_first_run_began_with_its_listener(monkeypatch):
    monkeypatch.setattr("img2mesh.core.progress.time.perf_counter", lambda: now)
    now = 5.0
    progress = Progress()
    now = 8.0
    assert progress.begin() == 5.0
    now = 9.0
    assert progress.begin() == 9.0, "a second run begins by itself"


def test_plain_lines_where_nobody_watches(capsys):
    progress = ConsoleProgress()
    with progress.stage("fit", 3) as step:
        step(3)
    progress.warn("careful")
    out, err = capsys.readouterr()
    assert out == "" and "\r" not in err
    assert err.startswith("fit: 0.0 s\n") and err.endswith("warning: careful\n")


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ConsoleProgress().stage("fit", 4) as step:
        step(4)
    assert "4/4" in terminal.getvalue() and "[" + "#" * 30 + "]" in terminal.getvalue()
    assert terminal.getvalue().endswith(" s\n")
