import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.segment import read_photo
from img2mesh.segment.photo import MAX_BYTES

RED, BLUE = (200, 40, 30), (20, 40, 180)


def _picture(width=64, height=48):
    """Left half red, right half blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, BLUE
    return Image.fromarray(pixels)


def _check(photo, tolerance=6):
    assert photo.rgb.dtype == np.uint8 and photo.rgb.shape == (48, 64, 3)
    assert np.abs(photo.rgb[24, 10].astype(int) - RED).max() <= tolerance
    assert np.abs(photo.rgb[24, 54].astype(int) - BLUE).max() <= tolerance


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff", "gif"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    _picture().save(path, **({"lossless": True} if suffix == "webp" else {}))
    _check(read_photo(path))


def test_an_image_in_memory_is_not_changed():
    image = _picture()
    before = image.tobytes()
    _check(read_photo(image))
    assert image.tobytes() == before


def test_wrong_suffix_does_not_matter(tmp_path):
    _picture().save(tmp_path / "photo.png", format="JPEG", quality=95)
    _check(read_photo(tmp_path / "photo.png"), tolerance=12)


def test_cmyk(tmp_path):
    _picture().convert("CMYK").save(tmp_path / "photo.jpg", quality=95)
    _check(read_photo(tmp_path / "photo.jpg"), tolerance=14)


def test_palette_with_and_without_transparency(tmp_path):
    image = _picture().quantize(8)
    image.save(tmp_path / "opaque.png")
    _check(read_photo(tmp_path / "opaque.png"))
    image.save(tmp_path / "clear.png", transparency=image.getpixel((54, 24)))
    photo = read_photo(tmp_path / "clear.png")
    assert photo.alpha[24, 10] == 255 and photo.alpha[24, 54] == 0


def test_grey_and_grey_with_alpha(tmp_path):
    _picture().convert("L").save(tmp_path / "grey.png")
    photo = read_photo(tmp_path / "grey.png")
    assert photo.alpha is None and np.ptp(photo.rgb[24, 10].astype(int)) == 0
    grey = np.asarray(_picture().convert("L"))
    clear = np.where(np.arange(64) < 32, 255, 0).astype(np.uint8)[None].repeat(48, axis=0)
    Image.fromarray(np.stack([grey, clear], axis=-1)).save(tmp_path / "la.png")
    assert Image.open(tmp_path / "la.png").mode == "LA"
    assert read_photo(tmp_path / "la.png").alpha[24, 54] == 0


def test_sixteen_bits(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, axis=0)
    Image.fromarray(ramp).save(tmp_path / "grey16.png")
    read = read_photo(tmp_path / "grey16.png").rgb[20, :, 0].astype(int)
    assert np.abs(read - np.linspace(0, 255, 64)).max() <= 1
    deep = np.asarray(_picture()).astype(np.uint16)[..., ::-1] * 257
    for name in ("deep.png", "deep.tiff"):
        cv2.imwrite(str(tmp_path / name), deep)
        _check(read_photo(tmp_path / name))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = _picture().transpose(undo[orientation]) if orientation > 1 else _picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    _check(read_photo(tmp_path / "turned.jpg"), tolerance=12)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_first_frame_of_an_animation(tmp_path, suffix):
    path = tmp_path / f"moving.{suffix}"
    later = [Image.new("RGB", (64, 48), c) for c in ((0, 255, 0), (9, 9, 9))]
    extra = {"lossless": True} if suffix == "webp" else {}
    _picture().save(path, save_all=True, append_images=later, duration=50, **extra)
    _check(read_photo(path))


def test_large_photos_are_reduced(tmp_path):
    _picture(3000, 1500).save(tmp_path / "large.jpg")
    assert read_photo(tmp_path / "large.jpg").rgb.shape == (1024, 2048, 3)


def test_rounded_corners_are_no_meaningful_alpha():
    image = _picture(200, 200).convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    assert read_photo(image).alpha is None


def _png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def _bad(tmp_path, kind):
    path = tmp_path / "bad.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:20000])
    elif kind == "truncated jpeg":
        noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, format="JPEG")
        path.write_bytes(path.read_bytes()[:9000])
    elif kind == "pdf":
        path.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n" * 20)
    elif kind == "text":
        path.write_text("not an image\n" * 50)
    elif kind == "tiff header only":
        path.write_bytes(b"II*\0\x08\0\0\0")
    elif kind == "1x1":
        _picture(2, 1).resize((1, 1)).save(path)
    elif kind == "narrow":
        _picture(400, 15).save(path)
    elif kind == "bomb":
        path.write_bytes(_png_header(20000, 20000))
    elif kind == "transparent":
        Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(path)
    elif kind == "one colour":
        Image.new("RGB", (64, 64), (90, 90, 90)).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "No such photo"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("truncated", "damaged"),
        ("truncated jpeg", "damaged"),
        ("pdf", "not a photo"),
        ("text", "not a photo"),
        ("tiff header only", "bad.png"),
        ("1x1", "only 1 x 1 pixels"),
        ("narrow", "only 400 x 15 pixels"),
        ("bomb", f"more than {MAX_BYTES // 1_000_000} MB"),
        ("transparent", "fully transparent"),
        ("one colour", "all of one colour"),
    ],
)
def test_bad_inputs_get_one_sentence(tmp_path, kind, says):
    with pytest.raises(Img2MeshError, match=says) as caught:
        read_photo(_bad(tmp_path, kind))
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 400
