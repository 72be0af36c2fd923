"""CSV files and JSON lines."""

from __future__ import annotations

import pytest

from img2mesh.batch.lists import read_list
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings


def read(tmp_path, text, name="list.csv", encoding="utf-8"):
    (tmp_path / name).write_text(text, encoding=encoding)
    return read_list(tmp_path / name, Settings())


def test_a_csv_with_everything(tmp_path):
    first, second = read(
        tmp_path,
        "Photo,output,height,category,seed,photos\n"
        'a b.jpg,cups/red.glb,12cm,mug,7,"back=b.jpg; 30,15=c.jpg; d.jpg"\n'
        "z.png,,,,,\n\n",
    )
    assert (first.wanted, first.asked, first.category) == ("cups/red", True, "mug")
    assert dict(first.changes) == {"height": "12cm", "seed": 7}
    assert [(p.path.name, p.azimuth, p.elevation) for p in first.pictures] == [
        ("a b.jpg", None, None),
        ("b.jpg", 180, None),
        ("c.jpg", 30, 15),
        ("d.jpg", None, None),
    ]
    assert first.pictures[0].path == tmp_path / "a b.jpg"
    assert (second.wanted, second.asked, second.changes) == ("z", False, ())


def test_spreadsheets(tmp_path):
    (entry,) = read(tmp_path, "photo;height\na.jpg;3cm\n", encoding="utf-8-sig")
    assert dict(entry.changes) == {"height": "3cm"}


def test_json_lines(tmp_path):
    first, second = read(
        tmp_path,
        '{"photo": "a.jpg", "seed": 3, "photos": {"back": "b.jpg"}}\n\n{"photo": "c.jpg", "photos": ["d.jpg"]}\n',
        "list.jsonl",
    )
    assert dict(first.changes) == {"seed": 3} and first.pictures[1].azimuth == 180
    assert len(second.pictures) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("photo,colour\na.jpg,red\n", r"line 1: unknown column 'colour'"),
        ("photo,seed\na.jpg,1\nb.jpg,-1\n", r"line 3: seed must be a whole number"),
        ("photo,seed\na.jpg,99999999999\n", r"line 2: Setting seed must lie between"),
        ("photo,output\na.jpg,/etc/a\n", r"line 2: the output '/etc/a' is no name inside"),
        ("photo,output\na.jpg,.hidden\n", r"line 2"),
        ("photo,output\n,x\n", r"line 2: no photo"),
        ("seed\n1\n", "no column photo"),
        ("", "no column photo"),
        ("photo\n", "lists no photos"),
    ],
)
def test_mistakes_name_their_line(tmp_path, text, words):
    with pytest.raises(Img2MeshError, match=words):
        read(tmp_path, text)


def test_a_batch_of_a_list(shop):
    shop.add("a.png", "b.png")
    (shop.photos / "list.csv").write_text("photo,output,seed\na.png,one/first,1\na.png,second,2\nb.png,,\n")
    assert shop.run(inputs=[shop.photos / "list.csv"]).complete
    assert sorted(shop.files()) == ["b.glb", "one/first.glb", "second.glb"]
    assert "SEED 2" in (shop.meshes / "second.glb").read_text()
    (shop.photos / "list.csv").write_text("photo,output,seed\na.png,one/first,5\na.png,second,2\nb.png,,\n")
    shop.begun()
    assert shop.run(inputs=[shop.photos / "list.csv"]).complete
    assert shop.begun() == ["one/first"], "whose seed is another one"


def test_missing_photos_of_a_list_fail_alone(shop):
    shop.add("a.png")
    (shop.photos / "list.jsonl").write_text('{"photo": "gone.png"}\n{"photo": "a.png"}\n')
    summary = shop.run(inputs=[shop.photos / "list.jsonl"])
    assert sorted(shop.files()) == ["a.glb"] and summary.failed[0]["error_category"] == "input"
    shop.add("gone.png")
    assert shop.run(inputs=[shop.photos / "list.jsonl"]).complete, "it is there now"
