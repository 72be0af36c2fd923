"""The occupancy network's training: what it learns from, that it learns it, and that it goes on."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.occupancy import CELLS, COLOURS, PLANES, Answer, OccupancyNetwork
from img2mesh.synthetic.voxelize import SOLID, SOLID_FILE
from img2mesh.train.checkpoints import load_state
from img2mesh.train.config import OccupancyRecipe, Optimisation
from img2mesh.train.dataset import load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import Batch
from img2mesh.train.occupancy import begun, occupancy_losses, samplers, train_occupancy


@pytest.fixture
def config(quick, monkeypatch):
    monkeypatch.setattr("img2mesh.train.occupancy.VALIDATED", 4)
    plan = Optimisation(steps=6, batch=4, learning_rate=3e-3, warmup=1, ema=0.5)
    recipe = OccupancyRecipe(widths=(8, 16), fine=8, optimisation=plan)
    return dataclasses.replace(quick, picture_every=3, log_every=1, occupancy=recipe)


def test_training_learns_resumes_and_logs_held_out_scores(config, tmp_path):
    data = load_renders(config.data)
    train_occupancy(config, data, data, Workers("cpu"))
    rows = [json.loads(line) for line in (Path(config.run) / "log.jsonl").read_text().splitlines()]
    losses = [row["occupancy"] for row in rows if "total" in row]
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    assert all(0 < row["network_share"] < 1 for row in rows if "total" in row)
    scores = [row for row in rows if "iou" in row]
    assert len(scores) == 2 and all(0 <= row["iou"] <= 1 and row["elevation_error"] >= 0 for row in scores)
    assert all(0 <= row["symmetry_error"] < 0.3 and 0 <= row["colour"] < 1 for row in scores)
    cut = dataclasses.replace(config, run=str(tmp_path / "cut"), minutes=1e-9)
    for _ in range(2):
        train_occupancy(cut, data, data, Workers("cpu"))
    train_occupancy(dataclasses.replace(cut, minutes=0.0), data, data, Workers("cpu"))
    whole, resumed = (load_state(Path(c.run) / "occupancy.pt") for c in (config, cut))
    assert whole["step"] == resumed["step"] == 6
    for key, value in whole["ema"].items():
        torch.testing.assert_close(resumed["ema"][key], value, atol=1e-5, rtol=0)


def unsure(count):
    """Says of every cell that it may be inside or not, and of every surface that it is grey."""
    return Answer(
        torch.zeros(count, CELLS, CELLS, CELLS),
        torch.full((count, 3, COLOURS, CELLS, CELLS), 0.5),
        torch.zeros(count),
        torch.zeros(count),
        torch.zeros(count, PLANES),
    )


def batch_of(solids, **other):
    count = len(solids)
    values = {
        "pictures": torch.ones(count, 4, 256, 256),
        "angles": torch.zeros(count, 3),
        "inside": torch.stack(list(solids)),
        "colours": torch.zeros(count, 3, COLOURS, CELLS, CELLS),
        "coloured": torch.zeros(count, COLOURS, CELLS, CELLS),
        "overlaps": torch.zeros(count, PLANES),
        "strained": torch.zeros(count, dtype=torch.bool),
        "shaped": torch.ones(count, dtype=torch.bool),
    }
    return Batch(**{**values, **other})


def test_errors_count_by_their_share_of_an_objects_volume():
    thick, thin = torch.zeros(2, CELLS, CELLS, CELLS).unbind()
    thick[8:52], thin[20:26] = 1, 1  # 44 and 6 cells of every ray

    def loss(*solids):
        return occupancy_losses(unsure(len(solids)), batch_of(solids))["occupancy"].item()

    assert loss(thick) == pytest.approx(np.log(2) * 24 / 48, rel=1e-5)
    assert loss(thin) == pytest.approx(np.log(2) * 24 / 10, rel=1e-5)
    assert loss(thick, thin) == pytest.approx((loss(thick) + loss(thin)) / 2, rel=1e-5), (
        "each object counts once"
    )


def test_objects_of_unknown_solids_teach_colours_only():
    thick, thin = torch.zeros(2, CELLS, CELLS, CELLS).unbind()
    thick[8:52], thin[20:26] = 1, 1
    coloured = torch.zeros(2, COLOURS, CELLS, CELLS)
    coloured[1, 3, 5, 7] = 1
    batch = batch_of((thick, thin), shaped=torch.tensor([True, False]), coloured=coloured)
    losses = occupancy_losses(unsure(2), batch)
    assert losses["occupancy"].item() == pytest.approx(np.log(2) * 24 / 48, rel=1e-5)
    assert losses["colour"].item() == pytest.approx(0.5 - 0.025, abs=1e-4), "of the one cell that is known"


def test_of_strained_objects_neither_elevation_nor_symmetry_counts():
    solids = torch.rand(2, CELLS, CELLS, CELLS)
    angles = torch.tensor([[0.0, 0, 1.6], [0.7, 0, 1.6]])
    overlaps = torch.stack([torch.full((PLANES,), 0.5), torch.ones(PLANES)])

    def losses(*strained):
        batch = batch_of(solids, angles=angles, overlaps=overlaps, strained=torch.tensor(strained))
        return occupancy_losses(unsure(2), batch)

    both, first, neither = losses(False, False), losses(False, True), losses(True, True)
    assert both["occupancy"] == first["occupancy"] == neither["occupancy"] > 0
    assert both["elevation"].item() == pytest.approx(0.7**2 / 4, abs=1e-5) and first["elevation"] == 0
    assert neither["elevation"] == neither["symmetry"] == 0 and first["symmetry"] > 0


def test_a_run_goes_on_from_a_folder(config, tmp_path):
    torch.manual_seed(3)
    old = OccupancyNetwork((8, 16), 8, False)
    old.save_pretrained(tmp_path / "occupancy")
    recipe = dataclasses.replace(config.occupancy, start=str(tmp_path / "occupancy"))
    net = begun(dataclasses.replace(config, occupancy=recipe))
    for name, value in old.state_dict().items():
        assert torch.equal(net.state_dict()[name], value)
    (tmp_path / "empty").mkdir()
    for other in ({"start": str(tmp_path / "empty")}, {"start": "", "encoder": str(tmp_path / "no.pth")}):
        with pytest.raises(Img2MeshError, match="is nothing to begin with"):
            begun(dataclasses.replace(config, occupancy=dataclasses.replace(recipe, **other)))


def test_made_things_take_their_share_of_a_batch(config, renders, tmp_path):
    known = tmp_path / "known"
    shutil.copytree(renders, known)
    (known / "solids.tar").unlink()
    for folder in known.glob("ball*"):
        np.savez_compressed(folder / SOLID_FILE, inside=np.zeros((SOLID,) * 3, np.uint8))
    recipe = dataclasses.replace(config.occupancy, known=str(known), known_share=0.5)
    config = dataclasses.replace(config, occupancy=recipe)
    data = load_renders(config.data)
    mixed, checked = samplers(config, data, data)
    batch = mixed.batch(0, Workers("cpu"))
    assert len(batch.pictures) == 4 and set(checked) == {"renders", "known"} and batch.shaped.all()
    assert batch.inside[:2].amax() > 0.9 and batch.inside[2:].amax() == 0, "these are known to be empty"


def test_missing_made_things_are_named_with_how_to_make_them(config):
    recipe = dataclasses.replace(config.occupancy, known="no/such/folder")
    config = dataclasses.replace(config, occupancy=recipe)
    data = load_renders(config.data)
    with pytest.raises(Img2MeshError, match=r"no/such/folder; make it: `python scripts/make_models.py"):
        samplers(config, data, data)
