"""Run a segmentation network: a photo in, a soft mask out, the same bytes as rembg gives."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.segment.models import MODELS, Model


def predict_mask(rgb: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Foreground probability by one of the networks of `MODELS`.

    Pre- and postprocessing are rembg's (Lanczos to a square, division by the largest value, normalisation; output
    stretched to [0, 1], cut to 8 bits, Lanczos back), so the mask is bit-identical to rembg's on the same runtime.
    U2-Net: Qin et al. 2020 (arXiv:2005.09007); IS-Net: Qin et al. 2022 (arXiv:2203.03041).

    Args:
        rgb: (H, W, 3) uint8.
        name: key of `MODELS`.
        path: its ONNX file.

    Returns:
        (H, W) uint8.

    Raises:
        Img2MeshError: onnxruntime cannot load or run the file.
    """
    session = _session(str(path))
    try:
        answer = session.run(None, {session.get_inputs()[0].name: network_input(rgb, MODELS[name])})[0]
    except Exception as error:  # onnxruntime's exceptions have no common base but Exception
        raise Img2MeshError(f"The segmentation model {name} failed: {_first_line(error)}.") from None
    return mask_from_answer(answer, rgb.shape[1], rgb.shape[0])


def network_input(rgb: np.ndarray, model: Model) -> np.ndarray:
    """(1, 3, size, size) float32, normalised."""
    image = Image.fromarray(rgb).resize((model.size, model.size), Image.Resampling.LANCZOS)
    values = np.asarray(image)
    values = values / max(float(values.max()), 1e-6)
    values = (values - np.array(model.mean)) / np.array(model.std)
    return values.transpose(2, 0, 1)[None].astype(np.float32)


def mask_from_answer(answer: np.ndarray, width: int, height: int) -> np.ndarray:
    """The network's first output (1, C, size, size) to a (height, width) uint8 mask."""
    values = answer[0, 0]
    low, high = values.min(), values.max()
    if high - low < 1e-12:
        return np.zeros((height, width), dtype=np.uint8)
    values = (values - low) / (high - low)
    mask = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))
    return np.asarray(mask.resize((width, height), Image.Resampling.LANCZOS))


def rembg_mask(rgb: np.ndarray, name: str) -> np.ndarray:
    """(H, W) uint8 mask by one of rembg's own sessions (names: `models.REMBG_ONLY`).

    Raises:
        Img2MeshError: rembg is missing, or it cannot get or run its model.
    """
    try:
        import rembg
    except (ImportError, SystemExit):  # rembg leaves the interpreter when it misses onnxruntime
        raise Img2MeshError(f"The segmenter {name} needs the extra: pip install 'img2mesh[rembg]'.") from None
    try:
        session = rembg.new_session(name)
        return np.asarray(rembg.remove(Image.fromarray(rgb), session=session, only_mask=True).convert("L"))
    except Exception as error:
        raise Img2MeshError(f"rembg could not run {name}: {_first_line(error)}.") from None


@functools.lru_cache(maxsize=1)
def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Img2MeshError(f"onnxruntime cannot load {path}: {_first_line(error)}.") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:160]
