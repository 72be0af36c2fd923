"""Damaged files of every kind that is read give one sentence (`Img2MeshError`), whatever is damaged.

IMG2MESH_FUZZ=20000 python -m pytest tests/test_fuzz.py  runs so many examples of each.
"""

from __future__ import annotations

import io
import json
import os
import pickle
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
