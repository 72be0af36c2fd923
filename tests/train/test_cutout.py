"""Made photos with known masks, and the training of the cutout network on them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.cutout import CutoutNetwork, load_cutout, save_cutout
from img2mesh.train.checkpoints import load_state
from img2mesh.train.config import CutoutRecipe, Optimisation
from img2mesh.train.cutout import STATE, batch_of, cutout_losses, iou, quick_depthwise, scenes, train_cutout
from img2mesh.train.cutout_backdrops import Backdrops, perspective_view, read_pictures
from img2mesh.train.cutout_objects import contact_shadow, cropped, placed, reflection
from img2mesh.train.cutout_scenes import Scenes, over
from img2mesh.train.dataset import load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.loop import export_cutout


@pytest.fixture
def config(quick, tmp_path, monkeypatch):
    monkeypatch.setattr("img2mesh.train.cutout.VALIDATED", 8)
    plan = Optimisation(steps=2, batch=2, learning_rate=1e-3, warmup=1, ema=0.5)
    return dataclasses.replace(quick, run=str(tmp_path), cutout=CutoutRecipe(size=64, optimisation=plan))


def ball(rng):
    v, u = np.mgrid[-1:1:80j, -1:1:80j]
    rgba = np.full((80, 80, 4), 200, np.uint8)
    rgba[..., 3] = np.where(np.hypot(u, v) < 0.7, 255, 0)
    return rgba


@pytest.fixture(scope="module")
def made():
    return Scenes(ball, Backdrops(96, 0, [], [], patterns=6))


def test_scenes_follow_from_their_seed(made):
    first, second, other = (made.scene(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first[0].shape == (96, 96, 3) and first[1].shape == (96, 96)
    assert first[0].dtype == first[1].dtype == np.uint8
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()
    assert (first[0] != other[0]).any()


def test_masks_are_the_objects(made):
    shares = []
    for seed in range(40):
        _, alpha = made.scene(np.random.default_rng(seed))
        shares.append((alpha > 127).mean())
    assert min(shares) > 0.01 and max(shares) < 0.9 and 0.1 < np.mean(shares) < 0.5


def test_every_backdrop_is_a_picture():
    panorama = np.random.default_rng(0).integers(0, 255, (32, 64, 3), dtype=np.uint8)
    flat = np.random.default_rng(1).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    backdrops = Backdrops(64, 1, [panorama, flat], [flat], patterns=10)
    rng = np.random.default_rng(2)
    for draw in (backdrops.paper, backdrops.wall_and_floor, backdrops.surface, backdrops.clutter):
        picture, stands = draw(rng)
        assert picture.shape == (64, 64, 3) and np.isfinite(picture).all() and -1 < stands < 1.5
    for draw in (backdrops.room, backdrops.scenery, backdrops.scenery):
        picture, _ = draw(rng)
        assert picture.shape == (64, 64, 3) and np.isfinite(picture).all()


def test_a_view_ahead_shows_the_middle_of_the_panorama():
    panorama = np.zeros((64, 128, 3), np.uint8)
    panorama[:32] = (10, 20, 200)  # sky
    view = perspective_view(panorama, 33, 0.0, 0.0, np.radians(60))
    assert (view[:14, :, 2] > 150).all() and (view[20:] < 50).all()
    down = perspective_view(panorama, 33, 1.0, np.radians(-60), np.radians(40))
    assert (down < 50).all()


def test_an_empty_folder_of_pictures_is_named(tmp_path):
    assert read_pictures("") == []
    with pytest.raises(Img2MeshError, match="no pictures"):
        read_pictures(tmp_path)


def test_shadow_and_mirror_image_lie_below_the_object():
    thing = ball(None).astype(np.float32) / 255
    layer = placed(cropped((thing * 255).astype(np.uint8)).astype(np.float32) / 255, 96, (33, 20, 30, 30))
    rng = np.random.default_rng(0)
    shade = contact_shadow(rng, layer[..., 3])
    assert 0 < shade.max() <= 0.9 and shade[:10].max() < 0.05
    mirrored = reflection(rng, layer)
    assert mirrored[..., 3][:45].max() == 0 and mirrored[..., 3].max() > 0.02
    shown = over(np.zeros((96, 96, 3), np.float32), layer)
    assert shown.max() == pytest.approx(200 / 255, abs=0.01)


def test_losses_know_right_from_wrong():
    alpha = torch.zeros(2, 64, 64)
    alpha[:, 16:48, 16:48] = 1
    answer = CutoutNetwork().eval()(torch.zeros(2, 3, 64, 64))
    right = answer._replace(alpha=(alpha - 0.5) * 20)
    wrong = answer._replace(alpha=(0.5 - alpha) * 20)
    good, bad = cutout_losses(right, alpha), cutout_losses(wrong, alpha)
    assert good["iou"] == 1 and bad["iou"] == 0
    assert good["entropy"] < 0.01 < 5 < bad["entropy"] and good["total"] < bad["total"] - 5
    assert iou(alpha > 2, alpha > 2).tolist() == [1, 1]


def test_shapes_and_what_is_frozen():
    net = CutoutNetwork()
    net.encoder.freeze(3)
    answer = net(torch.zeros(2, 3, 64, 96))
    assert (
        answer.alpha.shape == (2, 64, 96)
        and answer.coarse.shape == (2, 8, 12)
        and answer.quality.shape == (2,)
    )
    assert sum(p.numel() for p in net.parameters()) < 4e6
    answer.alpha.sum().backward()
    assert net.encoder.blocks[2].project.weight.grad is None
    assert net.encoder.blocks[3].project.weight.grad is not None


def test_quick_depthwise_computes_the_same():
    net = CutoutNetwork().eval()
    x = torch.randn(1, 3, 64, 64)
    before = net(x).alpha
    quick_depthwise(net)
    assert torch.allclose(before, net(x).alpha, atol=1e-5)


def test_training_resumes_exports_and_logs(config, renders):
    data, validation = load_renders(renders).split()
    config = dataclasses.replace(config, data=str(renders), picture_every=2)
    with pytest.raises(Img2MeshError, match="no trained cutout"):
        export_cutout(config, config.run + "/out")
    train_cutout(config, data, validation, Workers("cpu"))
    assert load_state(_state(config))["step"] == 2
    longer = dataclasses.replace(
        config,
        cutout=dataclasses.replace(config.cutout, optimisation=dataclasses.replace(_plan(config), steps=3)),
    )
    train_cutout(longer, data, validation, Workers("cpu"))
    assert load_state(_state(config))["step"] == 3
    rows = [json.loads(line) for line in (_state(config).parent / "log.jsonl").read_text().splitlines()]
    assert any(row.get("of") == "validation" and 0 <= row["iou"] <= 1 for row in rows)
    folder = _state(config).parent / "out"
    assert export_cutout(longer, folder) == 3
    net, record = load_cutout(folder)
    assert record["size"] == 64 and (folder / "SHA256SUMS").is_file() and (folder / "NOTICE").is_file()
    assert net(torch.zeros(1, 3, 64, 64)).alpha.shape == (1, 64, 64)
    pictures, alpha = batch_of(scenes(data, "", "", 0, 64), 2, [0, 1])
    assert pictures.shape == (2, 3, 64, 64) and -1 <= float(pictures.min()) and float(alpha.max()) <= 1


def test_what_is_written_answers_as_before(tmp_path):
    torch.manual_seed(0)
    net = CutoutNetwork().eval()
    with torch.no_grad():
        net.decoder.enter[1].running_var.fill_(1e5)  # more than half precision holds
        net.decoder.enter[1].weight.fill_(300.0)
    save_cutout(net, tmp_path, {"size": 64})
    again, record = load_cutout(tmp_path)
    x = torch.randn(1, 3, 64, 64)
    before, after = net(x), again(x)
    assert record == {"size": 64}
    assert (before.alpha - after.alpha).abs().max() < 0.02 * before.alpha.abs().max() + 1e-3
    assert torch.allclose(before.quality, after.quality, atol=0.02)


def test_a_damaged_network_is_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(Img2MeshError, match="no whole cutout network"):
        load_cutout(tmp_path)


def _state(config):
    return Path(config.run) / STATE


def _plan(config):
    return config.cutout.optimisation
