"""Weights of one module from a file: safetensors or a `.bin`, old and new key names, nothing executed."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from img2mesh.errors import Img2MeshError
from img2mesh.models.checkpoint import Checkpoint, is_zip
from img2mesh.models.safetensors_file import SafeFile, check_whole

# Stored weights in order of preference: averaged weights are what the published demo uses.
STORED = ("fp16_ema", "fp16", "")

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def file_names(stored: str) -> tuple[str, ...]:
    """Names that weights stored as one of `STORED` have in any part's folder, safetensors first."""
    dot = f".{stored}" if stored else ""
    return (
        f"diffusion_pytorch_model{dot}.safetensors",
        f"model{dot}.safetensors",
        f"diffusion_pytorch_model{dot}.bin",
        f"pytorch_model{dot}.bin",
    )


def weights_file(folder: Path) -> tuple[Path, str]:
    """The preferred weights file of a module's folder and which of `STORED` it is.

    Raises:
        Img2MeshError: there is none.
    """
    for stored in STORED:
        for name in file_names(stored):
            if (folder / name).is_file():
                return folder / name, stored
    if any(folder.glob("*.incomplete")):
        raise Img2MeshError(f"{folder} holds half a download: fetch it again.")
    raise Img2MeshError(f"{folder} holds no weights (a .safetensors or .bin file).")


def read_tensors(path: Path, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a `.safetensors` or `.bin` file, one by one; a pickle runs no code of its own.

    Args:
        dtype: what floating-point tensors become; None keeps the file's.

    Raises:
        Img2MeshError: the file is cut short, damaged, or holds no tensors.
    """
    check_whole(path)
    if path.suffix == ".safetensors":
        yield from SafeFile(path).items(dtype)
    elif is_zip(path):
        with Checkpoint(path) as file:
            yield from file.items(dtype)
    else:
        yield from _old_pickle(path, dtype)


def _old_pickle(path: Path, dtype: torch.dtype | None) -> Iterator[tuple[str, Tensor]]:
    """The format before PyTorch 1.6 has to be read whole."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError):
        raise Img2MeshError(f"{path} is damaged, or holds more than tensors: it was not opened.") from None
    if not isinstance(state, dict):
        raise Img2MeshError(f"{path} holds no table of tensors.")
    for key, value in state.items():
        if isinstance(value, Tensor):
            yield key, value.to(dtype) if dtype is not None and value.is_floating_point() else value


def current_name(key: str, wanted: set[str]) -> str:
    """Today's name of a weight that an older diffusers or transformers may have named otherwise."""
    if key in wanted:
        return key
    parts = key.split(".")
    if "attentions" in parts and parts[-2] in _OLD_ATTENTION:  # VAE attention before diffusers 0.17
        parts[-2] = _OLD_ATTENTION[parts[-2]]
    key = ".".join(parts)
    for candidate in (
        key,
        re.sub(r"^projection\.", "proj.", key),  # the pose module of zero123-hf
        f"vision_model.{key}",
        key.removeprefix("vision_model."),
        f"text_model.{key}",
        key.removeprefix("text_model."),
        f"core.{key}",  # the occupancy network's forerunner
    ):
        if candidate in wanted:
            return candidate
    return key


def matched(
    module: nn.Module, tensors: Iterable[tuple[str, Tensor]], where: Path | str
) -> Iterator[tuple[str, Tensor]]:
    """Named tensors under the module's own names, one by one; complains at the end if they are not all of
    them.

    Args:
        module: parameters may be on the meta device.
        tensors: pairs of name and tensor; old names are understood, integer buffers of others ignored.
        where: for messages.

    Raises:
        Img2MeshError: a weight is missing, left over or of another shape.
    """
    wanted = {name: value.shape for name, value in module.state_dict().items()}
    names, extra = set(wanted), []
    missing = dict.fromkeys(wanted)
    for key, value in tensors:
        name = current_name(key, names)
        if name not in names:
            if not key.endswith("position_ids"):
                extra.append(key)
            continue
        if value.ndim == 4 and value.shape == (*wanted[name], 1, 1):
            value = value[..., 0, 0]  # the 1x1 convolutions of old attention layers are linear now
        if value.shape != wanted[name]:
            raise Img2MeshError(
                f"{where} does not fit its description: {key} has shape {tuple(value.shape)}, "
                f"not {tuple(wanted[name])}."
            )
        missing.pop(name, None)
        yield name, value
    if missing:
        first = next(iter(missing))
        raise Img2MeshError(f"{where} lacks {len(missing)} of {len(wanted)} weights, such as {first}.")
    if extra:
        raise Img2MeshError(f"{where} holds {len(extra)} weights of another network, such as {extra[0]}.")


def fill(module: nn.Module, tensors: Iterable[tuple[str, Tensor]], where: Path | str) -> None:
    """Put named tensors into a module built without weights; arguments and errors are those of `matched`."""
    module.load_state_dict(dict(matched(module, tensors, where)), assign=True)
