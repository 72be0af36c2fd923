"""Two processes that train together, started the way a user would; curves; devices that are not there."""

import json
import subprocess
import sys

import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.train.checkpoints import Log
from img2mesh.train.config import TrainConfig
from img2mesh.train.distributed import Workers

TOGETHER = """
import dataclasses, hashlib, sys
import torch
from img2mesh.train.config import AutoencoderRecipe, TrainConfig
from img2mesh.train.dataset import load_renders
from img2mesh.train.denoiser import train_denoiser
from img2mesh.train.pairs import PairSampler
from img2mesh.train.distributed import Workers
from tests.train.test_training import TINY, tiny_denoiser

torch.set_num_threads(1)
workers = Workers("cpu")
plan = dataclasses.replace(TINY.optimisation, steps=3, optimizer="muon")
config = TrainConfig(
    data=sys.argv[1], run=sys.argv[2], metrics="", picture_every=0, log_every=1, bf16=False,
    denoiser=dataclasses.replace(TINY, optimisation=plan),
)
one = torch.nn.Parameter(torch.zeros(2))
other = torch.nn.Parameter(torch.zeros(1))
one.grad = torch.tensor([1.0, 2.0]) * (workers.rank + 1)
workers.average_gradients([one, other])
model = tiny_denoiser()
train_denoiser(config, model, load_renders(config.data), workers)
weights = torch.cat([p.detach().flatten() for p in model.unet.parameters()])
digest = hashlib.sha256(weights.numpy().tobytes()).hexdigest()
print("RESULT", workers.rank, workers.count, one.grad.tolist(), other.grad.tolist(), digest, flush=True)
"""


def test_two_processes_stay_equal_and_one_writes(renders, tmp_path):
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    run = tmp_path / "run"
    done = subprocess.run(
        [*launch, str(script), str(renders), str(run)], capture_output=True, text=True, timeout=240
    )
    rows = sorted(line.split(maxsplit=3) for line in done.stdout.splitlines() if line.startswith("RESULT"))
    assert [row[1:3] for row in rows] == [["0", "2"], ["1", "2"]], done.stderr[-2000:]
    assert rows[0][3] == rows[1][3]  # the same mean gradient and, after three steps, the same weights
    assert rows[0][3].startswith("[1.5, 3.0] [0.0]")
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2, 3]
    assert torch.load(run / "denoiser.pt", weights_only=True)["step"] == 3


def test_a_single_process_needs_no_launcher():
    workers = Workers("cpu")
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 2.0])
    workers.average_gradients([weight])
    workers.wait()
    assert weight.grad.tolist() == [1.0, 2.0] and workers.main and workers.agree(False) is False
    assert workers.seed(3, 1, 4) == [3, 1, 4]


def test_a_device_that_is_not_there_is_said():
    with pytest.raises(Img2MeshError, match="abacus"):
        Workers("abacus")


def test_curves_need_their_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = TrainConfig(run=str(tmp_path / "run"), tensorboard=True)
    with pytest.raises(Img2MeshError, match=r"\[tensorboard\]"):
        Log(config, "denoiser", Workers("cpu"))


def test_curves_hold_what_the_log_holds(tmp_path):
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is an extra"
    )
    log = Log(TrainConfig(run=str(tmp_path), tensorboard=True), "denoiser", Workers("cpu"))
    log.write(step=5, loss=0.25)
    log.write(step=6, loss=0.125)
    found = events.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(e.step, e.value) for e in found.Scalars("denoiser/loss")] == [(5, 0.25), (6, 0.125)]
