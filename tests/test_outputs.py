"""No input is ever written over, no file of the user's replaced, no name used twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from img2mesh.errors import Img2MeshError
from img2mesh.mesh import write_mesh
from img2mesh.outputs import (
    Output,
    check_outputs,
    check_room,
    inputs_of,
    key,
    mesh_outputs,
    output_names,
    short_stem,
)
from tests.fakes import ball, fake_rooms, photo_file


@pytest.mark.parametrize(
    ("photos", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["a.1.png", "a.2.png"], ["a.1", "a.2"]),
        (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
        (["a.jpg", "a.png", "a.png.png"], ["a.jpg", "a.png-2", "a.png"]),
        (["A.png", "a.jpg"], ["A.png", "a.jpg"]),
        (["x/a.png", "y/a.png"], ["a.png", "a.png-2"]),
        (["a.png", "a.png", "a.png-2.png"], ["a.png", "a.png-3", "a.png-2"]),
        (["e\u0301.png", "\u00e9.jpg"], ["e\u0301.png", "\u00e9.jpg"]),
    ],
)
def test_names_are_kept_and_never_collide(photos, names):
    assert output_names([Path(photo) for photo in photos]) == names
    assert len({key(name) for name in names}) == len(names)


def test_names_differ_in_all_that_they_lead_to():
    def files(name):
        return [Path(f"{name}.obj"), Path(f"{name}_texture.png"), Path(f"{name}.png")]

    names = output_names([Path("mug.jpg"), Path("mug_texture.jpg")], files)
    assert names == ["mug", "mug_texture.jpg"]


def test_two_meshes_never_share_a_texture(tmp_path):
    made = [write_mesh(ball(seed), tmp_path / name) for seed, name in enumerate(("mug 1.obj", "mug_1.obj"))]
    assert len(set(made[0]) | set(made[1])) == 6
    assert made[0] == [output.path for output in mesh_outputs(tmp_path / "mug 1.obj")]
    assert f"mtllib {made[0][1].name}\n" in made[0][0].read_text()


@pytest.mark.parametrize("stem", ["a" * 300, "é" * 200, "杯" * 90, "a" * 181])
def test_long_names_are_shortened_and_stay_different(stem):
    short = short_stem(stem)
    assert len(short.encode()) <= 180 and short[:20] == stem[:20]
    assert short_stem(stem + "b") != short
    assert short_stem("mug") == "mug"


def test_inputs_and_twins_and_strangers_are_refused(tmp_path):
    photo = photo_file(tmp_path / "mug.png")
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "mine.glb").write_bytes(b"glTF something else")
    for name in ("mug.png", "MUG.PNG", "link.png", "../" + tmp_path.name + "/mug.png"):
        with pytest.raises(Img2MeshError, match="over the input"):
            check_outputs([Output("--preview", tmp_path / name)], [photo], overwrite=True)
    with pytest.raises(Img2MeshError, match="same file as"):
        check_outputs([Output("-o", tmp_path / "a.glb"), Output("--report", tmp_path / "A.glb")], [photo])
    with pytest.raises(Img2MeshError, match="did not write"):
        check_outputs([Output("-o", tmp_path / "mine.glb")], [photo])
    check_outputs([Output("-o", tmp_path / "mine.glb")], [photo], overwrite=True)
    (tmp_path / "empty.glb").write_bytes(b"")  # as mktemp makes them: there is nothing to lose
    check_outputs([Output("-o", tmp_path / "empty.glb")], [photo])
    with pytest.raises(Img2MeshError, match="bytes; at most"):
        check_outputs([Output("-o", tmp_path / ("x" * 300 + ".glb"))], [photo])
    with pytest.raises(Img2MeshError, match="nearly full"):
        check_room(tmp_path / "new", 10**18)


def test_pictures_that_a_scene_names_are_inputs(tmp_path):
    (tmp_path / "transforms.json").write_text('{"frames": [{"file_path": "./images/0"}], "other": "\\u0000"}')
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"x")
    found = {key(path) for path in inputs_of(tmp_path)}
    assert found == {key(tmp_path / "transforms.json"), key(tmp_path / "images" / "0.png")}


PHOTOS = [
    "mug.png",
    "mug.jpg",
    "mug 1.png",
    "mug_1.png",
    "Mug.png",
    "cutout.png",
    "mug_texture.png",
    "mesh.png",
]
STRANGERS = ["mug.glb", "mug.gif", "mug_texture.png", "cutout.png", "r.json", "mug.mtl", "out.obj"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    photos=st.lists(st.sampled_from(PHOTOS), min_size=1, max_size=3, unique=True),
    strangers=st.lists(st.sampled_from(STRANGERS), max_size=3, unique=True),
    whole_folder=st.booleans(),
    output=st.sampled_from([None, "out.obj", "shop", "mug.png", "shop/mug.glb", "."]),
    kind=st.sampled_from([None, "glb", "obj", "stl"]),
    preview=st.sampled_from([None, "png", "gif", "mug.png", "shop/mug.png", "shop/mug.gif"]),
    keep=st.sampled_from([None, ".", "shop", "kept"]),
    report=st.sampled_from([None, "r.json", "shop/r.json"]),
    twice=st.booleans(),
)
def test_inputs_and_strangers_keep_their_bytes(
    tmp_path_factory, photos, strangers, whole_folder, output, kind, preview, keep, report, twice
):
    place = tmp_path_factory.mktemp("run")
    shop = place / "shop"
    shop.mkdir()
    for number, name in enumerate(photos):
        photo_file(place / "new.png", elevation_deg=10.0 + number, size=48).rename(shop / name)
    for name in strangers:
        for folder in (place, shop):
            if not (folder / name).exists():
                (folder / name).write_bytes(b"mine: " + name.encode())
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    words = ["shop"] if whole_folder else [f"shop/{name}" for name in photos]
    options = {"-o": output, "--format": kind, "--preview": preview, "--keep": keep, "--report": report}
    for option, value in options.items():
        words += [] if value is None else [option, value]
    code, again = _run(place, words, twice)
    for path, data in before.items():
        assert path.read_bytes() == data, (words, path)
    assert code in (0, 1, 2)
    if code == 2:
        assert {path for path in place.rglob("*") if path.is_file()} == set(before), words
    if code == 0:
        assert again == 0, "what a run wrote, the same run may write again"


def _run(place: Path, words: list[str], twice: bool) -> tuple[int, int]:
    from img2mesh.cli import run

    here = os.getcwd()
    with pytest.MonkeyPatch.context() as patch:
        fake_rooms(patch)
        os.chdir(place)
        try:
            code = run(words)
            return code, run(words) if twice else code
        finally:
            os.chdir(here)
