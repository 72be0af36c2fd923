"""Pictures named by a transforms.json, with their masks and without their lens distortion."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.views.chroma_key import cut_from_colour

LARGEST = 512  # the field sees no more; full resolution would only cost memory
HUGE = 4096  # pixels a side up to which a picture is worked on as it is
_MOST_PIXELS, _LONGEST = 150_000_000, 32766  # OpenCV takes no longer sides
_DISTORTION = ("k1", "k2", "p1", "p2", "k3")


def open_rgba(path: Path) -> np.ndarray:
    """Any picture as (H, W, 4) uint8 straight alpha, EXIF orientation applied.

    Raises:
        Img2MeshError: missing, not a picture, or broken.
    """
    rgba, _ = _open(path)
    return rgba


def _open(path: Path) -> tuple[np.ndarray, bool]:
    from PIL import Image, ImageOps

    from img2mesh.segment.read import known_formats

    try:
        with Image.open(path, formats=known_formats()) as opened:
            if opened.width * opened.height > _MOST_PIXELS or max(opened.size) > _LONGEST:
                raise Img2MeshError(
                    f"The picture {path} is too large: {opened.width} x {opened.height} pixels."
                )
            image: Image.Image = opened
            if image.mode.startswith("I;16"):
                # Pillow clips 16-bit greys when it converts; keep the upper byte.
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            has_alpha = "A" in image.getbands() or "transparency" in image.info
            image = ImageOps.exif_transpose(image).convert("RGBA")
    except FileNotFoundError:
        raise Img2MeshError(f"No such picture: {path}.") from None
    except (Img2MeshError, MemoryError):
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, zlib.error ...
        said = " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
        raise Img2MeshError(f"Cannot read the picture {path}: {said}.") from None
    rgba = np.array(image)
    return rgba, has_alpha and bool((rgba[..., 3] < 255).any())


def read_frame_picture(folder: Path, frame: dict, values: dict) -> tuple[np.ndarray, tuple[int, int], str]:
    """The picture of a frame.

    Args:
        folder: where the file names begin.
        frame: the frame's own keys; values: those over the file's.

    Returns:
        (H, W, 4) uint8 straight alpha, at most `LARGEST` pixels long; the file's size (width, height); and
        where the mask comes from: `alpha`, `mask` or `white`.
    """
    path = _existing(folder / frame["file_path"])
    rgba, has_alpha = _open(path)
    size = (rgba.shape[1], rgba.shape[0])
    how = "alpha" if has_alpha else "white"
    if isinstance(frame.get("mask_path"), str):
        mask = open_rgba(folder / frame["mask_path"])
        grey = mask[..., :3].max(axis=-1) if (mask[..., 3] == 255).all() else mask[..., 3]
        if grey.shape != rgba.shape[:2]:
            raise Img2MeshError(
                f"The mask {frame['mask_path']} has another size than its picture {path.name}."
            )
        rgba[..., 3], how = grey, "mask"
    rgba = _reduced(_undistorted(_manageable(rgba), values, size))
    if how == "white":
        border = np.concatenate([rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]])[:, :3]
        if (border.min(axis=-1) > 235).mean() < 0.7:
            raise Img2MeshError(
                f"{path} has neither alpha nor a mask_path nor a white background "
                "that would tell the object apart."
            )
        rgba = cut_from_colour(rgba[..., :3])
    return rgba, size, how


def has_picture(folder: Path, frame: dict) -> bool:
    """Whether the picture of a frame is there."""
    return _existing(folder / frame["file_path"]).is_file()


def _existing(path: Path) -> Path:
    """Blender's files leave the suffix out."""
    if path.is_file():
        return path
    for suffix in (".png", ".jpg", ".jpeg"):
        longer = path.with_name(path.name + suffix)
        if longer.is_file():
            return longer
    return path


def premultiplied(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) float32 in 0..255, colours times alpha, of straight uint8."""
    values = rgba.astype(np.float32)
    values[..., :3] *= values[..., 3:] / 255
    return values


def straight(values: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 with straight alpha, white where there is nothing, of what `premultiplied` gives."""
    alpha = np.clip(values[..., 3:], 0, 255)
    colour = np.where(alpha > 0.5, values[..., :3] * 255 / np.maximum(alpha, 0.5), 255)
    return np.round(np.clip(np.concatenate([colour, alpha], axis=-1), 0, 255)).astype(np.uint8)


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _manageable(rgba: np.ndarray) -> np.ndarray:
    """A picture of at most `HUGE` pixels a side: single precision of more of them would be gigabytes."""
    from PIL import Image

    if max(rgba.shape[:2]) <= HUGE:
        return rgba
    factor = -(-max(rgba.shape[:2]) // HUGE)
    return np.array(Image.fromarray(rgba).convert("RGBa").reduce(factor).convert("RGBA"))


def _undistorted(rgba: np.ndarray, values: dict, size: tuple[int, int]) -> np.ndarray:
    numbers = [values.get(key) or 0.0 for key in _DISTORTION]
    if not all(_finite(n) and abs(n) < 100 for n in numbers):
        raise Img2MeshError("The lens distortion in transforms.json must be numbers (k1 k2 p1 p2 k3).")
    given = {key: values.get(key) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")}
    given["fl_y"], given["w"], given["h"] = (
        given["fl_y"] or given["fl_x"],
        given["w"] or size[0],
        given["h"] or size[1],
    )
    if not any(numbers) or not all(map(_finite, given.values())):
        return rgba  # nothing to do, or a camera that `frame_camera` judges
    lens = {key: float(value) for key, value in given.items() if value is not None}
    if min(lens["fl_x"], lens["fl_y"], lens["w"], lens["h"]) <= 0:
        return rgba
    import cv2

    now = rgba.shape[1], rgba.shape[0]
    sx, sy = now[0] / lens["w"], now[1] / lens["h"]
    # OpenCV puts pixel centres at whole numbers, we at halves.
    matrix = np.array(
        [
            [lens["fl_x"] * sx, 0, lens["cx"] * sx - 0.5],
            [0, lens["fl_y"] * sy, lens["cy"] * sy - 0.5],
            [0, 0, 1],
        ]
    )
    if (rgba[..., 3] == 255).all():
        # No mask yet: what the lens did not see becomes white, as the background is.
        maps = cv2.initUndistortRectifyMap(matrix, np.array(numbers, float), None, matrix, now, cv2.CV_32FC1)
        return cv2.remap(
            rgba, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,) * 4
        )
    return straight(cv2.undistort(premultiplied(rgba), matrix, np.array(numbers, float)))


def _reduced(rgba: np.ndarray) -> np.ndarray:
    height, width = rgba.shape[:2]
    scale = LARGEST / max(height, width)
    if scale >= 1:
        return rgba
    import cv2

    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return straight(cv2.resize(premultiplied(rgba), size, interpolation=cv2.INTER_AREA))
