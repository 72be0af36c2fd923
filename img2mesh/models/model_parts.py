"""The parts of a model folder: what its record asks for, its scheduler, its networks without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.autoencoder import Autoencoder
from img2mesh.models.camera_projection import CLIPCameraProjection
from img2mesh.models.clip_vision import CLIPVision
from img2mesh.models.occupancy import OccupancyNetwork
from img2mesh.models.recognise import OCCUPANCY, read_json
from img2mesh.models.unet import ConditionalUNet


def recommended(record: dict[str, Any]) -> dict[str, Any]:
    """A sampler's fields from the keys of an `img2mesh.json`."""
    names = {
        "distance": "distance",
        "fov_deg": "fov_deg",
        "lowest_deg": "lowest_deg",
        "steps": "default_steps",
        "guidance": "default_guidance",
    }
    return {field: record[key] for key, field in names.items() if key in record}


def corrected_scheduler(
    folder: Path, progress: Progress, right: dict[str, Any], kind: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The scheduler's configuration with the `right` values; a warning where a converter wrote others."""
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    wrong = {key for key, value in right.items() if config.get(key) != value}
    if not wrong or config.get("trained_betas") is not None:
        return config, ()
    warning = (
        f"{folder / 'scheduler'} has {', '.join(f'{k} {config.get(k)}' for k in sorted(wrong))}, which no "
        f"{kind} model was trained with (a known converter error): using "
        + ", ".join(f"{right[k]}" for k in sorted(wrong))
        + "."
    )
    progress.warn(warning)
    return {**config, **right}, (warning,)


def empty_module(part: str, folder: Path, own: bool = False) -> nn.Module:
    """The module of a folder's config.json with parameters on the meta device and real buffers.

    Args:
        own: take this package's classes where they are what the file describes: diffusers and transformers, with all
            that they import, then stay away.

    Raises:
        Img2MeshError: the file describes no network that can be built.
    """
    path = folder / "config.json"
    if part == "clip_camera_projection":
        config = read_json(path) if path.is_file() else {}
        with torch.device("meta"):
            return CLIPCameraProjection.from_config(config)
    config = read_json(path)
    try:
        if part == OCCUPANCY:
            with torch.device("meta"):
                return _empty_occupancy(config)
        kinds: dict[str, Any] = {"unet": ConditionalUNet, "vae": Autoencoder, "image_encoder": CLIPVision}
        kind = kinds.get(part)
        if own and kind is not None and kind.fits(config):
            with torch.device("meta"):
                return kind(config)
        return _library_module(part, config)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Img2MeshError(f"{path} describes no network that can be built: {error}") from None


def _library_module(part: str, config: dict[str, Any]) -> nn.Module:
    from accelerate import init_empty_weights
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

    with init_empty_weights(include_buffers=False):
        if part == "text_encoder":
            return CLIPTextModel(CLIPTextConfig.from_dict(config))
        if part in ("image_encoder", "vision_encoder"):
            return CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(config))
        return {"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part].from_config(config)


def _empty_occupancy(config: dict[str, Any]) -> nn.Module:
    if config["_class_name"] == "UNet2DModel":  # the forerunner, which was no more than the core
        return OccupancyNetwork(tuple(config["block_out_channels"]), fine=0, pretrained=False)
    return OccupancyNetwork.from_config(config)
