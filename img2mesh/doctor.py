"""What works on this machine and what is missing: the facts behind `img2mesh doctor`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from img2mesh.core.device import cpu_flags, thread_count, total_memory_gb
from img2mesh.core.files import data_folder, user_path
from img2mesh.errors import Img2MeshError
from img2mesh.settings import PRESETS, Settings

CORE = (  # module, distribution
    ("numpy", "numpy"),
    ("scipy", "scipy"),
    ("PIL", "pillow"),
    ("torch", "torch"),
    ("diffusers", "diffusers"),
    ("transformers", "transformers"),
    ("safetensors", "safetensors"),
    ("onnxruntime", "onnxruntime"),
    ("cv2", "opencv-python-headless"),
    ("trimesh", "trimesh"),
    ("skimage", "scikit-image"),
    ("manifold3d", "manifold3d"),
    ("xatlas", "xatlas"),
    ("fast_simplification", "fast-simplification"),
    ("imageio_ffmpeg", "imageio-ffmpeg"),
)
EXTRAS = (  # module, what it buys, how to get it
    (
        "embreex",
        "fast ray casting for `render` and `evaluate`",
        "pip install embreex (x86-64 only)",
    ),
    ("rembg", "rembg's other segmentation models", 'pip install "img2mesh[rembg]"'),
    ("open3d", "Open3D's mesh tools", 'pip install "img2mesh[open3d]"'),
    ("bpy", "Blender's Cycles for training renders", 'pip install "img2mesh[blender]"'),
    (
        "nerfstudio",
        "reading our views in nerfstudio's trainers",
        'pip install "img2mesh[nerfstudio]" (its own environment)',
    ),
    ("tensorboard", "curves of training runs", 'pip install "img2mesh[tensorboard]"'),
    ("tinycudann", "the fastest hash grid, CUDA only", "built from source: docs/install-gpu.md"),
)


@dataclass
class Diagnosis:
    """Lines to print, and what keeps the main job from running (empty: it can run)."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def say(self, name: str, text: str) -> None:
        self.lines.append(f"{name:<22} {text}")


def examine(settings: Settings, calibrate: bool = False) -> Diagnosis:
    """Look at everything the main job needs; takes a few seconds, uses no network.

    Args:
        calibrate: measure the machine's pace again, and forget what runs have corrected.
    """
    found = Diagnosis()
    _packages(found)
    if any(fault.startswith("torch") for fault in found.faults):
        return found
    _devices(found, settings)
    _extras(found)
    _weights(found, settings)
    _segmenters(found)
    if not found.faults:
        _times(found, settings, calibrate)
    return found


def _packages(found: Diagnosis) -> None:
    for module, name in CORE:
        try:
            importlib.import_module(module)
        except ImportError as error:
            found.faults.append(f"{name} cannot be imported ({error}); pip install {name}")
            continue
        except Exception as error:  # a broken binary may raise anything
            found.faults.append(f"{name} is broken ({type(error).__name__}: {error})")
            continue
        try:
            found.say(name, version(name))
        except PackageNotFoundError:
            found.say(name, "present")
    if find_spec("torchvision") is not None:
        try:
            importlib.import_module("torchvision")
        except Exception as error:
            found.faults.append(
                f"torchvision does not fit this torch ({error}); pip uninstall torchvision (it is not needed)"
            )


def _devices(found: Diagnosis, settings: Settings) -> None:
    import torch

    flags = cpu_flags()
    features = [name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags]
    sampler = "bf16" if {"amx_bf16", "avx512_bf16"} & flags else "fp32"
    found.say(
        "cpu",
        f"{thread_count()} threads, {' '.join(features) or 'no vector flags known'}; sampler in {sampler}",
    )
    memory = total_memory_gb()
    if memory is not None:
        found.say("memory", f"{memory:g} GB" + ("" if memory >= 4 else "; the main job may need up to 4 GB"))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            place = torch.cuda.get_device_properties(index)
            found.say(f"cuda:{index}", f"{place.name}, {place.total_memory / 1e9:.0f} GB")
    else:
        found.say("cuda", "none" if torch.version.cuda else "none (this torch was built without it)")
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        found.say("mps", "available")
    from img2mesh.core.device import resolve_device

    try:
        found.say("device", f"{settings.device} means {resolve_device(settings.device)}")
    except Img2MeshError as error:
        found.faults.append(str(error))


def _extras(found: Diagnosis) -> None:
    for module, buys, install in EXTRAS:
        have = find_spec(module) is not None  # not imported: some take a minute
        found.say(f"extra {module}", "present" if have else f"missing: {buys}; {install}")


def _weights(found: Diagnosis, settings: Settings) -> None:
    from img2mesh.models.registry import KNOWN, find_cached

    mini = data_folder("weights") / "mini"
    have_mini = (mini / "unet").is_dir()
    found.say("weights mini", f"found in {mini}" if have_mini else f"missing in {mini}")
    cached = []
    for entry in KNOWN:
        folder = find_cached(entry)
        if folder is not None:
            cached.append(entry.name)
            found.say(f"weights {entry.name}", f"found in {folder} ({entry.licence})")
    if not cached:
        found.say("weights, full size", "none downloaded (`img2mesh weights list`)")
    if settings.model in ("auto", "mini") and not have_mini and not (settings.model == "auto" and cached):
        found.faults.append(
            "no weights found: neither weights/mini nor a downloaded model (`img2mesh weights list`)"
        )
    elif (
        settings.model not in ("auto", "mini")
        and (user_path(settings.model) or Path(settings.model)).exists()
    ):
        found.say("weights", f"{settings.model} exists")


def _segmenters(found: Diagnosis) -> None:
    from img2mesh.segment import segmentation_models

    present = [row for row in segmentation_models() if row["path"]]
    for row in present:
        found.say(f"segmenter {row['name']}", row["path"])
    if not present:
        found.say("segmenter", "no model found; photos with alpha or a plain background work without one")


def _times(found: Diagnosis, settings: Settings, anew: bool) -> None:
    from img2mesh.calibration import Calibration
    from img2mesh.core.device import resolve_device, use_threads
    from img2mesh.models import load_model
    from img2mesh.timing import in_words

    use_threads()
    device = resolve_device(settings.device)
    try:
        model = load_model(settings.model, device=device, variant=settings.variant, offline=True)
    except Img2MeshError as error:
        found.faults.append(str(error))
        return
    calibration = Calibration(device, anew)
    predicted = {
        preset: calibration.stages(model, Settings.load(preset).for_model(model), sparing=True)
        for preset in PRESETS
    }
    speed = calibration.values["float32"]
    found.say("speed", f"{speed:.0f} GFLOP/s in float32; {model.name} runs in {_short(model.dtype)}")
    for preset, stages in predicted.items():
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages.items())
        found.say(f"preset {preset}", f"{in_words(sum(stages.values()))} ({parts})")


def _short(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")
