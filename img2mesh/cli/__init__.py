"""The command line: `app` assembles the commands, one file each; `options` makes options of the settings.

Nothing here imports torch or anything slow; a command imports what it needs when it runs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from img2mesh.core.device import allowed_memory_gb
from img2mesh.core.files import FULL
from img2mesh.errors import Img2MeshError

_NO_MEMORY = ("cannot allocate memory", "failed to map segment")
# Imports make hundreds of thousands of objects that stay: it is in vain to look for garbage after every 2000 of them.
COLLECTED = (50_000, 20, 20)
USUAL = gc.get_threshold()
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    _quiet_libraries(_verbose(words))
    gc.set_threshold(*COLLECTED)
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    for stream in (sys.stdout, sys.stderr):  # a file name may hold what the terminal's encoding does not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(words)
    gc.freeze()  # else Python looks through all that the libraries hold once more before it leaves, for half a second
    sys.exit(code)


def collect_garbage_as_usual() -> None:
    """For commands that go through thousands of objects: readers of meshes leave cycles of few parts, many MB each."""
    gc.set_threshold(*USUAL)


def run(argv: list[str]) -> int:
    """Run a command line; every error becomes one sentence on stderr, and the exit code comes back."""
    if argv == ["--version"]:
        from img2mesh import __version__

        print(f"img2mesh {__version__}")
        return 0
    try:
        from img2mesh.cli.app import (
            command,
            complete_default_command,
            help_text,
            with_default_command,
        )

        completing = "_IMG2MESH_COMPLETE" in os.environ  # the shell asks for words, not for help
        if completing:
            complete_default_command(os.environ)
        text = None if completing else help_text(argv or ["--help"])
        if text is not None:
            print(text, flush=True)
            return 0
        code = command().main(
            args=argv if completing else with_default_command(argv),
            prog_name="img2mesh",
            standalone_mode=False,
        )
        if sys.stdout is not None:
            sys.stdout.flush()
        if code == INTERRUPTED:  # newer versions of typer turn Ctrl-C into this by themselves
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except BaseException as error:
        return _explain(error, _verbose(argv))


def _verbose(argv: list[str]) -> bool:
    return "-v" in argv or "--verbose" in argv


def _explain(error: BaseException, verbose: bool) -> int:
    """One sentence on stderr, and the exit code for it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, BrokenPipeError):
        # The reader of our output left. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return _say("interrupted; nothing half-written was left behind.", INTERRUPTED)
    if verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, Img2MeshError):
        return _say(str(error), BAD_INPUT)
    if hasattr(error, "format_message"):  # click's usage errors, whichever package typer has them in
        text = " ".join(error.format_message().split()).rstrip(".")
        return _say(f"{text} (`img2mesh --help` lists commands and options).", BAD_INPUT)
    if isinstance(error, OSError) and error.errno in FULL:
        return _say(f"{error.strerror}: the disk is full, and nothing half-written was left behind.", FAILED)
    if _out_of_memory(error):
        allowed = allowed_memory_gb()
        limit = f" (ulimit -v allows this program {allowed:.2f} GB)" if allowed else ""
        return _say(f"Out of memory{limit}; try --preset draft, fewer --views or a smaller --batch.", FAILED)
    if allowed_memory_gb():  # libraries that get no memory fail in a hundred ways
        doubt = "the memory allowed to this program (ulimit -v) may be too little"
        return _say(f"{' '.join(str(error).split())[:200]}; {doubt}.", FAILED)
    hint = "" if verbose else " (run again with -v for the traceback)"
    text = " ".join(str(error).split())[:300]
    return _say(f"Unexpected {type(error).__name__}: {text}{hint}.", FAILED)


def _say(text: str, code: int) -> int:
    try:
        print(f"error: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass
    return code


def _out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, (OSError, ImportError)) and any(words in text for words in _NO_MEMORY))
        or (isinstance(error, RuntimeError) and "can't start new thread" in text)
        or "bad_alloc" in text
        or (
            isinstance(error, RuntimeError)
            and ("alloc" in text or "out of memory" in text)
            and "memory" in text
        )
    )


def _terminate(number: int, frame: Any) -> None:
    """A polite kill cleans up as Ctrl-C does."""
    raise KeyboardInterrupt


def _quiet_libraries(verbose: bool) -> None:
    """Advice that libraries print for programmers is no help to users of the command; -v lets it through."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that wait by spinning make small networks up to twenty times slower where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if verbose:
        return
    for name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(name, "error")
    import warnings

    warnings.filterwarnings("ignore")
