"""Every way of finding the object that this machine has, side by side in one picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from img2mesh.core.images import contact_sheet
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import models, own_network
from img2mesh.segment.find import find_object
from img2mesh.segment.photo import Photo
from img2mesh.segment.trust import Found
from img2mesh.settings import Settings

TILE = 320  # pixels: longer side of a picture
_WAY = Image.Resampling.LANCZOS
_SQUARE = 10  # of the checkerboard
Opinion = tuple[str, Found | str]  # a method, and what it found or why it did not


def opinions(image: Photo, settings: Settings, progress: Progress) -> list[Opinion]:
    """What each method finds, the one that `auto` chooses first; nothing is downloaded."""
    there = ["auto"]
    there += ["alpha"] if image.alpha is not None else []
    there += [name for name in models.MODELS if models.find_model(name) is not None]
    there += [own_network.NAME] if own_network.find_weights() is not None else []
    found: list[Opinion] = []
    for name in [*there, "plain"]:
        try:
            found.append((name, find_object(image, settings.replace(segmenter=name, offline=True), progress)))
        except Img2MeshError as error:
            found.append((name, str(error)))
    return found


def side_by_side(image: Photo, found: list[Opinion]) -> np.ndarray:
    """(H, W, 3) uint8 sheet: the photo, then each method's cutout on a checkerboard with its name and confidence."""
    height, width = image.rgb.shape[:2]
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tiles = [(image.rgb, "photo")]
    for name, what in found:
        if isinstance(what, str):
            tiles.append((np.full_like(image.rgb, 255), f"{name}: nothing found"))
            continue
        by = f"{name} ({what.method})" if name == "auto" else name
        tiles.append((_on_checks(image.rgb, what.alpha, scale), f"{by}  {what.confidence:.2f}"))
    small = [np.asarray(Image.fromarray(picture).resize(size, _WAY)) for picture, _ in tiles]
    return contact_sheet(small, min(4, len(small)), [text for _, text in tiles])


def _on_checks(rgb: np.ndarray, alpha: np.ndarray, scale: float) -> np.ndarray:
    """(H, W, 3) uint8: a cutout over a checkerboard whose squares are `_SQUARE` pixels after scaling."""
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]] * scale // _SQUARE
    board = np.where((rows + columns) % 2 > 0, 204, 255)[..., None]
    share = alpha[..., None] / 255
    return (rgb * share + board * (1 - share) + 0.5).astype(np.uint8)
