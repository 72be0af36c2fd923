"""The safetensors reader agrees with the library's own writer, and refuses what is broken."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from img2mesh.errors import Img2MeshError
from img2mesh.models.safetensors_file import SafeFile, check_whole


def test_it_reads_what_the_library_writes(tmp_path):
    state = {
        "a": torch.randn(3, 4),
        "b": torch.randn(5).half(),
        "c": torch.randn(2, 2).bfloat16(),
        "d": torch.arange(6).reshape(2, 3),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "flags": torch.tensor([True, False]),
    }
    save_file(state, tmp_path / "x.safetensors", metadata={"format": "pt"})
    file = SafeFile(tmp_path / "x.safetensors")
    assert file.metadata == {"format": "pt"}
    assert file.shapes() == {name: tuple(value.shape) for name, value in state.items()}
    for name, value in file.items():
        assert torch.equal(value, state[name]) and value.dtype == state[name].dtype
    assert file.read("a", torch.float16).dtype == torch.float16
    assert file.read("d", torch.float16).dtype == torch.int64


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 999]}},
        {"a": {"dtype": "F32", "shape": [400], "data_offsets": [0, 1600]}},
        {"a": {"dtype": "F32", "shape": [-1, -4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [-8, 8]}},
        {"a": {"dtype": "X9", "shape": [4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4]}},
        {"a": 3},
        [1, 2],
    ],
)
def test_impossible_headers_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(Img2MeshError, match="cut short"):
        check_whole(path)


def test_cut_anywhere_is_noticed(tmp_path):
    save_file({"a": torch.zeros(100)}, tmp_path / "a.safetensors")
    data = (tmp_path / "a.safetensors").read_bytes()
    for length in (1, 7, 8, 30, len(data) - 1):
        path = tmp_path / "b.safetensors"
        path.write_bytes(data[:length])
        with pytest.raises(Img2MeshError):
            check_whole(path)
