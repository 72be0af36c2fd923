"""From a name, a folder or a `.ckpt` to a sampler. Parts load one by one; nothing in a file is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from img2mesh.core.files import data_folder, user_path
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.allocator import lean_memory
from img2mesh.models.model_parts import corrected_scheduler, empty_module, recommended
from img2mesh.models.pose_embedding import check_variant
from img2mesh.models.precision import pick_device, pick_dtype
from img2mesh.models.recognise import (
    OCCUPANCY,
    check_folder,
    is_plus,
    model_record,
    module_folders,
)
from img2mesh.models.registry import PREFERRED, find_cached, guess_variant, is_version, lookup
from img2mesh.models.state_dict import fill, read_tensors, weights_file
from img2mesh.models.zero123 import Zero123

if TYPE_CHECKING:
    from img2mesh.models.zero123plus import Zero123Plus

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def load_model(
    name: str = "auto",
    *,
    device: str = "auto",
    variant: str = "auto",
    offline: bool = False,
    progress: Progress | None = None,
    precision: str = "auto",
    low_vram: bool = False,
    compile: bool = False,
) -> Zero123 | Zero123Plus:
    """Load a sampler: a Zero-1-to-3 model, or a Zero123++ model.

    Args:
        name: `auto` (a full-size checkpoint of the Hugging Face cache if there is a CUDA device, else the
            mini), `mini`, a name of `img2mesh weights list`, a Hub `owner/name`, a folder in diffusers'
            layout, or an original `.ckpt` file.
        device: `auto`, `cpu`, `cuda` or `mps`.
        variant: meaning of the fourth pose element; `auto` decides by the name: the files look alike.
        offline: never use the network; the Hugging Face cache is still read.
        progress: told what is loaded and what was corrected.
        precision: `auto`, `fp32`, `bf16` or `fp16` (`precision.pick_dtype`).
        low_vram: keep weights on the CPU and bring one stage at a time to the device.
        compile: run the U-Net through torch.compile and CUDA graphs; without effect on other devices.

    Raises:
        Img2MeshError: no such model, the wrong kind of model, or an incomplete or damaged one.
    """
    with lean_memory():
        return _load_model(name, device, variant, offline, progress, precision, low_vram, compile)


def _load_model(
    name: str,
    device: str,
    variant: str,
    offline: bool,
    progress: Progress | None,
    precision: str,
    low_vram: bool,
    compile: bool,
) -> Zero123 | Zero123Plus:
    progress = progress or Progress()
    target = pick_device(device)
    dtype = pick_dtype(target, precision)
    low_vram = low_vram and target.type != "cpu"
    if compile and (target.type != "cuda" or low_vram):
        progress.warn("compile has no effect here: it needs a CUDA device, and weights that stay there.")
    options: dict[str, Any] = {"device": target, "dtype": dtype, "low_vram": low_vram, "compile": compile}
    if name == "auto":
        name = _best_present() if target.type == "cuda" else "mini"
    if name == "mini":
        folder = data_folder("weights") / "mini"
        if not folder.is_dir():
            raise Img2MeshError(f"The mini's weights are not in {folder}: name another --model.")
        return load_folder(folder, variant=variant, progress=progress, options={"name": "mini", **options})
    path = user_path(name) or Path(name)
    if path.suffix in (".ckpt", ".safetensors") or path.is_file():
        from img2mesh.models.convert import load_checkpoint

        return load_checkpoint(path, variant=variant, progress=progress, options=options)
    if path.is_dir():
        return load_folder(path, variant=variant, progress=progress, options=options)
    entry = lookup(name)
    if entry is None:
        raise Img2MeshError(
            f"There is no model {name!r}: give mini, a name of `img2mesh weights list`, a Hub owner/name, "
            "a folder or a .ckpt file."
        )
    if variant != "auto" and entry.variant != "auto" and is_version(variant) != is_version(entry.variant):
        raise Img2MeshError(f"{entry.name} has no variant {variant}: its own is {entry.variant}.")
    cached = find_cached(entry)
    if cached is None:
        from img2mesh.models.hub import download

        cached = download(entry, offline=offline, progress=progress)
    if variant == "auto":
        variant = entry.variant
    options.update(name=entry.name, licence=entry.licence)
    return load_folder(cached, variant=variant, progress=progress, options=options)


def _best_present() -> str:
    """The first full-size model that the Hugging Face cache holds whole, else the mini."""
    for name in PREFERRED:
        entry = lookup(name)
        if entry is not None and find_cached(entry) is not None:
            return name
    return "mini"


def load_folder(
    folder: Path,
    *,
    variant: str = "auto",
    progress: Progress | None = None,
    options: dict[str, Any] | None = None,
    own: bool | None = None,
) -> Zero123 | Zero123Plus:
    """Load `unet/ vae/ image_encoder/ clip_camera_projection/ (or cc_projection/) scheduler/` of a folder, or
    what a Zero123++ folder has in their place (`plus_folder.load_plus`).

    An `img2mesh.json` beside them may give name, licence, variant, distance, fov_deg, lowest_deg, steps and guidance.

    Args:
        options: fields of the sampler.
        own: whether the networks may be this package's (`models.unet`), which are imported in no time, instead of
            diffusers'; None: on a CPU, where both give the same bits.

    Raises:
        Img2MeshError: what `check_folder`, `weights_file`, `read_tensors` and `fill` refuse.
    """
    folder, progress, options = Path(folder), progress or Progress(), dict(options or {})
    check_folder(folder)
    if is_plus(folder):
        from img2mesh.models.load_zero123plus import load_plus

        return load_plus(folder, variant=variant, progress=progress, options=options)
    check_variant(variant, folder)
    dtype = options.get("dtype", torch.float32)
    record = model_record(folder)
    own = options.get("device", torch.device("cpu")).type == "cpu" if own is None else own
    scheduler, warnings = corrected_scheduler(folder, progress, BETAS, "Zero-1-to-3")
    modules: dict[str, Any] = {}
    stored: set[str] = set()
    with progress.stage("load model", 4) as step:
        for part, source in module_folders(folder).items():
            path, which = weights_file(source)
            modules[part] = empty_module(part, source, own)
            fill(modules[part], read_tensors(path, torch.float32 if part == OCCUPANCY else dtype), path)
            stored.add(which or "as published")
            step(1)
    options.setdefault("name", record.get("name", folder.name))
    options.setdefault("licence", record.get("licence", "unknown"))
    if variant == "auto":
        variant = record.get("variant") or guess_variant(f"{options['name']} {folder.resolve().name}")
    return Zero123(
        modules["unet"],
        modules["vae"],
        modules["image_encoder"],
        modules["clip_camera_projection"],
        scheduler,
        occupancy=modules.get(OCCUPANCY),
        source=folder,
        variant=variant,
        weights=", ".join(sorted(stored)),
        warnings=warnings,
        **recommended(record),
        **options,
    )
