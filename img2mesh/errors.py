"""The one exception that a user is meant to see."""

from __future__ import annotations


class Img2MeshError(Exception):
    """Bad input, in one clear sentence.

    The command line prints the sentence and exits with code 2; callers of the Python functions catch it.
    The message names the file or option at fault and, where there is one, the way out.
    """
