"""The whole training, stage by stage, then the model folder; each resumes where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPVisionModelWithProjection

from img2mesh.errors import Img2MeshError
from img2mesh.models.camera_projection import CLIPCameraProjection
from img2mesh.models.recognise import OCCUPANCY
from img2mesh.train.autoencoder import train_autoencoder
from img2mesh.train.checkpoints import averaged, load_state
from img2mesh.train.config import TrainConfig
from img2mesh.train.cutout import STATE as CUTOUT_STATE
from img2mesh.train.cutout import finished_cutout, train_cutout
from img2mesh.train.dataset import RenderSet, load_renders
from img2mesh.train.decoder_finetune import finish_decoder
from img2mesh.train.denoiser import STATE, Denoiser, train_denoiser
from img2mesh.train.distributed import Workers
from img2mesh.train.export import (
    finished_autoencoder,
    model_folder,
    write_attribution,
    write_cutout,
    write_model,
    write_part,
)
from img2mesh.train.networks import build_networks, build_scheduler
from img2mesh.train.occupancy import STATE as OCCUPANCY_STATE
from img2mesh.train.occupancy import finished_occupancy, train_occupancy
from img2mesh.train.validation_images import Pictures

STAGES = ("autoencoder", "decoder", "denoiser", "finish", "occupancy", "cutout")


def train(config: TrainConfig, stage: str = "all", output: str | Path | None = None) -> None:
    """Train the given stage or all of them; write the model to `output`, if given, from the averaged weights.

    The stage `occupancy` alone replaces that part of a model that is already there. The stage `cutout` has nothing to
    do with that model, and "all" leaves it out.

    Raises:
        Img2MeshError: no data, an unknown stage, a starting folder that does not fit, no model to put the network into.
    """
    if stage not in (*STAGES, "all"):
        raise Img2MeshError(f"Unknown stage {stage!r}: choose {', '.join(STAGES)} or all.")
    if stage == "occupancy" and output is not None:
        model_folder(output)  # said now, not after hours
    workers = Workers(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    renders = load_renders(config.data, config.packs or None)
    data, validation = renders.split()
    if stage == "cutout":
        train_cutout(config, data, validation, workers)
        if output is not None and workers.main:
            export_cutout(config, output)
        return
    start = config.denoiser.start
    if stage in ("occupancy", "all") and not start:
        train_occupancy(config, data, validation, workers)
        workers.wait()
    if stage in ("autoencoder", "all") and not start:
        train_autoencoder(config, data, workers)
    if stage in ("decoder", "all") and not start:
        train_autoencoder(config, data, workers, _shared_autoencoder(config, data, workers))
    if stage == "occupancy" and output is not None and workers.main:
        export_occupancy(config, output)
    if stage in ("autoencoder", "decoder", "occupancy"):
        return
    if not start:
        _shared_autoencoder(config, data, workers)
    model = _starting_model(config, start) if start else _new_model(config, data)
    if stage in ("denoiser", "all"):
        pictures = Pictures(validation, Path(config.run)) if config.picture_every else None
        train_denoiser(config, model, data, workers, pictures)
        workers.wait()
    if stage in ("finish", "all") and not start:
        _load_averaged(config, model)
        finish_decoder(config, model, data, workers)
        workers.wait()
    if output is not None and workers.main:
        export(config, output)


def _shared_autoencoder(config: TrainConfig, data: RenderSet, workers: Workers) -> Any:
    """The finished autoencoder; the first process makes its folder, the others read it."""
    if workers.main:
        finished_autoencoder(config, data)
    workers.wait()
    return finished_autoencoder(config, data)


def _record(name: str, data: RenderSet) -> dict:
    from img2mesh.core.camera import DISTANCE, FOV_DEG

    return {
        "name": name,
        "licence": "MIT; trained on the objects listed in NOTICE",
        "distance": DISTANCE,
        "fov_deg": round(FOV_DEG, 5),
        "lowest_deg": round(float(np.degrees(min(item.angles[:, 0].min() for item in data.objects)))),
        "steps": 1,
        "guidance": 1.0,
    }


def _new_model(config: TrainConfig, data: RenderSet) -> Denoiser:
    torch.manual_seed(config.seed + 1)
    vae = finished_autoencoder(config, data).to(memory_format=torch.channels_last)
    unet, encoder, projection = build_networks(config.denoiser)
    return Denoiser(
        unet, encoder, projection, vae, build_scheduler(config.denoiser), config.denoiser.clean_drop
    )


def _starting_model(config: TrainConfig, start: str) -> Denoiser:
    """Modules of a model folder: the paper starts from Stable Diffusion image variations (docs/zero123.md)."""
    folder = Path(start)
    if not (folder / "unet").is_dir():
        raise Img2MeshError(f"{folder} is no model folder: it has no unet/.")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False)
    vae = AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False)
    encoder = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder")
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    if (folder / "clip_camera_projection").is_dir():
        projection = CLIPCameraProjection.from_pretrained(folder / "clip_camera_projection")
    else:
        projection = identity_projection(encoder.config.projection_dim)
    if unet.config.in_channels == 4:
        unet = widen_input(unet)
    return Denoiser(unet, encoder, projection, vae, scheduler, config.denoiser.clean_drop)


def identity_projection(width: int) -> CLIPCameraProjection:
    """The paper's initial camera projection: identity on the embedding, zero bias (docs/zero123.md)."""
    projection = CLIPCameraProjection(width)
    with torch.no_grad():
        projection.proj.weight[:, :width] = torch.eye(width)
        projection.proj.bias.zero_()
    return projection


def widen_input(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A four-channel U-Net as an eight-channel one; the conditioning latent starts with zero weights."""
    config = {key: value for key, value in unet.config.items() if not key.startswith("_")}
    wide = UNet2DConditionModel.from_config({**config, "in_channels": 8})
    state = unet.state_dict()
    weight = state["conv_in.weight"]
    state["conv_in.weight"] = torch.cat([weight, torch.zeros_like(weight)], dim=1)
    wide.load_state_dict(state)
    return wide


def export(config: TrainConfig, output: str | Path) -> int:
    """Write the run's present averaged weights as a model folder, without training; returns the steps done."""
    data, validation = load_renders(config.data, config.packs or None).split()
    start = config.denoiser.start
    model = _starting_model(config, start) if start else _new_model(config, data)
    done = _load_averaged(config, model)
    modules = {**model.trained(), "vae": model.vae}
    guess = load_state(Path(config.run) / OCCUPANCY_STATE)
    if guess is not None and guess["step"]:
        modules[OCCUPANCY] = finished_occupancy(config, guess, validation)
    write_model(output, modules, model.scheduler, _record(Path(output).name, data), half=True)
    write_attribution(Path(output) / "NOTICE", data)
    return done


def export_cutout(config: TrainConfig, output: str | Path) -> int:
    """Write the run's present averaged cutout network as a folder, without training; returns the steps done.

    Raises:
        Img2MeshError: the run has no such network.
    """
    state = load_state(Path(config.run) / CUTOUT_STATE)
    if state is None or not state["step"]:
        raise Img2MeshError(f"{config.run} holds no trained cutout network.")
    data, _ = load_renders(config.data, config.packs or None).split()
    write_cutout(output, finished_cutout(config, state), data, config.cutout.size)
    return state["step"]


def export_occupancy(config: TrainConfig, output: str | Path) -> int:
    """Put the run's averaged occupancy network, calibrated, into a model folder in place of its own.

    Returns:
        The steps done.

    Raises:
        Img2MeshError: the run has trained no such network, or the folder is no model's.
    """
    state = load_state(Path(config.run) / OCCUPANCY_STATE)
    if state is None:
        raise Img2MeshError(f"{config.run} holds no trained occupancy network: train that stage first.")
    _, validation = load_renders(config.data, config.packs or None).split()
    write_part(output, OCCUPANCY, finished_occupancy(config, state, validation))
    return state["step"]


def _load_averaged(config: TrainConfig, model: Denoiser) -> int:
    """Give the networks the run's averaged weights; returns the steps these have learned."""
    state = load_state(Path(config.run) / STATE)
    if state is None:
        raise Img2MeshError(f"{config.run} holds no trained denoiser: train that stage first.")
    for name, module in model.trained().items():
        module.load_state_dict(averaged(state["ema"], name))
    return state["step"]
