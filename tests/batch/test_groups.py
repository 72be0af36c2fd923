"""Photos that belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from img2mesh.batch.groups import entries, split
from img2mesh.batch.inputs import Found


def grouped(way, *names):
    found = entries([Found(Path("/p") / name, name) for name in names], way)
    return {entry.wanted: [(p.path.name, p.azimuth, p.elevation) for p in entry.pictures] for entry in found}


@pytest.mark.parametrize(
    ("source", "stem", "side"),
    [
        ("mug_back.jpg", "mug", "back"),
        ("shop/Mug Front.JPG", "shop/Mug", "front"),
        ("mug-left.webp", "mug", "left"),
        ("mug.jpg", "mug", "front"),
        ("tabletop.jpg", "tabletop", "front"),
        ("front.jpg", "front", "front"),
        ("a.b_top.png", "a.b", "top"),
    ],
)
def test_split(source, stem, side):
    assert split(source) == (stem, side)


def test_by_stem():
    assert grouped("stem", "cup.png", "mug_back.jpg", "mug_front.jpg", "mug_left.jpg") == {
        "cup": [("cup.png", None, None)],
        "mug": [("mug_front.jpg", 0, None), ("mug_back.jpg", 180, None), ("mug_left.jpg", 90, None)],
    }


def test_a_side_that_is_there_twice_stands_alone():
    found = entries([Found(Path(name), name) for name in ("mug.jpg", "mug.png", "mug_top.png")], "stem")
    assert [(entry.source, len(entry.pictures)) for entry in found] == [("mug", 2), ("mug.png", 1)]


def test_by_folder():
    assert grouped(
        "folder", "mug/back.jpg", "mug/front.jpg", "mug/x.jpg", "cup/1.jpg", "cup/2.jpg", "lone.jpg"
    ) == {
        "mug": [("front.jpg", 0, None), ("back.jpg", 180, None), ("x.jpg", None, None)],
        "cup": [("1.jpg", None, None), ("2.jpg", None, None)],
        "lone": [("lone.jpg", None, None)],
    }


def test_each_on_its_own():
    assert list(grouped("none", "mug_back.jpg", "mug_front.jpg")) == ["mug_back", "mug_front"]
