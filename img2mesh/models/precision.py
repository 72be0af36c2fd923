"""Where to compute and in which number format."""

from __future__ import annotations

import torch

from img2mesh.core.device import cpu_flags
from img2mesh.errors import Img2MeshError


def cpu_has_bf16() -> bool:
    """Whether matrix products in bfloat16 run on instructions of their own here (AMX or AVX512-BF16)."""
    return bool({"amx_bf16", "avx512_bf16"} & cpu_flags()) and torch.backends.mkldnn.is_available()


def pick_device(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `mps` means here.

    Raises:
        Img2MeshError: the named device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise Img2MeshError("There is no CUDA device here: use --device cpu or auto.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise Img2MeshError("There is no Apple GPU here: use --device cpu or auto.")
    try:
        return torch.device(name)
    except RuntimeError:
        raise Img2MeshError(f"Unknown device {name!r}: use auto, cpu, cuda or mps.") from None


def pick_dtype(device: torch.device, name: str = "auto") -> torch.dtype:
    """Number format of weights and activations: `auto`, `fp32`, `bf16` or `fp16`.

    `auto` is bf16 on CPUs with instructions for it and on CUDA devices of compute capability 8 and newer,
    fp16 on other CUDA devices and Apple GPUs, fp32 elsewhere. Noise levels and latents stay in fp32 in every
    case.

    Raises:
        Img2MeshError: an unknown name.
    """
    known = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if name in known:
        return known[name]
    if name != "auto":
        raise Img2MeshError(f"Unknown precision {name!r}: use auto, fp32, bf16 or fp16.")
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if cpu_has_bf16() else torch.float32
