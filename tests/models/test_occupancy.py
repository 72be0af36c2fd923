"""The occupancy network: shapes, outline, mirror images, and folders of its forerunner."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from img2mesh.models.efficientnet import FEATURES, EfficientNetLite, from_published
from img2mesh.models.model_parts import empty_module
from img2mesh.models.occupancy import CELLS, COLOURS, OccupancyNetwork, build_core, predict
from img2mesh.models.recognise import OCCUPANCY


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return OccupancyNetwork((8, 16, 16), 8, False).eval()


def test_a_guess_stays_within_the_outline(net):
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[96:160, 64:192] = (200, 40, 40, 255)
    guess = predict(net, rgba, 1.6)
    assert guess.occupancy.shape == (CELLS, CELLS, CELLS) and guess.occupancy.dtype == np.float32
    rows, columns = np.nonzero(guess.occupancy.any(0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 39, 16, 47)
    assert 0 <= guess.occupancy.min() and guess.occupancy.max() <= 1 and guess.deviation_deg > 0
    assert guess.colours.shape == (COLOURS, CELLS, CELLS, 3)
    assert np.allclose(guess.colours[:, 28:36, 24:40], np.array([200, 40, 40]) / 255, atol=1e-3), (
        "what has learned nothing carries the pixels' colours through"
    )


def test_the_distance_matters(net):
    with torch.no_grad():
        near, far = (net(torch.rand(1, 4, 256, 256), torch.tensor([d])).occupancy for d in (1.5, 2.2))
    assert (near - far).abs().max() > 1e-4


def test_calibrated_chances_are_softer(net):
    rgba = np.full((256, 256, 4), 200, np.uint8)
    plain = predict(net, rgba, 1.6).occupancy
    net.remember(temperature=2.0, bias=0.5)
    calibrated = predict(net, rgba, 1.6).occupancy
    net.remember(temperature=1.0, bias=0.0)
    logit = np.log(plain / (1 - plain))
    assert np.allclose(calibrated, 1 / (1 + np.exp(-(logit / 2 + 0.5))), atol=1e-5)


def test_pretrained_features_change_nothing_at_first():
    torch.manual_seed(1)
    net = OccupancyNetwork((8, 16, 16), 8, True).eval()
    pictures, distances = torch.rand(1, 4, 256, 256), torch.tensor([1.8])
    with torch.no_grad():
        first = net(pictures, distances).occupancy
        for parameter in net.encoder.parameters():
            parameter.mul_(0.5)
        assert torch.equal(net(pictures, distances).occupancy, first)
        net.features[0].weight.add_(0.1)
        assert not torch.equal(net(pictures, distances).occupancy, first)
    assert not any(p.requires_grad for p in net.encoder.parameters())


def test_a_folder_of_the_forerunner_is_its_core(tmp_path):
    torch.manual_seed(2)
    old = build_core((8, 16, 16)).eval()
    record = {"_class_name": "UNet2DModel", "block_out_channels": [8, 16, 16]}
    (tmp_path / "config.json").write_text(json.dumps(record))
    net = empty_module(OCCUPANCY, tmp_path)
    net.load_state_dict({f"core.{k}": v for k, v in old.state_dict().items()}, assign=True)
    pictures = torch.rand(1, 4, 256, 256) * 2 - 1
    with torch.no_grad():
        said = old(F.pixel_unshuffle(F.avg_pool2d(pictures, 2), 4), torch.zeros(1)).sample[:, :32]
        answer = net.eval()(pictures, torch.tensor([1.85]))
    finer = F.avg_pool3d(answer.occupancy, 2)
    assert np.corrcoef(finer.flatten(), said.flatten())[0, 1] > 0.8, "the same, interpolated"


def test_features_come_at_every_stride_and_normalisation_is_folded():
    torch.manual_seed(0)
    net = EfficientNetLite()
    x = torch.rand(1, 3, 64, 64)
    found = net(x)
    assert {s: tuple(f.shape) for s, f in found.items()} == {
        s: (1, width, 64 // s, 64 // s) for s, width in FEATURES.items()
    }
    state = {}
    names = {"stem": ("_conv_stem", "_bn0")}
    for k, block in enumerate(net.blocks):
        parts = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
        parts["project"] = ("_project_conv", "_bn2")
        for part, (conv, norm) in parts.items():
            if getattr(block, part) is not None:
                names[f"blocks.{k}.{part}"] = (f"_blocks.{k}.{conv}", f"_blocks.{k}.{norm}")
    for mine, (conv, norm) in names.items():
        weight = net.get_submodule(mine).weight.detach()
        state[f"{conv}.weight"] = weight.clone()
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{key}"] = torch.rand(len(weight)) + 0.5
    folded = from_published(state)
    padded = F.conv2d(F.pad(x, (0, 1, 0, 1)), state["_conv_stem.weight"], stride=2)
    keys = ("running_mean", "running_var", "weight", "bias")
    normed = F.batch_norm(padded, *(state[f"_bn0.{key}"] for key in keys), eps=1e-3)
    assert torch.allclose(folded.stem(x), normed, atol=1e-5)
