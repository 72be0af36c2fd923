"""Load a Zero123++ folder as published: `model_index.json` and one sub-folder per part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.model_parts import corrected_scheduler, empty_module, recommended
from img2mesh.models.recognise import model_record, read_json
from img2mesh.models.state_dict import fill, read_tensors, weights_file
from img2mesh.models.zero123plus import FOR_CLIP, FOR_VAE, VERSIONS, Preprocess, Zero123Plus

if TYPE_CHECKING:
    from transformers import CLIPTextModel

BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "prediction_type": "v_prediction",
}
# Token numbers of CLIP's vocabulary: begin, end, and the "!" with which Stable Diffusion 2 fills up.
BEGIN, END, FILL = 49406, 49407, 0
NEWEST = "v1.2"


def load_plus(folder: Path, *, variant: str, progress: Progress, options: dict[str, Any]) -> Zero123Plus:
    """Load a checked folder.

    The text encoder only ever reads the empty prompt: it is asked once and dropped again.

    Args:
        variant: `v1.1`, `v1.2`, or `auto`: what img2mesh.json or a name says, else the newest. The files do not
            tell: the newer release names the older as its origin.
        options: fields of `Zero123Plus`; name and licence win over img2mesh.json.

    Raises:
        Img2MeshError: an incomplete or damaged folder, or another model's variant.
    """
    index = read_json(folder / "model_index.json")
    record = model_record(folder)
    name = options.setdefault("name", record.get("name", folder.name))
    options.setdefault("licence", record.get("licence", "unknown"))
    if variant == "auto":
        variant = record.get("variant") or guess_version(name, *folder.resolve().parts[-3:])
    if variant not in VERSIONS:
        raise Img2MeshError(
            f"{folder} is a Zero123++ model: its variant is {' or '.join(VERSIONS)}, not {variant}."
        )
    ramp = _ramp(index, folder)
    scheduler, warnings = corrected_scheduler(folder, progress, BETAS, "Zero123++")
    dtype = options.get("dtype", torch.float32)
    stored: set[str] = set()

    def load(part: str) -> torch.nn.Module:
        path, which = weights_file(folder / part)
        module = empty_module(part, folder / part)
        fill(module, read_tensors(path, dtype), path)
        stored.add(which or "as published")
        step(1)
        return module

    with progress.stage("load model", 4) as step:
        prompt = _empty_prompt(load("text_encoder"), folder, len(ramp))
        unet, vae, encoder = load("unet"), load("vae"), load("vision_encoder")
    tile: dict[str, Any] = {"tile": int(record["tile"])} if "tile" in record else {}
    return Zero123Plus(
        unet,
        vae,
        encoder,
        scheduler,
        prompt,
        ramp,
        _preprocess(folder / "feature_extractor_vae", FOR_VAE),
        _preprocess(folder / "feature_extractor_clip", FOR_CLIP),
        source=folder,
        variant=variant,
        weights=", ".join(sorted(stored)),
        warnings=warnings,
        **tile,
        **{k: v for k, v in recommended(record).items() if k.startswith("default_")},
        **options,
    )


def guess_version(*names: str) -> str:
    """The version that a name of the model, its repository or its folder says; the newest if none does."""
    for name in names:
        found = re.search(r"zero123plus[-_. ]?v?1[._]([12])(?!\d)", name.lower().replace("++", "plus"))
        if found:
            return f"v1.{found[1]}"
    return NEWEST


def _ramp(index: dict[str, Any], folder: Path) -> Tensor:
    values = index.get("ramping_coefficients")
    try:
        ramp = torch.tensor(values, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        ramp = torch.empty(0)
    if ramp.ndim != 1 or not len(ramp) or not torch.isfinite(ramp).all():
        raise Img2MeshError(
            f"{folder / 'model_index.json'} has no ramping_coefficients, which Zero123++ needs."
        )
    return ramp


@torch.inference_mode()
def _empty_prompt(encoder: CLIPTextModel, folder: Path, length: int) -> Tensor:
    """(1, length, W): the text encoder's last layer over no text, begin and end marked, filled up."""
    begin, end, fill_up = _marks(folder / "tokenizer")
    tokens = torch.full((1, length), fill_up)
    tokens[0, 0], tokens[0, 1] = begin, end
    words = encoder.get_input_embeddings().num_embeddings
    if length < 2 or length > encoder.config.max_position_embeddings or int(tokens.max()) >= words:
        raise Img2MeshError(f"{folder / 'text_encoder'} does not fit its tokenizer or model_index.json.")
    return encoder.eval()(input_ids=tokens).last_hidden_state.float()


def _marks(folder: Path) -> tuple[int, int, int]:
    """Numbers of the begin, end and fill tokens, from a tokenizer's files where they are there."""
    if not (folder / "vocab.json").is_file():
        return BEGIN, END, FILL
    numbers = read_json(folder / "vocab.json")
    marks = {}
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            marks.update(read_json(folder / name))

    def number(kind: str, default: int) -> int:
        mark = marks.get(kind)
        mark = mark.get("content") if isinstance(mark, dict) else mark
        found = numbers.get(str(mark), default)
        return found if isinstance(found, int) else default

    return number("bos_token", BEGIN), number("eos_token", END), number("pad_token", FILL)


def _preprocess(folder: Path, default: Preprocess) -> Preprocess:
    """What a `preprocessor_config.json` says, the published values where it does not."""
    if not (folder / "preprocessor_config.json").is_file():
        return default
    config = read_json(folder / "preprocessor_config.json")
    size: Any = config.get("size", default.size)
    size = size.get("shortest_edge", size.get("height", default.size)) if isinstance(size, dict) else size

    def three(key: str, fallback: tuple[float, ...]) -> tuple[float, ...]:
        value = config.get(key, fallback)
        return (float(value),) * 3 if isinstance(value, (int, float)) else tuple(map(float, value))

    try:
        return Preprocess(
            int(size),
            int(config.get("resample", default.resample)),
            three("image_mean", default.mean),
            three("image_std", default.std),
        )
    except (TypeError, ValueError):
        raise Img2MeshError(f"{folder / 'preprocessor_config.json'} holds no preprocessing.") from None
