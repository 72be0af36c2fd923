"""The training recipe as one frozen object, read from `configs/train-mini.toml` or `configs/finetune-zero123.toml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2mesh.errors import Img2MeshError
from img2mesh.settings import read_toml


@dataclass(frozen=True)
class Optimisation:
    """How long and how fast one stage learns.

    Attributes:
        steps: optimiser steps in all.
        batch: samples per step.
        learning_rate: peak of AdamW's rate; `projection_rate` multiplies it for the camera projection.
        optimizer: "adamw", or "muon" for the inner matrices (`train.muon`) and AdamW for the rest.
        warmup: steps of linear warm-up, after which the rate follows a half cosine down to `final_rate` of it.
        cooldown: where above 0, the rate stays at its peak instead, and falls in a straight line over this last
            share of the steps: a training that is to go on another day loses nothing by it.
        ema: decay of the averaged weights, warmed up as min(ema, (1 + n) / (10 + n)).
    """

    steps: int = 10000
    batch: int = 16
    optimizer: str = "adamw"
    learning_rate: float = 3e-4
    projection_rate: float = 1.0
    warmup: int = 100
    cooldown: float = 0.0
    final_rate: float = 0.1
    weight_decay: float = 0.01
    ema: float = 0.999
    clip: float = 1.0


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The image autoencoder: diffusers' AutoencoderKL with an alpha channel, trained on crops of the objects.

    Attributes:
        pooled: begin as an eightfold reduction of the picture (`average_pooling`), not at random; with no steps of
            `optimisation` the latents stay just that.
        perceptual, gradient, chroma, alpha, kl: weights of the losses beside the colours' mean absolute difference.
        optimisation: plan of the whole; `decoder`: of the decoder's further training over frozen latents;
            `finish`: of its last training, over what the denoiser says (`train.decoder_finetune`).
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    layers: int = 1
    crop: int = 128
    pooled: bool = False
    perceptual: float = 0.5
    gradient: float = 1.0
    chroma: float = 1.0
    alpha: float = 1.0
    kl: float = 1e-7
    optimisation: Optimisation = field(default_factory=Optimisation)
    decoder: Optimisation = field(default_factory=Optimisation)
    finish: Optimisation = field(default_factory=lambda: Optimisation(steps=0))


@dataclass(frozen=True)
class DenoiserRecipe:
    """The U-Net, its image encoder and the camera projection.

    Attributes:
        start: folder of a finished model to begin from (fine-tuning); empty trains the widths below from nothing.
        freeze: parts of {"image_encoder"} that keep their weights (Zero-1-to-3 freezes CLIP).
        dropout: probability of each of the three condition-dropping cases (docs/zero123.md).
        terminal: share of samples drawn at the noisiest timestep, where few-step sampling begins.
        targets: target views per input view in a batch; they share the image encoder's work.
        augment: also draw mirrored (with the pose's sign) and recoloured variants of the objects.
        clean_drop: see `denoiser.Denoiser`.
    """

    start: str = ""
    widths: tuple[int, ...] = (64, 128, 224)
    layers: int = 1
    head_dim: int = 32
    attention_levels: tuple[int, ...] = (1, 2)
    context: int = 192
    encoder_width: int = 192
    encoder_layers: int = 4
    encoder_size: int = 128
    encoder_patch: int = 8
    prediction: str = "v_prediction"
    zero_snr: bool = True
    freeze: tuple[str, ...] = ()
    dropout: float = 0.05
    clean_drop: bool = True
    terminal: float = 0.25
    targets: int = 4
    augment: bool = True
    optimisation: Optimisation = field(default_factory=Optimisation)


@dataclass(frozen=True)
class OccupancyRecipe:
    """The occupancy network (`models.occupancy`); with no steps it is left out.

    Attributes:
        start: folder of a network to go on from (a model's `occupancy`); empty trains one from nothing.
        encoder: file of EfficientNet-Lite0's published weights (`models.efficientnet.from_published`), for a network
            that starts from nothing; empty leaves the pretrained features out.
        known: a second dataset, whose objects' insides are known (`scripts/make_models.py`); empty for none.
        known_share: of a batch that is drawn from it.
        varied: share of pictures whose objects are strained (`train.augment_shape`); above 0, surfaces and outlines
            vary as well.
        agreement: solids whose silhouettes agree less with the renders teach no shape.
    """

    start: str = ""
    widths: tuple[int, ...] = (96, 192, 320)
    fine: int = 32
    encoder: str = ""
    known: str = ""
    known_share: float = 0.25
    varied: float = 0.0
    agreement: float = 0.75
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=0))


@dataclass(frozen=True)
class CutoutRecipe:
    """The cutout network (`models.cutout`), which finds the object in a photo.

    Attributes:
        start: folder of a network to go on from; empty trains one from nothing but the encoder.
        encoder: file of EfficientNet-Lite0's published weights (`models.efficientnet.from_published`).
        encoder_rate: multiplies the rate of the encoder.
        size: side of the pictures that it learns from, pixels, a multiple of 32.
        frozen: so many of the encoder's first blocks keep their weights.
        photographs: folder of panoramas and photos to put objects in front of; `surfaces`: of brick, grass and the
            like; `held_photographs`: of those that only the scores are measured on. Empty: made ones only.
    """

    start: str = ""
    encoder: str = ""
    encoder_rate: float = 0.3
    size: int = 256
    frozen: int = 3
    photographs: str = ""
    surfaces: str = ""
    held_photographs: str = ""
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=0))


@dataclass(frozen=True)
class TrainConfig:
    """A whole training: where it reads, where it keeps its state, what it learns.

    Attributes:
        data: dataset folder (`img2mesh.train.dataset`).
        run: folder of states, logs and pictures; outside the repository by preference.
        metrics: folder of the LPIPS weights; empty switches the perceptual loss off.
        tensorboard: also write curves to `tensorboard/` in the run's folder.
        minutes: stop after so long (the state is saved); 0 means no limit.
        loaders: processes that prepare the occupancy network's batches beside the training; 0: the training itself.
    """

    data: str = "../shared/data"
    run: str = "runs/mini"
    metrics: str = "../shared/data/metrics"
    packs: int = 0
    seed: int = 0
    threads: int = 0
    loaders: int = 0
    minutes: float = 0.0
    save_every: float = 180.0
    picture_every: int = 500
    log_every: int = 25
    bf16: bool = True
    device: str = "auto"
    tensorboard: bool = False
    autoencoder: AutoencoderRecipe = field(default_factory=AutoencoderRecipe)
    denoiser: DenoiserRecipe = field(default_factory=DenoiserRecipe)
    occupancy: OccupancyRecipe = field(default_factory=OccupancyRecipe)
    cutout: CutoutRecipe = field(default_factory=CutoutRecipe)


def load_config(path: str | Path, **overrides: Any) -> TrainConfig:
    """Read a TOML recipe; overrides that are not None replace top-level values.

    Raises:
        Img2MeshError: unreadable file, unknown key, or a value of the wrong type.
    """
    values = read_toml(Path(path))
    values.update({key: value for key, value in overrides.items() if value is not None})
    return _build(TrainConfig, values, str(path))


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    fields = {item.name: item for item in dataclasses.fields(kind)}
    ready = {}
    for key, value in values.items():
        if key not in fields:
            raise Img2MeshError(f"Unknown key {key!r} in {where}.")
        default = fields[key].default
        factory = fields[key].default_factory
        if factory is not dataclasses.MISSING:
            default = factory()
        if dataclasses.is_dataclass(default):
            value = _build(type(default), value, f"{where} [{key}]")
        elif isinstance(default, tuple):
            value = tuple(value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif not isinstance(value, type(default)):
            raise Img2MeshError(f"{key} in {where} must be {type(default).__name__}, not {value!r}.")
        ready[key] = value
    return kind(**ready)
