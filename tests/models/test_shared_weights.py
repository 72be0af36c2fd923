"""Weights that several processes map from one file."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from img2mesh.errors import Img2MeshError
from img2mesh.models.shared_weights import load_shared


def model():
    torch.manual_seed(0)
    unet = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64)).to(memory_format=torch.channels_last)
    return SimpleNamespace(unet=unet.requires_grad_(False).eval(), name="small", occupancy=None)


def is_mapped(tensor, path):
    with open("/proc/self/maps") as maps:
        for line in maps:
            if line.rstrip().endswith(str(path)):
                first, last = (int(end, 16) for end in line.split()[0].split("-"))
                if first <= tensor.data_ptr() < last:
                    return True
    return False


def test_the_same_model_on_the_file_s_pages(tmp_path):
    alone = model()
    first, second = (load_shared(model, tmp_path, ("mini", "cpu")) for _ in range(2))
    (path,) = tmp_path.glob("*.pt")
    x = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
    with torch.inference_mode():
        wanted = alone.unet(x)
        assert torch.equal(first.unet(x), wanted) and torch.equal(second.unet(x), wanted)
    weight = second.unet[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.requires_grad
    if os.path.isdir("/proc"):
        assert is_mapped(first.unet[0].weight, path) and is_mapped(weight, path)
        assert not is_mapped(alone.unet[0].weight, path)


def test_other_models_have_other_files(tmp_path):
    load_shared(model, tmp_path, "a")
    load_shared(model, tmp_path, "b")
    assert len(list(tmp_path.glob("*.pt"))) == 2


def test_without_room_each_has_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    assert load_shared(model, tmp_path, "a").unet[0].weight.shape == (64, 3, 3, 3)
    (tmp_path / "file").write_text("no folder")
    assert load_shared(model, tmp_path / "file" / "below", "a").name == "small"
    assert not list(tmp_path.rglob("*.pt"))


def test_what_is_wrong_with_the_model_is_said(tmp_path):
    def broken():
        raise Img2MeshError("There is no such model.")

    with pytest.raises(Img2MeshError, match="no such model"):
        load_shared(broken, tmp_path, "a")
    assert load_shared(model, tmp_path, "a").name == "small", "the lock was given back"
