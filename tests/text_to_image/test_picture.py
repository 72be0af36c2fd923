"""Text to picture with a tiny random pipeline, and which of several pictures is taken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from img2mesh.text_to_image import picture_of
from img2mesh.text_to_image.choice import judge
from img2mesh.text_to_image.pipeline import STEPS, TextToImage
from img2mesh.text_to_image.wording import LONGEST, check_prompt, file_stem, worded
from tests.text_to_image.tiny import make_tiny_text

SETTINGS = Settings.load("draft", offline=True, device="cpu", segmenter="plain")


def scene(*boxes, size=256):
    """A picture of red discs on a light ground."""
    picture = Image.new("RGB", (size, size), (225, 225, 228))
    for box in boxes:
        ImageDraw.Draw(picture).ellipse(box, fill=(170, 30, 30))
    return picture


GOOD = scene((60, 60, 200, 200))
BAD = {
    "cut": scene((-80, 60, 120, 200)),
    "two": scene((20, 80, 110, 180), (150, 80, 240, 180)),
    "tiny": scene((115, 115, 145, 145)),
    "none": scene(),
}


def test_a_random_pipeline_draws_and_repeats_itself(tiny_text):
    drawer = TextToImage(tiny_text, SETTINGS.replace(precision="fp32"))
    steps = []
    progress = Progress()
    progress._begin = lambda name, total: lambda n=1: steps.append(total)
    first, again, other = (drawer.draw(worded("a cup"), "hands", seed, progress) for seed in (3, 3, 4))
    assert first.size == (64, 64) and first.mode == "RGB"
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert steps == [STEPS["draft"]] * 3 * STEPS["draft"]


def test_half_precision_files_are_found(tmp_path):
    drawer = TextToImage(make_tiny_text(tmp_path / "half", half=True), SETTINGS)
    assert drawer.draw("a cup", "", 0, Progress()).size == (64, 64)


def test_a_model_with_a_solver_of_its_own_keeps_it(tiny_text):
    from diffusers import LCMScheduler

    from img2mesh.text_to_image.pipeline import _quick_solver

    drawer = TextToImage(tiny_text, SETTINGS)
    drawer.pipeline.scheduler = LCMScheduler()
    assert _quick_solver(drawer.pipeline, "draft") is None
    assert isinstance(drawer.pipeline.scheduler, LCMScheduler)


def test_what_is_no_pipeline_is_told_in_a_sentence(tiny_text, tmp_path):
    import shutil

    folder = shutil.copytree(tiny_text, tmp_path / "other")
    text = (folder / "model_index.json").read_text()
    (folder / "model_index.json").write_text(text.replace("StableDiffusionPipeline", "DDPMPipeline"))
    with pytest.raises(Img2MeshError, match=r"cannot be loaded as a text-to-image pipeline[^\n]*$"):
        TextToImage(folder, SETTINGS)


@pytest.mark.parametrize("name", BAD)
def test_a_whole_object_ranks_above(name):
    good = judge(GOOD, SETTINGS, Progress())
    assert good.faults == () and good.usable and good.share == pytest.approx(0.235, abs=0.02)
    bad = judge(BAD[name], SETTINGS, Progress())
    assert bad.faults and bad.rank < good.rank
    assert bad.usable is (name != "none")


@pytest.fixture
def drawing(monkeypatch):
    """Let the pipeline draw these pictures, one after the other; the seeds that it was asked for come back."""

    def draws(*pictures):
        asked, left = [], list(pictures)

        def draw(self, text, unwanted, seed, progress):
            asked.append(seed)
            return left.pop(0)

        monkeypatch.setattr(TextToImage, "draw", draw)
        return asked

    return draws


def test_the_best_candidate_is_taken_and_all_are_kept(tiny_text, tmp_path, drawing):
    asked = drawing(BAD["cut"], None, GOOD, BAD["two"])
    made = picture_of(
        "a red  ball ", SETTINGS.replace(seed=7), model=str(tiny_text), candidates=4, keep=tmp_path
    )
    assert made.picture is GOOD and asked == [7, 8, 9, 10]
    facts = made.facts
    assert (facts["taken"], facts["text"], facts["licence"], facts["model"]) == (
        2,
        "a red ball",
        "mit",
        "tiny",
    )
    assert [bool(each["faults"]) for each in facts["candidates"]] == [True, True, False, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"candidate-{k}.png" for k in (0, 2, 3)]
    assert np.array_equal(Image.open(tmp_path / "candidate-2.png"), GOOD)


def test_no_object_in_any_picture(tiny_text, drawing):
    drawing(BAD["none"], None)
    with pytest.raises(Img2MeshError, match="No object was found in any of the 2 pictures"):
        picture_of("a ball", SETTINGS, model=str(tiny_text), candidates=2)


def test_words():
    assert worded("a cup").index("a cup") < worded("a cup").index("whole object")
    assert file_stem("A red, enamel teapot!") == "a-red-enamel-teapot" and file_stem("!") == "mesh"
    for text in ("", "  . ", "x" * (LONGEST + 1)):
        with pytest.raises(Img2MeshError, match="--prompt"):
            check_prompt(text)
