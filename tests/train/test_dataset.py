"""Packs and folders give the same objects; nothing held out ever enters."""

import json
import os
import shutil
import tarfile

import numpy as np
import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.train import dataset
from img2mesh.train.dataset import heldout_ids, load_renders


def test_a_tar_pack_reads_like_its_folders(renders, tmp_path):
    with tarfile.open(tmp_path / "renders-000.tar", "w") as archive:
        for name in sorted(p.name for p in renders.iterdir()):
            archive.add(renders / name, arcname=name)
    shutil.copy(renders / "objects.jsonl", tmp_path)
    packed, loose = load_renders(tmp_path), load_renders(renders)
    assert [o.id for o in packed.objects] == [o.id for o in loose.objects] == [f"ball{k}" for k in range(4)]
    for k in range(4):
        np.testing.assert_array_equal(packed.objects[k].angles, loose.objects[k].angles)
        np.testing.assert_array_equal(packed.read(k, 3), loose.read(k, 3))
    assert packed.read(0, 0).shape == (256, 256, 4)
    assert packed.views == 24
    assert packed.objects[0].facts["licence"] == "CC0"


def test_few_files_stay_open(renders, monkeypatch):
    monkeypatch.setattr(dataset, "OPEN_FILES", 3)
    opened, closed = [], []
    monkeypatch.setattr(dataset.os, "open", lambda *a, real=os.open: opened.append(real(*a)) or opened[-1])
    monkeypatch.setattr(
        dataset.os, "close", lambda number, real=os.close: closed.append(number) or real(number)
    )
    loose = load_renders(renders)
    first = loose.read(0, 0)
    for view in range(6):
        loose.read(1, view)
    np.testing.assert_array_equal(loose.read(0, 0), first)
    assert len(opened) == 8 and len(closed) == 5


def test_groups_stay_on_one_side_of_the_split(renders):
    train, validation = load_renders(renders).split(0.5)
    sides = [{o.group for o in part.objects} for part in (train, validation)]
    assert sides[0] and sides[1] and not sides[0] & sides[1] and len(train) + len(validation) == 4
    again = load_renders(renders).split(0.5)[0]
    assert [o.id for o in again.objects] == [o.id for o in train.objects]


def test_held_out_objects_are_refused(renders, tmp_path):
    shutil.copytree(renders, tmp_path / "d")
    (tmp_path / "d" / "heldout").mkdir()
    (tmp_path / "d" / "heldout" / "objects.json").write_text(json.dumps([{"id": "ball2"}]))
    assert [o.id for o in load_renders(tmp_path / "d").objects] == ["ball0", "ball1", "ball3"]
    shipped = sorted(heldout_ids())
    assert "Schleich_African_Black_Rhino" in shipped
    (tmp_path / "d" / "ball0").rename(tmp_path / "d" / shipped[0])
    assert "ball0" not in [o.id for o in load_renders(tmp_path / "d").objects]
    assert shipped[0] not in [o.id for o in load_renders(tmp_path / "d").objects]


def test_fragments_and_grey_objects_weigh_less(renders, tmp_path):
    shutil.copytree(renders, tmp_path / "d")
    for name, key, value in (("ball0", "coverage", 0.001), ("ball1", "coloured", False)):
        path = tmp_path / "d" / name / "cameras.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    data = load_renders(tmp_path / "d")
    assert [o.id for o in data.objects] == ["ball1", "ball2", "ball3"]
    assert data.objects[0].weight == pytest.approx(0.3 * data.objects[1].weight)
    assert data.probabilities().sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "prepare, words",
    [
        (lambda d: None, "neither renders"),
        (lambda d: (d / "renders-000.tar").write_bytes(b"no tar at all" * 100), "Cannot read the pack"),
        (lambda d: ((d / "x").mkdir(), (d / "x" / "cameras.json").write_text("{")), "not valid JSON"),
        (lambda d: ((d / "x").mkdir(), (d / "x" / "cameras.json").write_text("{}")), "lacks frames"),
    ],
)
def test_broken_data_is_one_sentence(tmp_path, prepare, words):
    prepare(tmp_path)
    with pytest.raises(Img2MeshError, match=words):
        load_renders(tmp_path)
    with pytest.raises(Img2MeshError, match="No such dataset"):
        load_renders(tmp_path / "nowhere")
