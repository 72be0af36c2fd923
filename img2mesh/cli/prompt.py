"""Options for a text instead of a photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2mesh.errors import Img2MeshError
from img2mesh.outputs import Output

if TYPE_CHECKING:
    from img2mesh.core.progress import Progress
    from img2mesh.settings import Settings
    from img2mesh.text_to_image import Drawing

Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", metavar="TEXT", help="No photo at hand: a text-to-image model draws this object."
    ),
]
TextModel = Annotated[
    str | None,
    typer.Option(
        "--text-model",
        metavar="NAME",
        help="That model: owner/name on the Hugging Face Hub, or a folder in diffusers' layout. Default: "
        "stable-diffusion-v1-5 (2.7 GB, fetched once).",
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        "--candidates",
        metavar="N",
        help="Pictures to draw, of which the best for a mesh is taken. Default: 1.",
    ),
]


@dataclass(frozen=True)
class Wish:
    """What the options ask for."""

    words: str
    model: str
    candidates: int

    @property
    def stem(self) -> str:
        """A name for the mesh."""
        from img2mesh.text_to_image.wording import file_stem

        return file_stem(self.words)

    def kept(self, folder: Path | None) -> list[Output]:
        """What --keep leaves of it."""
        from img2mesh.text_to_image.candidates import kept

        return [Output("--keep", path) for path in kept(folder, self.candidates)]

    def drawn(self, settings: Settings, keep: Path | None, progress: Progress) -> Drawing:
        """The picture; a listener hears where it is not quite right."""
        from img2mesh.text_to_image import picture_of

        return picture_of(
            self.words, settings, model=self.model, candidates=self.candidates, keep=keep, progress=progress
        )


def wish_of(
    prompt: str | None, model: str | None, candidates: int | None, others: dict[str, bool]
) -> Wish | None:
    """The wish, or None where there is a photo.

    Args:
        others: options that need photos, and whether they are given.

    Raises:
        Img2MeshError: the options contradict each other.
    """
    if prompt is None:
        alone = [
            name
            for name, value in (("--text-model", model), ("--candidates", candidates))
            if value is not None
        ]
        if alone:
            raise Img2MeshError(f"{alone[0]} is for --prompt.")
        return None
    given = next((name for name, value in others.items() if value), None)
    if given is not None:
        raise Img2MeshError(f"--prompt draws the one picture that is needed: {given} doesn't go with it.")
    from img2mesh.text_to_image import candidates as drawing
    from img2mesh.text_to_image import wording

    return Wish(
        wording.check_prompt(prompt),
        drawing.DEFAULT if model is None else model,
        drawing.check_candidates(1 if candidates is None else candidates),
    )
