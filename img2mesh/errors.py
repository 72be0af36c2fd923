"""The one exception that a user is meant to see."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn


class Img2MeshError(Exception):
    """Bad input, in one clear sentence.

    The command line prints the sentence and exits with code 2; callers of the Python functions catch it.
    The message names the file or option at fault and, where there is one, the way out.
    """


def run_script(main: Callable[[], int]) -> NoReturn:
    """Leave the program with what `main` returns; an `Img2MeshError` is one sentence on stderr and exit code 2."""
    try:
        sys.exit(main())
    except Img2MeshError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
