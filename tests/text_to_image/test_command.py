"""`img2mesh --prompt`: the whole way, and what is refused."""

from __future__ import annotations

import json

import pytest

from tests.fakes import photo_file


def test_from_words_to_a_mesh(img2mesh, tiny_text, tmp_path, monkeypatch):
    from PIL import Image

    from img2mesh.core.files import data_folder
    from img2mesh.text_to_image.pipeline import TextToImage

    with Image.open(data_folder("examples") / "mug.jpg") as image:
        mug = image.convert("RGB")
    monkeypatch.setattr(TextToImage, "draw", lambda *_: mug)
    words = ["--prompt", "a striped mug", "--text-model", tiny_text, "--preset", "draft", "--offline"]
    words += ["--views", 6, "--iterations", 20, "--report", "r.json", "--keep", "stages", "--candidates", 2]
    outcome = img2mesh(*words)
    assert outcome.code == 0, outcome.err
    assert (
        outcome.out.strip() == "a-striped-mug.glb"
        and (tmp_path / "a-striped-mug.glb").stat().st_size > 10_000
    )
    assert "licence: mit" in outcome.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["prompt"]["licence"] == "mit" and report["prompt"]["text"] == "a striped mug"
    assert len(report["prompt"]["candidates"]) == 2 and "photo" not in report
    assert (tmp_path / "stages" / "candidate-1.png").is_file() and (
        tmp_path / "stages" / "cutout.png"
    ).is_file()


def test_without_the_model_a_sentence_says_what_to_do(img2mesh, cache, tmp_path):
    outcome = img2mesh("--prompt", "a cup", "--offline", "-o", "cup.glb")
    assert outcome.code == 2 and outcome.err.count("error:") == 1
    assert "run once without --offline, or give --text-model a folder" in outcome.err
    assert not (tmp_path / "cup.glb").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "or describe the object with --prompt"),
        (["--prompt", " "], "--prompt is empty"),
        (["--prompt", "x" * 400], "at most 300"),
        (["--prompt", "a cup", "photo.png"], "a photo doesn't go with it"),
        (["--prompt", "a cup", "--back", "photo.png"], "--back doesn't go with it"),
        (["--prompt", "a cup", "--turntable"], "--turntable doesn't go with it"),
        (["--prompt", "a cup", "--box", "1,1,20,20"], "--box doesn't go with it"),
        (["--prompt", "a cup", "--watch"], "--watch"),
        (["--prompt", "a cup", "--candidates", "0"], "between 1 and 16"),
        (["--prompt", "a cup", "--candidates", "many"], "--candidates"),
        (["--prompt", "a cup", "--text-model", "/no/folder", "--offline"], "No such text-to-image model"),
        (["photo.png", "--text-model", "a/b"], "--text-model is for --prompt"),
        (["photo.png", "--candidates", "2"], "--candidates is for --prompt"),
    ],
)
def test_what_cannot_be(img2mesh, tmp_path, words, said):
    photo_file(tmp_path / "photo.png")
    outcome = img2mesh(*words, "-o", "x.glb")
    assert outcome.code == 2 and said in outcome.err and "Traceback" not in outcome.err
    assert not (tmp_path / "x.glb").exists()
