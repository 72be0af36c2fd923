"""Train the cutout network (`models.cutout`) on made photos with known masks (`train.cutout_scenes`)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError
from img2mesh.models.cutout import CutoutAnswer, CutoutNetwork, load_cutout
from img2mesh.train.checkpoints import Ema, Keeper, Log, averaged, resume, training_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.cutout_backdrops import Backdrops, read_pictures
from img2mesh.train.cutout_scenes import Scenes
from img2mesh.train.dataset import RenderSet
from img2mesh.train.distributed import Workers
from img2mesh.train.optimizers import Optimizers

NAME = "cutout"
STATE = "cutout.pt"
VALIDATED = 128  # made photos of validation objects
COARSE_WEIGHT, QUALITY_WEIGHT = 0.3, 0.1  # of the losses beside alpha's
EDGE = 2.0  # how much more pixels along the outline count


def cutout_losses(answer: CutoutAnswer, alpha: Tensor) -> dict[str, Tensor]:
    """Cross entropy and 1 - IoU of alpha, the same half-way, the guessed quality's cross entropy; their `total`.

    Args:
        alpha: (B, S, S) truth in [0, 1].
    """
    near = F.avg_pool2d(alpha[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
    weight = 1 + EDGE * 4 * near * (1 - near)
    entropy = F.binary_cross_entropy_with_logits(answer.alpha, alpha, reduction="none")
    entropy = (entropy * weight).sum() / weight.sum()
    overlap = soft_iou(answer.alpha.sigmoid(), alpha)
    small = F.avg_pool2d(alpha[:, None], alpha.shape[-1] // answer.coarse.shape[-1])[:, 0]
    coarse = (
        F.binary_cross_entropy_with_logits(answer.coarse, small)
        + (1 - soft_iou(answer.coarse.sigmoid(), small)).mean()
    )
    reached = iou(answer.alpha > 0, alpha > 0.5)
    quality = F.binary_cross_entropy_with_logits(answer.quality, reached)
    total = entropy + (1 - overlap).mean() + COARSE_WEIGHT * coarse + QUALITY_WEIGHT * quality
    return {"entropy": entropy, "iou": reached.mean(), "quality": quality, "total": total}


def soft_iou(first: Tensor, second: Tensor) -> Tensor:
    """(B,) intersection over union of (B, H, W) masks in [0, 1]."""
    both = (first * second).sum((1, 2))
    return (both + 1) / (first.sum((1, 2)) + second.sum((1, 2)) - both + 1)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """(B,) intersection over union of boolean masks (B, H, W); 1 where both are empty."""
    union = (first | second).sum((1, 2))
    return torch.where(union > 0, (first & second).sum((1, 2)) / union.clamp_min(1), 1.0)


def scenes(data: RenderSet, photographs: str, surfaces: str, seed: int, size: int) -> Scenes:
    """Made photos of a dataset's objects, drawn by their weights.

    Args:
        photographs, surfaces: folders of pictures; empty: none.
        seed: of the made surfaces.
    """
    chances = data.probabilities()

    def draw(rng: np.random.Generator) -> np.ndarray:
        item = int(rng.choice(len(chances), p=chances))
        return data.read(item, int(rng.integers(len(data.objects[item].places))))

    return Scenes(draw, Backdrops(size, seed, read_pictures(photographs), read_pictures(surfaces)))


def batch_of(source: Scenes, count: int, seed: list[int]) -> tuple[Tensor, Tensor]:
    """`count` made photos (B, 3, S, S) in [-1, 1], and their alpha (B, S, S) in [0, 1]."""
    rng = np.random.default_rng(seed)
    made = [source.scene(rng) for _ in range(count)]
    pictures = torch.from_numpy(np.stack([picture for picture, _ in made])).permute(0, 3, 1, 2)
    return pictures.float() / 127.5 - 1, torch.from_numpy(
        np.stack([alpha for _, alpha in made])
    ).float() / 255


def begun(config: TrainConfig) -> CutoutNetwork:
    """The network that a run begins with.

    Raises:
        Img2MeshError: the folder holds no such network, or the file no encoder.
    """
    recipe = config.cutout
    if recipe.start:
        return load_cutout(Path(recipe.start))[0]
    net = CutoutNetwork()
    if recipe.encoder:
        from img2mesh.models.efficientnet import from_published

        try:
            published = torch.load(recipe.encoder, map_location="cpu", weights_only=True)
            state = from_published(published).state_dict()
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            reason = (str(error).splitlines() or ["?"])[0].rstrip(".:")
            raise Img2MeshError(f"{recipe.encoder} is nothing to begin with: {reason}.") from None
        net.encoder.load_state_dict({key: state[key] for key in net.encoder.state_dict()})
    return net


def finished_cutout(config: TrainConfig, state: dict) -> CutoutNetwork:
    """The averaged network of a run's state."""
    net = begun(config).eval()
    for name, module in parts(net).items():
        module.load_state_dict(averaged(state["ema"], name))
    return net


def parts(net: CutoutNetwork) -> dict[str, nn.Module]:
    """The network's modules by the names that a state keeps them under."""
    return {"encoder": net.encoder, "decoder": net.decoder}


def quick_depthwise(net: nn.Module) -> None:
    """Compute depthwise convolutions in float32 on the CPU, where oneDNN's gradients of them in bfloat16 are slow."""

    def wrapped(module: nn.Conv2d) -> None:
        inner = module.forward

        def forward(x: Tensor) -> Tensor:
            with torch.autocast("cpu", enabled=False):
                return inner(x.float())

        module.forward = forward  # type: ignore[method-assign,assignment]

    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.weight.requires_grad:
            wrapped(module)


def train_cutout(config: TrainConfig, data: RenderSet, validation: RenderSet, workers: Workers) -> None:
    """Train until the recipe's steps or the config's minutes are used up; resumes from the run's state."""
    recipe, run = config.cutout, Path(config.run)
    plan = recipe.optimisation
    torch.manual_seed(config.seed + 3)
    net = begun(config).to(workers.device).channels_last().train()
    net.encoder.freeze(recipe.frozen)
    if workers.device.type == "cpu":
        quick_depthwise(net)
    modules = parts(net)
    optimizers = Optimizers(modules, plan, workers, {"encoder": recipe.encoder_rate})
    ema = Ema(modules, plan.ema)
    step = resume(run / STATE, modules, optimizers, ema)
    source = scenes(data, recipe.photographs, recipe.surfaces, config.seed, recipe.size)
    checked = batch_of(
        scenes(validation, recipe.held_photographs, "", config.seed + 1000, recipe.size),
        VALIDATED,
        [config.seed, 7, 7],
    )
    log = Log(config, NAME, workers)
    keeper = Keeper(run / STATE, config, lambda: training_state(modules, optimizers, ema, step), workers)
    while step < plan.steps:
        started = time.perf_counter()
        pictures, alpha = batch_of(source, plan.batch, workers.seed(config.seed, step))
        pictures = pictures.to(workers.device, memory_format=torch.channels_last)
        ready = time.perf_counter()
        with torch.autocast(workers.device.type, torch.bfloat16, enabled=config.bf16):
            answer = net(pictures)
        losses = cutout_losses(answer, alpha.to(workers.device))
        rate = optimizers.step(losses["total"], step)
        ema.update(modules)
        step += 1
        ended = time.perf_counter()
        values = {key: value.item() for key, value in losses.items()}
        log.gather(plan.batch, **values, network_share=(ended - ready) / (ended - started))
        if step % config.log_every == 0 or step == plan.steps:
            log.write(step=step, rate=rate, **log.means())
        if config.picture_every and workers.main and step % config.picture_every == 0:
            log.write(step=step, of="validation", **held_out(config, ema, *checked))
            log.pause()
        if not keeper.step():
            break
    keeper.save()


@torch.no_grad()
def held_out(config: TrainConfig, ema: Ema, pictures: Tensor, alpha: Tensor) -> dict[str, float]:
    """What the averaged weights reach: mean `iou`, its `worst` twentieth's limit, the share `bad` below 0.8, and of
    these the share `doubted`, whose guessed quality is in the lowest fifth."""
    net = finished_cutout(config, ema.state()).channels_last()
    reached, guessed = [], []
    for part, truth in zip(pictures.split(16), alpha.split(16), strict=True):
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            answer = net(part.to(memory_format=torch.channels_last))
        reached.append(iou(answer.alpha > 0, truth > 0.5))
        guessed.append(answer.quality.sigmoid())
    ious, qualities = torch.cat(reached).numpy(), torch.cat(guessed).numpy()
    bad = ious < 0.8
    low = qualities <= np.quantile(qualities, 0.2)
    return {
        "iou": float(ious.mean()),
        "worst": float(np.quantile(ious, 0.05)),
        "bad": float(bad.mean()),
        "doubted": float(low[bad].mean()) if bad.any() else 1.0,
    }
