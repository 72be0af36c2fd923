"""Pictures that several rooms make: composites, contact sheets, animations, PNG files that appear whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from img2mesh.core.files import atomic_file
from img2mesh.core.marks import MARK, png_mark
from img2mesh.errors import Img2MeshError

ANIMATIONS = (".gif", ".mp4", ".webp")


def composite(rgba: np.ndarray, background: Sequence[int] = (255, 255, 255)) -> np.ndarray:
    """Straight-alpha pixels laid on one colour, in sRGB.

    Args:
        rgba: (..., 4) uint8, straight alpha. (..., 3) is returned as it is.
        background: three values in 0..255.

    Returns:
        (..., 3) uint8.
    """
    if rgba.shape[-1] == 3:
        return rgba
    alpha = rgba[..., 3:].astype(np.float32) / 255
    mixed = rgba[..., :3] * alpha + np.asarray(background, dtype=np.float32) * (1 - alpha)
    return (mixed + 0.5).astype(np.uint8)


def save_png(array: np.ndarray, path: str | Path, kind: str = "preview") -> None:
    """Write (H, W[, 3 or 4]) uint8 as PNG: whole or not at all, equal pixels give equal bytes.

    Args:
        kind: what it shows, for the mark in the file (`img2mesh.core.marks`).
    """
    with atomic_file(path) as temporary:
        picture = Image.fromarray(np.ascontiguousarray(array))
        picture.save(temporary, format="PNG", compress_level=6, pnginfo=png_mark(kind))


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    gap: int = 4,
    background: Sequence[int] = (255, 255, 255),
) -> np.ndarray:
    """Pictures in rows, each centred in a cell of the largest picture's size, with a line of text under each.

    Args:
        images: n arrays (h, w, 3 or 4) uint8; alpha is composited on `background`. Sizes may differ.
        columns: pictures per row; None chooses the sheet closest to a square.
        labels: n short texts, or None for none. They are cut to the cell's width.
        gap: pixels around every cell.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: no images, or labels of another number.
    """
    if not len(images):
        raise ValueError("A contact sheet needs at least one image.")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels for {len(images)} images.")
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    columns = columns or math.ceil(math.sqrt(len(images) * height / width))
    columns = max(1, min(columns, len(images)))
    rows = math.ceil(len(images) / columns)
    text = max(11, min(20, height // 16)) if labels is not None else 0
    line = round(text * 1.5)
    sheet = Image.new(
        "RGB", (columns * (width + gap) + gap, rows * (height + line + gap) + gap), tuple(background)
    )
    ink = (0, 0, 0) if sum(background) > 380 else (255, 255, 255)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(text) if text else None
    for index, image in enumerate(images):
        x = gap + (index % columns) * (width + gap)
        y = gap + (index // columns) * (height + line + gap)
        picture = Image.fromarray(np.ascontiguousarray(composite(image, background)))
        sheet.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))
        if labels is not None:
            label = str(labels[index])
            while label and draw.textlength(label, font=font) > width:
                label = label[:-1]
            draw.text((x + width / 2, y + height + line / 2), label, fill=ink, font=font, anchor="mm")
    return np.asarray(sheet)


def write_animation(frames: Sequence[np.ndarray], path: str | Path, fps: float = 15) -> None:
    """Write a looping .gif or .webp, or an .mp4 (H.264, 4:2:0, plays in browsers).

    Args:
        frames: arrays (H, W, 3 or 4) uint8 of one size; alpha is composited on white.
        path: its suffix chooses the format; written whole or not at all.
        fps: frames per second. GIF rounds a frame's time to 10 ms.

    Raises:
        Img2MeshError: unknown suffix, or no ffmpeg for .mp4.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in ANIMATIONS:
        raise Img2MeshError(f"Cannot write an animation as {path.name}: use {', '.join(ANIMATIONS)}.")
    if not len(frames):
        raise ValueError("An animation needs at least one frame.")
    pictures = [np.ascontiguousarray(composite(frame)) for frame in frames]
    with atomic_file(path) as temporary:
        if suffix == ".mp4":
            _write_mp4(pictures, temporary, fps)
            return
        milliseconds = max(20, round(100 / fps) * 10) if suffix == ".gif" else round(1000 / fps)
        images = [Image.fromarray(picture) for picture in pictures]
        options: dict = {"quality": 85, "method": 4} if suffix == ".webp" else {"optimize": False}
        if suffix == ".gif":
            images = _shared_palette(images)
            options["comment"] = f"{MARK} preview".encode()
        images[0].save(
            temporary,
            format=suffix[1:].upper(),
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            loop=0,
            **options,
        )


def _shared_palette(images: list[Image.Image]) -> list[Image.Image]:
    """One palette for all frames, so that colours do not flicker from frame to frame."""
    picked = images[:: max(1, len(images) // 8)]
    strip = Image.new("RGB", (images[0].width, images[0].height * len(picked)))
    for index, image in enumerate(picked):
        strip.paste(image, (0, index * images[0].height))
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for image in images]


def _write_mp4(pictures: list[np.ndarray], path: Path, fps: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise Img2MeshError("Writing .mp4 needs the package imageio-ffmpeg; .gif needs nothing.") from None
    height, width = (side - side % 2 for side in pictures[0].shape[:2])  # 4:2:0 needs even sides
    # One thread and bit-exact flags: equal frames give equal bytes.
    exact = ["-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", "-movflags", "+faststart"]
    exact += ["-metadata", f"comment={MARK} preview"]
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=fps,
        codec="libx264",
        quality=None,
        macro_block_size=1,
        output_params=["-crf", "20", "-preset", "veryfast", *exact],
        ffmpeg_log_level="error",
    )
    try:
        writer.send(None)
        for picture in pictures:
            writer.send(np.ascontiguousarray(picture[:height, :width]))
        writer.close()
    except OSError as error:  # a full disk, or an ffmpeg that ended
        raise Img2MeshError(
            f"ffmpeg could not write {path.suffix}: {' '.join(str(error).split())[:120]}."
        ) from None
    finally:
        writer.close()
    if not path.stat().st_size:
        raise Img2MeshError("ffmpeg wrote nothing: is the disk full?")


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, upper, right and lower border, in pixels, the last two exclusive, of what is set in a mask (H, W) bool."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def resize_rgba(rgba: np.ndarray, width: int, height: int) -> np.ndarray:
    """Area averages when shrinking, bicubic when enlarging, in premultiplied sRGB.

    Args:
        rgba: (H, W, 4) uint8, straight alpha.

    Returns:
        (height, width, 4) uint8, straight alpha. Colours under alpha 0 are the plain resize's.
    """
    import cv2

    if rgba.shape[:2] == (height, width):
        return rgba.copy()
    shrinks = width < rgba.shape[1] or height < rgba.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    alpha = rgba[..., 3].astype(np.float32) / 255
    colour = rgba[..., :3].astype(np.float32)
    small_alpha = cv2.resize(alpha, (width, height), interpolation=how).clip(0, 1)
    weighted = cv2.resize(colour * alpha[..., None], (width, height), interpolation=how)
    plain = cv2.resize(colour, (width, height), interpolation=how)
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = weighted / small_alpha[..., None]
    mixed = np.where(small_alpha[..., None] > 1e-3, mixed, plain)
    out = np.concatenate([mixed, small_alpha[..., None] * 255], axis=-1)
    return (out + 0.5).clip(0, 255).astype(np.uint8)
