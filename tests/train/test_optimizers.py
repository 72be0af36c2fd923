import dataclasses

import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.train.checkpoints import Ema, resume, save_state, training_state
from img2mesh.train.config import Optimisation
from img2mesh.train.distributed import Workers
from img2mesh.train.muon import hidden_matrices
from img2mesh.train.optimizers import Optimizers
from tests.train.test_training import tiny_denoiser


def test_inner_matrices_are_muons_and_the_rest_adamws():
    model = tiny_denoiser()
    model.image_encoder.requires_grad_(False)
    plan = dataclasses.replace(Optimisation(), optimizer="muon", projection_rate=10.0)
    muon, adam = Optimizers(model.trained(), plan, Workers("cpu")).parts
    inner = {p for group in muon.param_groups for p in group["params"]}
    outer = {p for group in adam.param_groups for p in group["params"]}
    assert inner == hidden_matrices(model.trained()) and not inner & outer
    assert model.unet.conv_in.weight in outer and model.unet.conv_out.weight in outer
    assert model.unet.mid_block.resnets[0].conv1.weight in inner
    assert all(p.ndim >= 2 for p in inner)
    learned = {p for m in model.trained().values() for p in m.parameters() if p.requires_grad}
    assert inner | outer == learned
    scales = {
        group["scale"] for group in muon.param_groups if model.projection.proj.weight in set(group["params"])
    }
    assert scales == {10.0}


def test_an_unknown_optimizer_is_named():
    with pytest.raises(Img2MeshError, match="lion"):
        Optimizers(
            tiny_denoiser().trained(), dataclasses.replace(Optimisation(), optimizer="lion"), Workers("cpu")
        )


def test_a_state_of_another_kind_is_refused_in_a_sentence(tmp_path):
    modules = {"net": torch.nn.Linear(3, 2)}
    optimizers, ema = Optimizers(modules, Optimisation(), Workers("cpu")), Ema(modules, 0.9)
    save_state(tmp_path / "old.pt", {"model": {}, "optimizer": {}, "step": 3})
    with pytest.raises(Img2MeshError, match="no training state of this version"):
        resume(tmp_path / "old.pt", modules, optimizers, ema)
    assert resume(tmp_path / "none.pt", modules, optimizers, ema) == 0
    save_state(tmp_path / "new.pt", training_state(modules, optimizers, ema, 5))
    assert resume(tmp_path / "new.pt", modules, optimizers, ema) == 5
