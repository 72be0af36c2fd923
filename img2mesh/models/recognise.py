"""What a folder that is no Zero-1-to-3 model is instead, in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from img2mesh.errors import Img2MeshError

POSE_FOLDERS = ("clip_camera_projection", "cc_projection")
PARTS = ("unet", "vae", "image_encoder", "scheduler")
OCCUPANCY = "occupancy"  # where there is one: `models.occupancy`
BEFORE = "body"  # the same in folders written before 2027: its U-Net alone
RECORD = "img2mesh.json"  # a model folder's defaults and licence
PLUS = "Zero123PlusPipeline"
PLUS_PARTS = ("unet", "vae", "vision_encoder", "text_encoder", "scheduler")
_ONLY_PLUS = ("vision_encoder", "feature_extractor_vae")  # folders that no other model has

_PIPELINES = {
    "StableDiffusionInpaintPipeline": "a Stable Diffusion inpainting model",
    "StableDiffusionInstructPix2PixPipeline": "an InstructPix2Pix model",
    "StableDiffusionXLPipeline": "a Stable Diffusion XL model",
    "StableDiffusionImageVariationPipeline": "a Stable Diffusion image variations model",
    "SyncMultiviewDiffusion": "a SyncDreamer model",
    "MVDiffusionImagePipeline": "a Wonder3D model",
}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Img2MeshError: missing, not JSON, or not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Img2MeshError(
            f"{path.parent} has no {path.name}: it is no model folder or half a download."
        ) from None
    except (OSError, ValueError):
        raise Img2MeshError(f"{path} is not readable JSON: half a download?") from None
    if not isinstance(value, dict):
        raise Img2MeshError(f"{path} holds no JSON object.")
    return value


def model_record(folder: Path) -> dict[str, Any]:
    """What a model folder's `RECORD` says; empty where there is none.

    Raises:
        Img2MeshError: it is not JSON, or not an object.
    """
    return read_json(folder / RECORD) if (folder / RECORD).is_file() else {}


def pose_folder(folder: Path) -> Path | None:
    """The folder of the pose module under either of its names."""
    return next((folder / name for name in POSE_FOLDERS if (folder / name).is_dir()), None)


def is_plus(folder: Path) -> bool:
    """Whether a folder says or looks as if it were a Zero123++ model."""
    index = read_json(folder / "model_index.json") if (folder / "model_index.json").is_file() else {}
    return index.get("_class_name") == PLUS or (
        "ramping_coefficients" in index and "_class_name" not in index
    )


def module_folders(folder: Path) -> dict[str, Path]:
    """Part to folder of every network of a checked model folder, of either kind."""
    if is_plus(folder):
        return {part: folder / part for part in PLUS_PARTS if part != "scheduler"}
    pose = pose_folder(folder) or folder / POSE_FOLDERS[0]
    found = [folder / name for name in (OCCUPANCY, BEFORE) if (folder / name).is_dir()]
    guess = {OCCUPANCY: found[0]} if found else {}
    return {
        **{part: folder / part for part in PARTS if part != "scheduler"},
        "clip_camera_projection": pose,
        **guess,
    }


def check_folder(folder: Path) -> None:
    """Refuse a folder that is neither a Zero-1-to-3 nor a Zero123++ model in diffusers' layout; say what it is.

    Raises:
        Img2MeshError: always with the folder's name and what was found instead.
    """
    if not folder.is_dir():
        raise Img2MeshError(f"There is no model folder {folder}.")
    if is_plus(folder):
        _check_plus(folder)
        return
    index = read_json(folder / "model_index.json") if (folder / "model_index.json").is_file() else {}
    found = index.get("_class_name")
    if found in _PIPELINES:
        raise Img2MeshError(f"{folder} is {_PIPELINES[found]}, not Zero-1-to-3.")
    if not (folder / "unet").is_dir():
        if any(folder.glob("*.ckpt")):
            raise Img2MeshError(
                f"{folder} holds a checkpoint, not a model folder: name the .ckpt file itself."
            )
        raise Img2MeshError(f"{folder} is no model folder: it has no unet/.")
    channels = read_json(folder / "unet" / "config.json").get("in_channels")
    pose = pose_folder(folder)
    if channels == 9:
        raise Img2MeshError(f"{folder} is a Stable Diffusion inpainting model, not Zero-1-to-3.")
    if channels == 4 and any((folder / name).is_dir() for name in _ONLY_PLUS):
        raise Img2MeshError(
            f"{folder} looks like a Zero123++ model, but lacks its model_index.json: half a download?"
        )
    if channels == 4:
        kind = "image variations" if (folder / "image_encoder").is_dir() else "text-to-image"
        raise Img2MeshError(f"{folder} is a Stable Diffusion {kind} model, not Zero-1-to-3.")
    if channels == 8 and pose is None and (folder / "text_encoder").is_dir():
        raise Img2MeshError(f"{folder} is an InstructPix2Pix model, not Zero-1-to-3.")
    if channels != 8:
        raise Img2MeshError(f"{folder} is no Zero-1-to-3 model: its U-Net takes {channels} channels, not 8.")
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    missing += [] if pose else [POSE_FOLDERS[0]]
    if missing:
        raise Img2MeshError(f"{folder} is incomplete: it has no {', '.join(f'{part}/' for part in missing)}.")


def _check_plus(folder: Path) -> None:
    missing = [part for part in PLUS_PARTS if not (folder / part).is_dir()]
    if missing:
        raise Img2MeshError(
            f"{folder} is an incomplete Zero123++ model: it has no {', '.join(f'{part}/' for part in missing)}."
        )
    channels = read_json(folder / "unet" / "config.json").get("in_channels")
    if channels != 4:
        raise Img2MeshError(f"{folder} is no Zero123++ model: its U-Net takes {channels} channels, not 4.")
