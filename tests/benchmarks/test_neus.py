import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import View, ViewSet
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.protocol import protocol_cameras

# What `their_trainer` needs of a checkout: a sphere whose radius is learned, from 0.5 towards 0.3.
RENDERER = """
import pickle
import omegaconf, pytorch_lightning, raymarching, tinycudann
import torch
from ldm.util import instantiate_from_config
from PIL import Image
import numpy as np

class Ball(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.radius = torch.nn.Parameter(torch.tensor(0.5))

    def sdf(self, x):
        return x.norm(dim=-1, keepdim=True) - self.radius

class Renderer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.sdf_network, self.anneal_end = Ball(), 200

class RendererTrainer(pytorch_lightning.LightningModule):
    def __init__(self, image_path, log_dir, total_steps, warm_up_steps, train_batch_num, train_batch_fg_num):
        super().__init__()
        assert (train_batch_num, train_batch_fg_num) == (14, 2)
        self.total_steps, self.warm_up_steps = total_steps, warm_up_steps
        self.poses = pickle.load(open("meta_info/camera-16.pkl", "rb"))
        strip, cut = np.asarray(Image.open(image_path)), BackgroundRemoval()
        views = [cut(strip[:, 256 * i : 256 * i + 256]) for i in range(16)]
        assert [int(view[0, 0, 3]) for view in views] == list(range(16))
        assert strip.shape == (256, 4096, 3) and (strip[0, 0] == 255).all()
        self.renderer = Renderer()

    def training_step(self, batch, index):
        self.log("lr", self.optimizers().param_groups[0]["lr"])
        return (self.renderer.sdf_network.radius.cuda() - 0.3) ** 2

    def configure_optimizers(self):
        chosen = torch.optim.SGD(self.parameters(), lr=self.learning_rate)
        rate = torch.optim.lr_scheduler.LambdaLR(chosen, lambda step: min(1, step / self.warm_up_steps))
        return [chosen], [{"scheduler": rate}]
"""
RECIPE = """
model:
  base_lr: 0.1
  params: {total_steps: 2000, warm_up_steps: 100, train_batch_num: 3584, train_batch_fg_num: 512}
"""


REPLACED = ("tinycudann", "raymarching", "pytorch_lightning", "omegaconf", "ldm.util")


@pytest.fixture
def scripts(monkeypatch):
    """The two scripts as modules."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import neus
    import syncdreamer

    return neus, syncdreamer


@pytest.fixture
def checkout(tmp_path, scripts):
    """A git checkout with a trainer of our own in the place of theirs."""
    root = tmp_path / "clone"
    for name in ("renderer", "configs", "meta_info"):
        (root / name).mkdir(parents=True)
    (root / "renderer" / "renderer.py").write_text(RENDERER)
    (root / "configs" / "neus.yaml").write_text(RECIPE)
    poses = np.stack([scripts[1].opencv_pose(camera) for camera in protocol_cameras()])
    (root / "meta_info" / "camera-16.pkl").write_bytes(pickle.dumps(poses))
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


@pytest.fixture
def in_this_process(monkeypatch, tmp_path):
    """Calls a function and takes back what it changes in this process."""
    import torch

    def call(function, *given):
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(torch.Tensor, "cuda", torch.Tensor.cuda)
        for name in (*REPLACED, "renderer", "renderer.renderer"):
            monkeypatch.setitem(sys.modules, name, None)
            del sys.modules[name]
        return function(*given)

    threads = torch.get_num_threads()
    yield call
    torch.set_num_threads(threads)


def test_bad_input_is_one_sentence_and_exit_code_2(scripts, tmp_path, monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr("sys.argv", ["neus.py", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            run_script(scripts[0].main)
        said = capsys.readouterr()
        assert ended.value.code == 2 and not said.out
        return said.err

    wanted = f"{tmp_path} is no git checkout of SyncDreamer: it has no .git.\n"
    assert run(tmp_path, "--syncdreamer", tmp_path) == wanted
    assert "--rays must be at least 8" in run(tmp_path, "--syncdreamer", tmp_path, "--rays", 7)
    assert "--seconds a positive number" in run(tmp_path, "--syncdreamer", tmp_path, "--seconds", "nan")
    assert "--syncdreamer" in run(tmp_path)


def test_a_checkout_is_named_by_its_commit(scripts, checkout):
    commit = scripts[1].commit_of(checkout)
    assert len(commit) == 40 and int(commit, 16)
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/nowhere")
    with pytest.raises(Img2MeshError, match="git names no commit"):
        scripts[1].commit_of(checkout)


def test_their_poses_project_as_our_cameras_do(scripts):
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    cameras = protocol_cameras()
    for camera in (*cameras, orbit_camera(-20, 33, 1.7)):
        pose = scripts[1].opencv_pose(camera)
        local = points @ pose[:, :3].T + pose[:, 3]
        pixels, depth = camera.project(points)
        np.testing.assert_allclose(local[:, 2], depth, atol=1e-9)
        np.testing.assert_allclose(280 * local[:, :2] / depth[:, None] + 128, pixels, atol=0.02)
    first = scripts[1].opencv_pose(cameras[0])
    np.testing.assert_allclose(
        -first[:, :3].T @ first[:, 3], [1.299, 0, 0.75], atol=1e-3
    )  # their paper's first


def test_their_trainer_runs_to_each_mark(scripts, checkout, in_this_process):
    syncdreamer = scripts[1]
    pictures = [np.full((256, 256, 4), (9, 9, 9, index), np.uint8) for index in range(16)]
    for picture in pictures:
        picture[0, 0, :3] = 255
    views = ViewSet(tuple(View(p, c) for p, c in zip(pictures, protocol_cameras(), strict=True)))
    early, late = in_this_process(syncdreamer.theirs, checkout, views, [0.002, 0.3], 16)
    assert early["CPU s"] < 0.3 <= late["CPU s"] < 3 and early["steps"] < late["steps"]
    assert late["recipe h"] == pytest.approx(late["CPU s"] / late["steps"] * 2000 * 4096 / 16 / 3600)
    vertices, faces = late["shape"]
    assert faces.max() == len(vertices) - 1
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.3, atol=0.01)


def test_a_field_without_inside_has_an_empty_surface(scripts):
    class Nothing:
        def sdf(self, x):
            return x.norm(dim=-1, keepdim=True) + 1

    vertices, faces = scripts[1].surface(Nothing())
    assert vertices.shape == faces.shape == (0, 3) and scripts[0].pictures(vertices, faces) == []


def test_the_table_of_made_up_scores(scripts):
    scores = {"IoU": 0.51239, "Chamfer": 0.0123, "F@0.01": 0.6, "peak GB": 1.44, "CPU s": 38.2}
    rows = [
        {"object": "bus", "method": "ours", **scores},
        {"object": "bus", "method": "NeuS", **scores, "steps": 21, "rays": 64, "recipe h": 40.0},
        {"object": "bus", "method": "NeuS", **scores, "steps": 300, "rays": 64, "recipe h": 44.0},
    ]
    lines = scripts[0].report(rows, "c" * 40).splitlines()
    assert lines[0] == "| object | method | steps | CPU s | peak GB | IoU | Chamfer | F@0.01 |"
    assert lines[2] == "| bus | ours |  | 38 | 1.4 | 0.512 | 0.0123 | 0.600 |"
    assert lines[4] == "| bus | NeuS | 300 | 38 | 1.4 | 0.512 | 0.0123 | 0.600 |"
    assert "c" * 40 in lines[6] and "torch" in lines[6] and "64 rays" in lines[6] and "42 h" in lines[7]
