"""Original `.ckpt` files as models and as folders in diffusers' layout, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from img2mesh.core.files import atomic_folder
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models import checkpoint_keys as names
from img2mesh.models.architecture import PARTS, SCHEDULER, Widths, build_empty
from img2mesh.models.checkpoint import Checkpoint
from img2mesh.models.checksums import write_checksums
from img2mesh.models.pose_embedding import check_variant
from img2mesh.models.recognise import RECORD
from img2mesh.models.safetensors_file import SafeFile, check_whole
from img2mesh.models.state_dict import fill
from img2mesh.models.zero123 import Zero123

_PREFIXES = {
    "unet": names.UNET,
    "vae": names.VAE,
    "image_encoder": names.CLIP,
    "clip_camera_projection": names.POSE,
}
# Present in the files and of no use here: schedule buffers, the other half of CLIP, bookkeeping.
_IGNORED = (
    names.EMA,
    "cond_stage_model.model.",
    "first_stage_model.loss.",
    *(
        "betas",
        "alphas_cumprod",
        "sqrt_",
        "log_one_minus",
        "posterior_",
        "lvlb_weights",
        "logvar",
        "scale_factor",
    ),
)


def our_names(part: str, name: str) -> tuple[str, ...] | None:
    """Names in diffusers or transformers of an original weight, given without the part's prefix."""
    if part == "image_encoder":
        return names.clip_to_transformers(name)
    if part == "clip_camera_projection":
        return (f"proj.{name}",)
    new = (names.unet_to_diffusers if part == "unet" else names.vae_to_diffusers)(name)
    return None if new is None else (new,)


def recognise(shapes: Mapping[str, tuple[int, ...]], where: Path | str) -> None:
    """Refuse a state dict that is not Zero-1-to-3's, and say whose it is.

    Raises:
        Img2MeshError: named after what was found.
    """
    first = shapes.get(names.UNET + "input_blocks.0.0.weight")
    channels = first[1] if first and len(first) == 4 else None
    pose = names.POSE + "weight" in shapes
    prefixes = {key.split(".")[0] for key in shapes}
    if "spatial_volume" in prefixes or "clip_image_encoder" in prefixes:
        found = "a SyncDreamer checkpoint"
    elif "lora" in " ".join(list(shapes)[:50]).lower() and channels is None:
        found = "a LoRA, not a whole model"
    elif channels is None:
        found = "no Stable Diffusion checkpoint of any kind"
        if any("down_blocks" in key for key in shapes):
            found = "one part of a diffusers model: name the folder above it"
    elif channels == 9:
        found = "a Stable Diffusion inpainting checkpoint"
    elif channels == 4 and not pose:
        text = any(key.startswith("cond_stage_model.transformer.text_model") for key in shapes)
        found = f"a Stable Diffusion {'1' if text else 'text-to-image or image variations'} checkpoint"
    elif channels == 8 and not pose:
        found = "an InstructPix2Pix checkpoint"
    elif channels != 8:
        found = f"a checkpoint whose U-Net takes {channels} channels instead of 8"
    else:
        return
    raise Img2MeshError(f"{where} is {found}, not Zero-1-to-3.")


def plan(shapes: Mapping[str, tuple[int, ...]], where: Path | str) -> tuple[dict[str, dict[str, tuple]], str]:
    """Which stored tensor becomes which of our weights: part to {stored name: our names}, and `EMA` or
    `last`.

    The U-Net's averaged weights are taken where all of them are stored, as the published demo does.

    Raises:
        Img2MeshError: not a Zero-1-to-3 checkpoint, or one with unknown weights.
    """
    recognise(shapes, where)
    parts: dict[str, dict[str, tuple]] = {part: {} for part in PARTS}
    unknown = []
    for key in shapes:
        part = next((p for p, prefix in _PREFIXES.items() if key.startswith(prefix)), None)
        new = our_names(part, key.removeprefix(_PREFIXES[part])) if part else None
        if part is not None and new is not None:
            parts[part][key] = new
        elif not key.startswith(_IGNORED):
            unknown.append(key)
    if unknown:
        raise Img2MeshError(f"{where} holds {len(unknown)} weights of another network, such as {unknown[0]}.")
    averaged = {names.ema_name(key.removeprefix(names.UNET)): new for key, new in parts["unet"].items()}
    if all(key in shapes for key in averaged):
        parts["unet"] = averaged
        return parts, "EMA"
    return parts, "last (no averaged weights stored)"


def open_original(path: Path) -> Checkpoint | SafeFile:
    """An original checkpoint as published (`.ckpt`) or rewritten as one safetensors file.

    Raises:
        Img2MeshError: absent, cut short, or neither of them.
    """
    if not path.is_file():
        raise Img2MeshError(f"There is no checkpoint {path}.")
    check_whole(path)
    return SafeFile(path) if path.suffix == ".safetensors" else Checkpoint(path)


def tensors(
    checkpoint: Checkpoint | SafeFile, part: Mapping[str, tuple], dtype: torch.dtype | None
) -> Iterator:
    """Pairs of our name and tensor of one part of a `plan`."""
    for key, new in part.items():
        value = checkpoint.read(key, dtype)
        if new == ("visual_projection.weight",):
            value = value.T.contiguous()
        pieces = value.chunk(len(new)) if len(new) > 1 else (value,)
        for name, piece in zip(new, pieces, strict=True):
            yield name, piece.clone() if len(new) > 1 else piece


def load_checkpoint(
    path: str | Path,
    *,
    variant: str = "auto",
    progress: Progress | None = None,
    options: dict[str, Any] | None = None,
) -> Zero123:
    """A sampler straight from an original `.ckpt`; averaged weights where stored.

    Raises:
        Img2MeshError: not a Zero-1-to-3 checkpoint, another model's variant, incomplete or damaged.
    """
    from img2mesh.models.registry import guess_variant

    path, progress, options = Path(path), progress or Progress(), dict(options or {})
    modules: dict[str, Any] = {}
    with open_original(path) as checkpoint, progress.stage("load model", len(PARTS)) as step:
        parts, which = plan(checkpoint.shapes(), path)
        check_variant(variant, path)
        widths = Widths.of(checkpoint.shapes())
        for part in PARTS:
            modules[part] = build_empty(part, widths)
            fill(modules[part], tensors(checkpoint, parts[part], options.get("dtype")), path)
            step(1)
    progress.note(f"{path.name}: weights of the U-Net: {which}")
    options.setdefault("name", path.stem)
    unet, vae, encoder, projection = (modules[part] for part in PARTS)
    return Zero123(
        unet,
        vae,
        encoder,
        projection,
        SCHEDULER,
        source=path,
        variant=guess_variant(path.stem) if variant == "auto" else variant,
        weights=which,
        **options,
    )


def convert(
    path: str | Path,
    folder: str | Path,
    *,
    variant: str = "auto",
    half: bool = True,
    progress: Progress | None = None,
) -> str:
    """Write an original `.ckpt` as a model folder, part by part; the folder appears whole or not at all.

    Args:
        path: the checkpoint.
        folder: where `unet/ vae/ image_encoder/ clip_camera_projection/ scheduler/` and `img2mesh.json` go.
        half: fp16 (2.5 GB) instead of the checkpoint's fp32.

    Returns:
        Which U-Net weights were taken: `EMA` or `last (...)`.

    Raises:
        Img2MeshError: not a Zero-1-to-3 checkpoint, incomplete or damaged, or an unwritable folder.
    """
    from img2mesh.models.registry import guess_variant

    path, progress = Path(path), progress or Progress()
    dtype = torch.float16 if half else None
    with open_original(path) as checkpoint, atomic_folder(folder) as temporary:
        parts, which = plan(checkpoint.shapes(), path)
        check_variant(variant, path)
        widths = Widths.of(checkpoint.shapes())
        with progress.stage("convert", len(PARTS)) as step:
            for part in PARTS:
                module = build_empty(part, widths)
                fill(module, tensors(checkpoint, parts[part], dtype), path)
                _save(module, temporary / part)
                del module
                step(1)
        (temporary / "scheduler").mkdir()
        _write_json(temporary / "scheduler" / "scheduler_config.json", SCHEDULER)
        record = {
            "name": path.stem,
            "variant": guess_variant(path.stem) if variant == "auto" else variant,
            "weights": which,
            "converted_from": path.name,
        }
        _write_json(temporary / RECORD, record)
        write_checksums(temporary)
    return which


def _save(module: Any, folder: Path) -> None:
    """`config.json` and safetensors as diffusers and transformers name them."""
    from safetensors.torch import save_file

    folder.mkdir()
    config = module.config
    if hasattr(config, "to_json_file"):  # transformers
        config.to_json_file(folder / "config.json")
    else:
        module.save_config(folder)
    name = "model.safetensors" if folder.name == "image_encoder" else "diffusion_pytorch_model.safetensors"
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    save_file(state, folder / name, metadata={"format": "pt"})


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
