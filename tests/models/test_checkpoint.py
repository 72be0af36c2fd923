"""The reader of pickled checkpoints: it reads tensors and runs nothing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile

import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.checkpoint import Checkpoint, Inert
from tests.models.manifest import whole, write_sparse


class Payload:
    """Creates a file when a normal unpickler meets it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


class Unknown:
    """A class that the reader does not know, with state and items."""

    def __init__(self):
        self.numbers = [1, 2, 3]


def test_a_payload_is_not_executed(tmp_path):
    trap, path = tmp_path / "trap", tmp_path / "evil.ckpt"
    torch.save({"state_dict": {"w": torch.arange(6.0)}, "callbacks": Payload(trap)}, path)
    with Checkpoint(path) as checkpoint:
        assert torch.equal(checkpoint.read("w"), torch.arange(6.0))
    assert not trap.exists()
    torch.load(path, weights_only=False)
    assert trap.exists(), "the payload works, so its silence above means something"


@pytest.mark.parametrize("call", ["builtins.eval", "builtins.getattr", "os.system", "torch.load"])
def test_named_functions_become_inert(tmp_path, call):
    module, name = call.rsplit(".", 1)
    trap = tmp_path / "trap"
    code = b"\x80\x02}q\x00(X\x01\x00\x00\x00ac" + f"{module}\n{name}\n".encode()
    code += b"X" + len(f"mkdir {trap}").to_bytes(4, "little") + f"mkdir {trap}".encode() + b"\x85Ru."
    with zipfile.ZipFile(tmp_path / "x.ckpt", "w") as file:
        file.writestr("archive/data.pkl", code)
    with pytest.raises(Img2MeshError, match="no tensors"):
        Checkpoint(tmp_path / "x.ckpt")
    assert not trap.exists()


def test_dtypes_views_parameters_and_strangers(tmp_path):
    base = torch.arange(24.0)
    state = {
        "view": base[4:16].view(3, 4).T,
        "other view": base[20:],
        "half": torch.ones(3, dtype=torch.float16),
        "brain": torch.ones(3, dtype=torch.bfloat16),
        "whole": torch.tensor(5, dtype=torch.int64),
        "parameter": torch.nn.Parameter(torch.full((2,), 3.0)),
        "empty": torch.zeros(0, 4),
        "stranger": Unknown(),
        "number": 3,
    }
    torch.save({"state_dict": state, "strangers": [Unknown(), {Unknown()}]}, tmp_path / "x.ckpt")
    with Checkpoint(tmp_path / "x.ckpt") as checkpoint:
        assert set(checkpoint.tensors) == set(state) - {"stranger", "number"}
        for name in checkpoint.tensors:
            assert torch.equal(checkpoint.read(name), state[name]), name
        assert checkpoint.read("view", torch.float16).dtype == torch.float16
        assert checkpoint.read("whole", torch.float16).dtype == torch.int64


def test_a_compressed_archive_reads_the_same(tmp_path):
    torch.save({"w": torch.arange(1000.0)}, tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt") as a, zipfile.ZipFile(tmp_path / "b.ckpt", "w", 8) as b:
        for name in a.namelist():
            b.writestr(name, a.read(name))
    with Checkpoint(tmp_path / "b.ckpt") as checkpoint:
        assert torch.equal(checkpoint.read("w"), torch.arange(1000.0))


def test_wrong_files_are_named(tmp_path):
    whole_file = tmp_path / "whole.ckpt"
    torch.save({"w": torch.arange(1000.0)}, whole_file)
    data = whole_file.read_bytes()
    old = pickle.dumps({"w": 1}, protocol=2)
    for content, said in (
        (data[: len(data) // 2], "half a download"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "empty"),
        (old, "before PyTorch 1.6"),
        (b"hello", "no PyTorch checkpoint"),
    ):
        path = tmp_path / "x.ckpt"
        path.write_bytes(content)
        with pytest.raises(Img2MeshError, match=said):
            Checkpoint(path)
    with pytest.raises(Img2MeshError, match="no checkpoint"):
        Checkpoint(tmp_path / "absent.ckpt")


def test_missing_bytes_are_noticed(tmp_path):
    torch.save({"w": torch.arange(1000.0)}, tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt") as a, zipfile.ZipFile(tmp_path / "b.ckpt", "w") as b:
        for name in a.namelist():
            b.writestr(name, a.read(name)[:400] if "/data/" in name else a.read(name))
    with Checkpoint(tmp_path / "b.ckpt") as checkpoint, pytest.raises(Img2MeshError, match="missing"):
        checkpoint.read("w")


def test_inert_objects_take_anything():
    thing = Inert(1, a=2)
    thing["x"] = 1
    thing.append(1)
    thing.__setstate__({"y": 1})
    assert not hasattr(thing, "y") and isinstance(thing(3), Inert)


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux reports it")
def test_the_full_manifest_is_described_in_little_memory(tmp_path):
    """All 1938 tensors at full size, 8.6 GB of zeros in a file with holes; one of 50 MB is read."""
    path = tmp_path / "sparse.ckpt"
    write_sparse(path, whole())
    assert path.stat().st_size > 8.5e9
    if path.stat().st_blocks * 512 > 1e9:
        pytest.skip("this file system has no sparse files")
    key = "model.diffusion_model.output_blocks.0.0.in_layers.2.weight"
    code = (
        "import resource, sys\n"
        "from img2mesh.models.checkpoint import Checkpoint\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "c = Checkpoint(sys.argv[1])\n"
        "assert len(c.tensors) == 1938, len(c.tensors)\n"
        f"assert c.read({key!r}).shape == (1280, 2560, 3, 3)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 300_000  # kB; the tensor is 118 MB
