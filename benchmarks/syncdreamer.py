"""SyncDreamer's NeuS on a CPU, imported from a clone of github.com/liuyuan-pal/SyncDreamer: used by neus.py.

What is changed of it, all from outside: fewer rays a step (object rays in the recipe's share; its 4096 would want some
20 GB), both ramps of its schedule shortened to what the time allows, the true alpha in place of carvekit's guess,
tensors stay on the CPU, a plain loop in Lightning's place, empty modules for what its NeuS imports but never calls,
and our marching cubes, not timed, at our resolution (its own asks the network 134 million times).
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path

import numpy as np

from img2mesh.core.camera import Camera, w2c_from_camera
from img2mesh.core.images import save_png
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings

NEEDED = (".git", "renderer/renderer.py", "configs/neus.yaml", "meta_info/camera-16.pkl")
BOUNDS = np.array([[-0.6] * 3, [0.6] * 3])  # outside of this box their renderer looks at nothing


def commit_of(checkout: Path) -> str:
    """The commit that is checked out; raises Img2MeshError where there is no such checkout."""
    asked = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True)
    missing = [name for name in NEEDED if not (checkout / name).exists()]
    if missing or asked.returncode:
        reason = f"it has no {missing[0]}" if missing else "git names no commit there"
        raise Img2MeshError(f"{checkout} is no git checkout of SyncDreamer: {reason}.")
    return asked.stdout.strip()


def theirs(checkout: Path, views: ViewSet, marks: list[float], rays: int) -> list[dict]:
    """Train until each mark of processor time (ascending seconds); a row with `shape` for each."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, full = their_trainer(checkout, views, rays, Path(folder))
    (trainer.optimizer,), (schedule,) = trainer.configure_optimizers()

    def learn() -> float:
        clock = time.process_time()
        trainer.optimizer.zero_grad()
        trainer.training_step({}, trainer.global_step).backward()
        return clock

    cost = min(-learn() + time.process_time() for _ in range(2))  # nothing is learned yet
    share = marks[-1] / cost / trainer.total_steps  # of the recipe's steps
    trainer.warm_up_steps = max(1, round(trainer.warm_up_steps * share))
    trainer.renderer.anneal_end = max(1, round(trainer.renderer.anneal_end * share))
    spent, found = 0.0, []
    for mark in marks:
        while spent < mark:
            clock = learn()
            trainer.optimizer.step()
            schedule["scheduler"].step()
            trainer.global_step += 1
            spent += time.process_time() - clock
        row = {"method": "NeuS", "CPU s": spent, "steps": trainer.global_step, "peak GB": peak_gb()}
        row |= {"rays": rays, "recipe h": spent / row["steps"] * trainer.total_steps * full / rays / 3600}
        found.append({**row, "shape": surface(trainer.renderer.sdf_network)})
    return found


def their_trainer(checkout: Path, views: ViewSet, rays: int, folder: Path):
    """Their RendererTrainer with its NeuS recipe on our views, in this process; and the recipe's rays a step."""
    import torch
    import yaml

    class Loop(torch.nn.Module):  # what their training step asks of Lightning
        global_step, optimizer = 0, None
        log = log_dict = lambda self, *_, **__: None
        optimizers = lambda self: self.optimizer  # noqa: E731

    for name in ("tinycudann", "raymarching", "pytorch_lightning", "omegaconf", "ldm.util"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["pytorch_lightning"].LightningModule = Loop
    sys.modules["omegaconf"].OmegaConf = sys.modules["ldm.util"].instantiate_from_config = None
    torch.Tensor.cuda = lambda tensor, *_, **__: tensor
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    os.chdir(checkout)  # it reads its cameras from meta_info
    sys.path.insert(0, str(checkout))
    module = importlib.import_module("renderer.renderer")
    strip = np.concatenate([view.rgb_on_white for view in views.views], axis=1)
    save_png((255 * strip + 0.5).astype(np.uint8), folder / "views.png")
    alphas = iter([view.rgba[..., 3:] for view in views.views])
    module.BackgroundRemoval = lambda: lambda picture: np.concatenate([picture, next(alphas)], axis=-1)
    recipe = yaml.safe_load(Path("configs/neus.yaml").read_text(encoding="utf-8"))["model"]
    given = {**recipe["params"], "image_path": str(folder / "views.png"), "log_dir": str(folder)}
    full = given["train_batch_num"] + given["train_batch_fg_num"]
    given["train_batch_fg_num"] = max(1, rays * given["train_batch_fg_num"] // full)
    given["train_batch_num"] = rays - given["train_batch_fg_num"]
    trainer = module.RendererTrainer(**given)
    trainer.learning_rate = recipe["base_lr"]
    if not np.allclose(trainer.poses, [opencv_pose(view.camera) for view in views.views], atol=1e-4):
        raise Img2MeshError("SyncDreamer's camera file does not hold the cameras of its paper.")
    return trainer, full


def opencv_pose(camera: Camera) -> np.ndarray:
    """(3, 4) world to camera with OpenCV axes (+y down, looking along +z): what their camera file holds."""
    return np.diag([1.0, -1.0, -1.0]) @ w2c_from_camera(camera)


def surface(network) -> tuple[np.ndarray, np.ndarray]:
    """The zero level of their signed distance, floaters dropped: (V, 3) and (F, 3); empty where there is none."""
    import torch

    from img2mesh.mesh.extract import extract_surface

    def sdf(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.concatenate([network.sdf(p)[:, 0] for p in torch.from_numpy(points).split(1 << 14)])

    try:
        return extract_surface(types.SimpleNamespace(sdf=sdf, bounds=BOUNDS), Settings().mesh_resolution)
    except Img2MeshError:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
