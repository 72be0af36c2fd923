"""What is added to the user's words, so that the picture shows one whole object that can be cut out."""

from __future__ import annotations

import re

from img2mesh.errors import Img2MeshError

LONGEST = 300  # characters: text encoders read about 77 tokens, the added words among them
UNWANTED = "cropped, cut off, close-up, several objects, collage, people, hands, text, watermark, cluttered background"


def check_prompt(text: str) -> str:
    """The words without needless spaces.

    Raises:
        Img2MeshError: there are none, or too many.
    """
    words = " ".join(text.split()).strip(" .,;")
    if not words:
        raise Img2MeshError('--prompt is empty: describe one object, such as --prompt "a red enamel teapot".')
    if len(words) > LONGEST:
        raise Img2MeshError(f"--prompt has {len(words)} characters; at most {LONGEST} are read.")
    return words


def worded(words: str) -> str:
    """The prompt for the model; the additions stand around the user's words, as what comes last may be cut."""
    return (
        f"product photo of {words}, one single whole object in the centre, on a plain light grey background"
    )


def file_stem(words: str) -> str:
    """A file's name made of the words: `a red enamel teapot` gives `a-red-enamel-teapot`."""
    return re.sub(r"[^\w]+", "-", words).strip("-_").lower()[:60] or "mesh"
