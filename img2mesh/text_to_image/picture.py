"""A sentence to a picture: some candidates are drawn, the best for a mesh is taken."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from img2mesh.core.device import own_random_state, use_threads
from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from img2mesh.text_to_image import models
from img2mesh.text_to_image.candidates import DEFAULT, check_candidates, kept
from img2mesh.text_to_image.choice import Verdict, judge
from img2mesh.text_to_image.wording import UNWANTED, check_prompt, worded


@dataclass(frozen=True)
class Drawing:
    """The picture that was taken.

    Attributes:
        picture: RGB.
        facts: for the report: the words, the model and its licence, each candidate's seed and verdict, who was taken.
    """

    picture: Image.Image
    facts: dict[str, Any]


@own_random_state()
def picture_of(
    prompt: str,
    settings: Settings,
    *,
    model: str = DEFAULT,
    candidates: int = 1,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Drawing:
    """Draw what a text describes, as one whole object on a plain background.

    Args:
        settings: seed of the first candidate (the others follow), device, precision, preset, segmenter, offline.
        model: a text-to-image model (`models.find`).
        candidates: pictures to draw, 1 to 16.
        keep: folder for all of them (`kept`).

    Raises:
        Img2MeshError: no words, no model, or no picture with an object.
    """
    words, progress = check_prompt(prompt), progress or Progress()
    check_candidates(candidates)
    folder, entry = models.find(model, settings.offline, progress)
    progress.note(f"text to image: {entry.name}, licence: {entry.licence}")
    use_threads()
    from img2mesh.text_to_image.pipeline import TextToImage

    with progress.stage("load text model"):
        drawer = TextToImage(folder, settings)
    seeds = [(settings.seed + index) % 2**32 for index in range(candidates)]
    drawn = [drawer.draw(worded(words), UNWANTED, seed, progress) for seed in seeds]
    del drawer  # its memory serves what follows
    gc.collect()
    verdicts = []
    paths: list[Path | None] = [*kept(keep, candidates)] or [None] * candidates
    for picture, path in zip(drawn, paths, strict=True):
        if picture is None:
            verdicts.append(Verdict(("The text model's safety checker withheld the picture.",)))
            continue
        if path is not None:
            save_png(np.asarray(picture), path, "prompt")
        verdicts.append(judge(picture, settings, progress))
    best = max(range(candidates), key=lambda index: verdicts[index].rank)
    taken = drawn[best]
    if taken is None or not verdicts[best].usable:
        what = "the picture" if candidates == 1 else f"any of the {candidates} pictures"
        raise Img2MeshError(
            f"No object was found in {what} that the text model drew ({verdicts[best].faults[0].rstrip('.')}): word "
            "the prompt otherwise, give another --seed or more --candidates."
        )
    if verdicts[best].faults and candidates == 1:
        progress.note("other pictures: --seed N, or --candidates 4 for the best of four")
    facts = {
        "text": words,
        "worded": worded(words),
        "model": entry.name,
        "from": entry.repo,
        "licence": entry.licence,
        "note": entry.note,
        "candidates": [
            {"seed": seed, "confidence": v.confidence, "share": v.share, "faults": list(v.faults)}
            for seed, v in zip(seeds, verdicts, strict=True)
        ],
        "taken": best,
    }
    return Drawing(taken, facts)
