"""Damaged files of every kind that is read give one sentence (`Img2MeshError`), whatever is damaged.

IMG2MESH_FUZZ=20000 python -m pytest tests/test_fuzz.py  runs so many examples of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import re
import resource
import zipfile

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.mesh import read_mesh, write_mesh
from img2mesh.models.checkpoint import Checkpoint
from img2mesh.segment import read_photo
from img2mesh.views import load_views
from tests.fakes import ball

EXAMPLES = int(os.environ.get("IMG2MESH_FUZZ", "25"))
few = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
hurts = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "repeat"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)


def hurt(data: bytes, how) -> bytes:
    """The bytes with some changed, missing or too many."""
    for kind, where, new in how:
        place = int(where * max(len(data) - 1, 0))
        if kind == "set":
            data = data[:place] + new + data[place + len(new) :]
        elif kind == "insert":
            data = data[:place] + new + data[place:]
        elif kind == "repeat":
            data = data[:place] + data[place : place + 40] * 2 + data[place + 40 :]
        else:
            data = data[:place]
    return data


def pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (24, 20, 3), dtype=np.uint8))
    made = {}
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        stream = io.BytesIO()
        image.save(stream, format=kind)
        made[kind] = stream.getvalue()
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(np.asarray(image)[:16, :16], photometric="rgb", subifds=1)
        file.write(np.asarray(image).astype(np.uint16) * 200, photometric="rgb", compression="zlib")
    made["deep TIFF"] = stream.getvalue()
    return made


PICTURES = pictures()


def said(error: Img2MeshError) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and 10 < len(text) < 500


@pytest.mark.parametrize("kind", sorted(PICTURES))
@few
@given(how=hurts)
def test_pictures(kind, how):
    try:
        photo = read_photo(hurt(PICTURES[kind], how))
    except Img2MeshError as error:
        assert said(error)
    else:
        assert photo.rgb.dtype == np.uint8 and photo.rgb.ndim == 3


@few
@given(data=st.binary(max_size=200))
def test_anything_is_no_picture(data):
    with pytest.raises(Img2MeshError):
        read_photo(data)


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=6)
numbers = st.floats(-3, 3) | leaves
matrices = st.lists(st.lists(numbers, max_size=5), max_size=5) | leaves
frames = st.fixed_dictionaries(
    {},
    optional={
        "file_path": st.just("a.png") | leaves,
        "transform_matrix": matrices,
        "w": numbers,
        "fl_x": numbers,
    },
)
scenes = st.fixed_dictionaries(
    {"frames": st.lists(frames, max_size=3) | leaves},
    optional={
        "camera_angle_x": numbers,
        "fl_x": numbers,
        "w": numbers,
        "h": numbers,
        "cx": numbers,
        "camera_model": leaves,
        "img2mesh": st.dictionaries(st.sampled_from(["photo", "facts", "body"]), frames | leaves) | leaves,
    },
)


@few
@given(scene=scenes | leaves)
def test_transforms(tmp_path_factory, scene):
    folder = tmp_path_factory.mktemp("scene")
    Image.fromarray(np.full((20, 20, 4), 200, np.uint8)).save(folder / "a.png")
    (folder / "transforms.json").write_text(json.dumps(scene))
    try:
        load_views(folder)
    except Img2MeshError as error:
        assert str(error).endswith(".")


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
@few
@given(how=hurts)
def test_meshes(tmp_path_factory, suffix, how):
    folder = tmp_path_factory.mktemp("mesh")
    path = write_mesh(ball(), folder / f"a{suffix}")[0]
    path.write_bytes(hurt(path.read_bytes(), how))
    try:
        mesh = read_mesh(path)
    except Img2MeshError as error:
        assert str(error).endswith(".")
    else:
        assert np.isfinite(mesh.vertices).all() and mesh.faces.max() < len(mesh.vertices)


def checkpoint() -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save({"state_dict": {"a.weight": torch.zeros(3, 2), "b": torch.ones(4)}}, stream)
    return stream.getvalue()


@few
@given(how=hurts, inside=st.booleans())
def test_checkpoints(tmp_path_factory, how, inside):
    path = tmp_path_factory.mktemp("weights") / "a.ckpt"
    data = checkpoint()
    if inside:  # the pickle alone, in a whole archive
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, hurt(content, how) if name.endswith("data.pkl") else content)
        path.write_bytes(stream.getvalue())
    else:
        path.write_bytes(hurt(data, how))
    try:
        with Checkpoint(path) as found:
            list(found.items())
    except Img2MeshError as error:
        assert str(error).endswith(".")


OBJ = ["v 0\nv 1\nv 2\nf 1 2 3\n", "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0\nvt 1\nvt 0\nf 1/1 2/2 3/3\n"]


@pytest.mark.parametrize("text", OBJ)  # found by benchmarks/fuzz.py, as all that follow
def test_points_of_too_few_numbers(tmp_path, text):
    (tmp_path / "a.obj").write_text(text)
    try:
        assert read_mesh(tmp_path / "a.obj").uv.shape == (3, 2)
    except Img2MeshError as error:
        assert said(error)


def test_a_texture_that_is_no_picture_leaves_the_triangles(tmp_path):
    path = write_mesh(ball(), tmp_path / "a.glb")[0]
    data = path.read_bytes()
    key = re.search(rb'"baseColorTexture": ?(\{[^}]*\})', data)
    path.write_bytes(data[: key.start(1)] + b"7".ljust(len(key[1])) + data[key.end(1) :])
    assert len(read_mesh(path).faces) == len(ball().faces)


def in_an_archive(path, pickled: bytes, **more: bytes):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        for name, data in more.items():
            file.writestr(f"archive/{name}", data)
    return path


def test_a_checkpoint_cannot_ask_for_all_memory(tmp_path):
    """One byte code makes the memo of pickle's reader in C 30 GB long; a number of bytes may be as large."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    far = b"\x80\x02}r\xff\xff\xff\xef."
    with pytest.raises(Img2MeshError):
        Checkpoint(in_an_archive(tmp_path / "a.ckpt", far))
    with pytest.raises(Img2MeshError, match="big-endian"):
        Checkpoint(in_an_archive(tmp_path / "b.ckpt", pickle.dumps({}), byteorder=bytes(300 << 20)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 << 10


def test_few_numbers_do_not_become_many(tmp_path):
    import torch

    torch.save({"a": torch.zeros(1).expand(10**6, 10**6), "b": torch.zeros(1).expand(9)}, tmp_path / "a.ckpt")
    with Checkpoint(tmp_path / "a.ckpt") as found:
        assert found.read("b").shape == (9,)
        with pytest.raises(Img2MeshError, match="impossible layout"):
            found.read("a")


def test_an_entry_before_the_file_begins(tmp_path):
    path = in_an_archive(tmp_path / "a.ckpt", pickle.dumps({}))
    data = bytearray(path.read_bytes())
    data[-6:-2] = (int.from_bytes(data[-6:-2], "little") + 1000).to_bytes(4, "little")  # of the directory
    path.write_bytes(data)
    with pytest.raises(Img2MeshError), Checkpoint(tmp_path / "a.ckpt") as found:
        list(found.items())
        found.check()


def test_a_tag_that_is_many_numbers_does_not_take_all_memory(capfd):
    data = bytearray(PICTURES["TIFF"])
    entries = int.from_bytes(data[8:10], "little")
    tags = [data[10 + 12 * k : 22 + 12 * k] for k in range(entries)]
    place = {int.from_bytes(tag[:2], "little"): 10 + 12 * k for k, tag in enumerate(tags)}
    data[place[256] + 4] = 3  # three widths ...
    data[place[257] + 8 : place[257] + 12] = (1 << 31).to_bytes(
        4, "little"
    )  # ... and as many rows as there can be
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Img2MeshError):
        read_photo(bytes(data))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_libraries_print_nothing_of_their_own(capfd):
    """OpenCV and Pillow's TIFF readers say on the screen what they forgive."""
    data = bytearray(PICTURES["deep TIFF"])
    for place in range(8, len(data), 97):
        hurt_one = data[:place] + b"\xff\xff" + data[place + 2 :]
        with contextlib.suppress(Img2MeshError):
            read_photo(bytes(hurt_one))
    assert capfd.readouterr() == ("", "")


class Evil:
    def __reduce__(self):
        return os.system, ("touch owned",)


def test_a_checkpoint_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(Img2MeshError), Checkpoint(tmp_path / "a.ckpt") as found:
        list(found.items())
    assert not (tmp_path / "owned").exists()
