"""The network that guesses bodies: what it learns from, that it learns it, and that its folder loads."""

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.occupancy import CELLS, PLANES, body_output, build_body, guess_body
from img2mesh.synthetic.voxelize import SOLID, SOLID_FILE
from img2mesh.train.checkpoints import load_state
from img2mesh.train.config import BodyRecipe, Optimisation
from img2mesh.train.dataset import RenderedObject, RenderSet, load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.image_cache import SmallViews
from img2mesh.train.occupancy import BodySampler, begun, body_losses, samplers, train_body
from img2mesh.train.solids import Solids, misleading

BALL = 0.35  # radius of the data set's objects


@pytest.fixture
def config(quick):
    plan = Optimisation(steps=6, batch=4, learning_rate=3e-3, warmup=1, ema=0.5)
    return dataclasses.replace(
        quick,
        picture_every=3,
        log_every=1,
        body=BodyRecipe(widths=(8, 16), optimisation=plan),
    )


def test_the_hull_of_a_ball_is_a_ball(renders, tmp_path):
    data = load_renders(renders)
    solid = Solids(tmp_path, SmallViews(tmp_path, data, 128)).get(np.array([1]))[0].numpy()
    axis = (np.arange(40) + 0.5) / 40 - 0.5
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")))
    assert (solid[radius < BALL - 0.03] > 0.5).all(), "a hull holds its object"
    assert (solid[radius > 0.5] < 0.5).mean() > 0.97, "six views leave little more"


def test_what_lies_behind_a_mirrored_picture_is_mirrored(renders, tmp_path):
    sampler = BodySampler(tmp_path, load_renders(renders), 8, seed=0)
    pictures, _, inside, _, strained = batch = sampler.batch(0, Workers("cpu"))
    again = sampler.batch(0, Workers("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True)) and not strained.any()
    shown = torch.nn.functional.avg_pool2d((pictures[:, 3:] + 1) / 2, 4)[:, 0] > 0.5
    behind = inside.amax(1) > 0.5
    agreement = (shown & behind).sum((1, 2)) / (shown | behind).sum((1, 2))
    assert agreement.min() > 0.85, "for plain and mirrored pictures alike"


def test_training_learns_resumes_and_logs_held_out_scores(config, tmp_path):
    data = load_renders(config.data)
    train_body(config, data, data, Workers("cpu"))
    rows = [json.loads(line) for line in (Path(config.run) / "log.jsonl").read_text().splitlines()]
    losses = [row["occupancy"] for row in rows if "total" in row]
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    scores = [row for row in rows if "iou" in row]
    assert len(scores) == 2 and all(0 <= row["iou"] <= 1 and row["elevation_error"] >= 0 for row in scores)
    assert all(0 <= row["symmetry_error"] < 0.3 for row in scores)
    cut = dataclasses.replace(config, run=str(tmp_path / "cut"), minutes=1e-9)
    for _ in range(2):
        train_body(cut, data, data, Workers("cpu"))
    train_body(dataclasses.replace(cut, minutes=0.0), data, data, Workers("cpu"))
    whole, resumed = (load_state(Path(c.run) / "body.pt") for c in (config, cut))
    assert whole["step"] == resumed["step"] == 6
    for key, value in whole["ema"].items():
        torch.testing.assert_close(resumed["ema"][key], value, atol=1e-5, rtol=0)


def test_a_guess_stays_within_the_outline():
    torch.manual_seed(0)
    net = build_body((8, 16)).eval()
    rgba = np.zeros((256, 256, 4), np.uint8)
    rgba[96:160, 64:192] = (200, 40, 40, 255)
    guess = guess_body(net, rgba, 1.6)
    assert guess.occupancy.shape == (CELLS, CELLS, CELLS) and guess.occupancy.dtype == np.float32
    rows, columns = np.nonzero(guess.occupancy.any(0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 19, 8, 23)
    assert 0 <= guess.occupancy.min() and guess.occupancy.max() <= 1 and guess.deviation_deg > 0


def test_the_mirror_image_gets_the_mirrored_guess(mirrored_guesses):
    one, two = mirrored_guesses
    assert np.allclose(one.occupancy, two.occupancy[..., ::-1], atol=1e-5)
    assert one.elevation_deg == pytest.approx(two.elevation_deg, abs=1e-3)


def test_the_distance_matters_to_the_network():
    torch.manual_seed(0)
    net, picture = build_body((8, 16)).eval(), torch.rand(1, 4, 128, 128)
    with torch.no_grad():
        near, far = (body_output(net, picture, torch.tensor([d]))[0] for d in (1.5, 2.2))
    assert (near - far).abs().max() > 1e-4


class Unsure(torch.nn.Module):
    """Says of every cell that it may be inside or not."""

    def forward(self, x, timestep):
        return SimpleNamespace(sample=x.new_zeros(len(x), CELLS + 2 + PLANES, CELLS, CELLS))


def test_errors_count_by_their_share_of_an_objects_volume():
    pictures = torch.ones(2, 4, 128, 128)
    thick, thin = torch.zeros(2, CELLS, CELLS, CELLS).unbind()
    thick[4:26], thin[10:13] = 1, 1  # 22 and 3 cells of every ray

    def loss(*solids):
        angles = torch.zeros(len(solids), 3)
        still = torch.zeros(len(solids), dtype=torch.bool)
        batch = pictures[: len(solids)], angles, torch.stack(solids), torch.zeros(len(solids), PLANES), still
        return body_losses(Unsure(), *batch)["occupancy"].item()

    assert loss(thick) == pytest.approx(np.log(2) * 12 / 24, rel=1e-5)
    assert loss(thin) == pytest.approx(np.log(2) * 12 / 5, rel=1e-5)
    assert loss(thick, thin) == pytest.approx((loss(thick) + loss(thin)) / 2, rel=1e-5), (
        "each object counts once"
    )


def test_of_strained_objects_only_the_occupancy_counts():
    angles, solid = torch.tensor([[0.0, 0, 1.6], [0.7, 0, 1.6]]), torch.rand(2, CELLS, CELLS, CELLS)
    overlaps = torch.stack([torch.full((PLANES,), 0.5), torch.ones(PLANES)])

    def losses(*strained):
        return body_losses(
            Unsure(), torch.ones(2, 4, 128, 128), angles, solid, overlaps, torch.tensor(strained)
        )

    both, first, neither = losses(False, False), losses(False, True), losses(True, True)
    assert both["occupancy"] == first["occupancy"] == neither["occupancy"] > 0
    assert both["elevation"].item() == pytest.approx(0.7**2 / 4, abs=1e-5) and first["elevation"] == 0
    assert neither["elevation"] == neither["symmetry"] == 0 and first["symmetry"] > 0


def test_a_run_goes_on_from_a_folder(config, tmp_path):
    torch.manual_seed(3)
    old = build_body((8, 16))
    old.save_pretrained(tmp_path / "body")
    recipe = dataclasses.replace(config.body, start=str(tmp_path / "body"))
    net = begun(dataclasses.replace(config, body=recipe))
    for name, value in old.state_dict().items():
        assert torch.equal(net.state_dict()[name], value)
    (tmp_path / "empty").mkdir()
    for other in ({"widths": (8, 24)}, {"start": str(tmp_path / "empty")}):
        with pytest.raises(Img2MeshError, match="is no body to begin with"):
            begun(dataclasses.replace(config, body=dataclasses.replace(recipe, **other)))


def test_known_insides_replace_hulls_and_take_their_share_of_a_batch(config, renders, tmp_path):
    known = tmp_path / "known"
    shutil.copytree(renders, known)
    for folder in known.glob("ball*"):
        np.savez_compressed(folder / SOLID_FILE, inside=np.zeros((SOLID,) * 3, np.uint8))
    body = dataclasses.replace(config.body, known=str(known), known_share=0.5)
    config = dataclasses.replace(config, body=body)
    data = load_renders(config.data)
    mixed, checked = samplers(config, data, data)
    pictures, _, inside, _, _ = mixed.batch(0, Workers("cpu"))
    assert len(pictures) == 4 and set(checked) == {"renders", "known"}
    assert inside[:2].amax() > 0.9 and inside[2:].amax() == 0, "these are known to be empty"
    train_body(config, data, data, Workers("cpu"))
    rows = [json.loads(line) for line in (Path(config.run) / "log.jsonl").read_text().splitlines()]
    assert {row["of"] for row in rows if "iou" in row} == {"renders", "known"}


def test_pictures_are_held_in_memory_once_all_are_there(renders, tmp_path, monkeypatch):
    data = load_renders(renders)
    views = SmallViews(tmp_path, data, 32)
    assert isinstance(views.thumbs, np.memmap)
    for item in range(len(data)):
        views.rows(np.full(6, item), np.arange(6))
    assert not isinstance(SmallViews(tmp_path, data, 32).thumbs, np.memmap)
    monkeypatch.setattr("img2mesh.train.image_cache.free_memory_gb", lambda: 1e-6)
    assert isinstance(SmallViews(tmp_path, data, 32).thumbs, np.memmap)


def test_hollow_things_are_not_learned_from_their_hulls(renders, tmp_path):
    angles, place = np.zeros((1, 3), np.float32), ("", 0, 0)
    names = ["ycb__mug", "set_a_cups", "cupboard", "spotlight", "frying_pan-1", "panda", "vase"]
    things = RenderSet([RenderedObject(name, name, angles, [place]) for name in names])
    assert misleading(things).tolist() == [True, True, False, False, True, False, True]
    things.objects[0].solid = place
    assert not misleading(things)[0], "its inside is known"
    data = load_renders(renders)
    data.objects[0].id = "bowl"
    sampler = BodySampler(tmp_path, data, 4, seed=0)
    assert sampler.probabilities[0] == 0 and sampler.probabilities.sum() == pytest.approx(1)


def test_missing_vessels_are_named_with_how_to_make_them(config):
    config = dataclasses.replace(config, body=dataclasses.replace(config.body, known="no/such/folder"))
    data = load_renders(config.data)
    with pytest.raises(Img2MeshError, match=r"no/such/folder; make it: `python scripts/make_models.py"):
        samplers(config, data, data)
