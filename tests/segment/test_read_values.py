"""The right colours from every profile, range and page; docs/reading.md is the table of what is tried here."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, features

from img2mesh.errors import Img2MeshError
from img2mesh.segment import read_photo
from img2mesh.segment.read import HEIF_READERS
from tests.segment import icc

RED, BLUE = (190, 40, 40), (40, 60, 170)
FAULTS = Path(__file__).parents[3] / "shared" / "faults"


def halves(left=RED, right=BLUE, width=64, height=48, dtype=np.uint8):
    pixels = np.zeros((height, width, 3), dtype)
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    return pixels


def check(photo, tolerance=3, left=RED, right=BLUE):
    height, width = photo.rgb.shape[:2]
    assert np.abs(photo.rgb[height // 2, width // 4].astype(int) - left).max() <= tolerance
    assert np.abs(photo.rgb[height // 2, 3 * width // 4].astype(int) - right).max() <= tolerance


@pytest.mark.parametrize("space", [icc.ADOBE, icc.DISPLAY_P3, icc.PROPHOTO], ids=["adobe", "p3", "prophoto"])
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff", "png with alpha", "palette"])
def test_profiles(tmp_path, space, kind):
    path = tmp_path / f"photo.{kind.split()[0].replace('palette', 'png')}"
    image = Image.fromarray(halves(icc.encoded(RED, space), icc.encoded(BLUE, space)))
    if kind == "palette":
        image = image.quantize(4)
    if kind == "png with alpha":
        image.putalpha(Image.fromarray(np.tile(np.uint8([255] * 60 + [0] * 4), (48, 1))))
    extra = (
        {"quality": 100, "subsampling": 0} if kind == "jpg" else {"lossless": True} if kind == "webp" else {}
    )
    image.save(path, icc_profile=icc.profile(space), **extra)
    photo = read_photo(path)
    check(photo)
    assert any("made for a test to sRGB" in note for note in photo.notes)
    assert (photo.alpha is not None) == (kind == "png with alpha")


def test_deep_pictures_have_profiles_too(tmp_path):
    pixels = halves(icc.encoded(RED, icc.ADOBE), icc.encoded(BLUE, icc.ADOBE)).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", iccprofile=icc.profile(icc.ADOBE))
    check(read_photo(tmp_path / "a.tif"))


def test_an_adobe_picture_without_a_profile(tmp_path):
    image = Image.fromarray(halves(icc.encoded(RED, icc.ADOBE), icc.encoded(BLUE, icc.ADOBE)))
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    image.save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    photo = read_photo(tmp_path / "a.jpg")
    check(photo, 4)
    assert "Adobe RGB" in photo.notes[0]


def test_srgb_and_damaged_profiles(tmp_path):
    image = Image.fromarray(halves())
    image.save(tmp_path / "srgb.png", icc_profile=icc.profile(icc.SRGB, "sRGB IEC61966-2.1"))
    assert read_photo(tmp_path / "srgb.png").notes == ()
    for name, data in (("cut", icc.profile(icc.ADOBE)[:200]), ("noise", b"\1" * 300)):
        image.save(tmp_path / f"{name}.png", icc_profile=data)
        photo = read_photo(tmp_path / f"{name}.png")
        check(photo, 0)
        assert "damaged" in photo.notes[0]


def test_gamma_of_png(tmp_path):
    linear = (255 * (halves() / 255.0) ** 2.2 + 0.5).astype(np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (100000).to_bytes(4, "big"))
    Image.fromarray(linear).save(tmp_path / "a.png", pnginfo=info)
    check(read_photo(tmp_path / "a.png"), 4)


def test_cielab_tiff(tmp_path):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.profileToProfile(Image.fromarray(halves()), srgb, lab, outputMode="LAB").save(tmp_path / "a.tif")
    check(read_photo(tmp_path / "a.tif"), 4)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["grey png", "rgb png", "rgba png", "grey tif", "rgb tif", "array"])
def test_fewer_bits_in_sixteen(tmp_path, bits, kind):
    top = 2**bits - 1
    white, dark = (250, 250, 250), (80, 80, 80)
    deep = np.round(halves(white, dark).astype(float) / 255 * top).astype(np.uint16)
    if kind == "array":
        photo = read_photo(deep)
    else:
        colour, suffix = kind.split()
        path = tmp_path / f"a.{suffix}"
        planes = {
            "grey": deep[..., 0],
            "rgb": deep,
            "rgba": np.dstack([deep, np.full((48, 64), 65535, np.uint16)]),
        }
        if suffix == "tif":
            tifffile.imwrite(path, planes[colour], photometric="rgb" if colour == "rgb" else "minisblack")
        else:
            cv2.imwrite(str(path), planes[colour])
        photo = read_photo(path)
    check(photo, 2, white, dark)
    assert any("stretched" in note for note in photo.notes) == (bits < 16)


def test_the_real_range_that_png_tells(tmp_path):
    deep = np.round(halves((60, 60, 60), (30, 30, 30)).astype(float) / 255 * 4095).astype(np.uint16)
    data = cv2.imencode(".png", deep)[1]
    data = data.tobytes()
    cut = data.index(b"IDAT") - 4
    body = b"sBIT" + bytes([12, 12, 12])
    import zlib

    chunk = (3).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data[:cut] + chunk + data[cut:])
    check(read_photo(tmp_path / "a.png"), 2, (60, 60, 60), (30, 30, 30))


@pytest.mark.parametrize(("scale", "said"), [(1.0, False), (255.0, True), (65535.0, False), (4.0, True)])
def test_floating_point(tmp_path, scale, said):
    values = (halves((255, 255, 255), (51, 51, 51)) / 255 * scale).astype(np.float32)
    values[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    for source in (tmp_path / "a.tif", values):
        check(read_photo(source), 2, (255, 255, 255), (51, 51, 51))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planar_and_white_is_zero(tmp_path, dtype, compression):
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[dtype]
    values = (halves((255, 10, 10), BLUE) / 255 * top).astype(dtype)
    tifffile.imwrite(
        tmp_path / "p.tif",
        np.moveaxis(values, -1, 0),
        photometric="rgb",
        planarconfig="separate",
        compression=compression,
    )
    check(read_photo(tmp_path / "p.tif"), 2, (255, 10, 10), BLUE)
    grey = (top - halves((250, 250, 250), (40, 40, 40))[..., 0] / 255 * top).astype(dtype)
    if dtype is np.float32:
        grey[0, 0] = 1.0
    tifffile.imwrite(tmp_path / "w.tif", grey, photometric="miniswhite", compression=compression)
    check(read_photo(tmp_path / "w.tif"), 2, (250, 250, 250), (40, 40, 40))


def test_the_largest_page_of_a_tiff(tmp_path):
    small, large = halves((0, 255, 0), (0, 255, 0), 16, 16), halves(width=160, height=120)
    with tifffile.TiffWriter(tmp_path / "chain.tif") as file:
        for pixels in (small, large, small):
            file.write(pixels, photometric="rgb")
    with tifffile.TiffWriter(
        tmp_path / "below.dng"
    ) as file:  # as cameras write them: a thumbnail, the rest below
        file.write(small, photometric="rgb", subifds=2)
        file.write(np.zeros((400, 400), np.uint16), photometric="cfa", subfiletype=0)
        file.write(large, photometric="rgb", subfiletype=1)
    for name in ("chain.tif", "below.dng"):
        photo = read_photo(tmp_path / name)
        assert photo.rgb.shape == (120, 160, 3)
        check(photo)
        assert any("largest, 160 x 120" in note for note in photo.notes)
    with tifffile.TiffWriter(tmp_path / "raw.dng") as file:
        file.write(np.zeros((40, 40), np.uint16), photometric="cfa")
    with pytest.raises(Img2MeshError, match="raw values only"):
        read_photo(tmp_path / "raw.dng")


def test_a_turned_deep_tiff(tmp_path):
    values = np.rot90(halves(dtype=np.uint16).astype(np.uint16) * 257, -1)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=[(274, "H", 1, 8, True)])
    check(read_photo(tmp_path / "a.tif"))


def test_avif(tmp_path):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    Image.fromarray(halves()).save(tmp_path / "a.avif", quality=95)
    check(read_photo(tmp_path / "a.avif"), 10)


def test_heic_with_and_without_the_extra(monkeypatch):
    path = Path(__file__).parent / "files" / "halves.heic"
    from importlib.util import find_spec

    if any(find_spec(name) is not None for name in HEIF_READERS):
        check(read_photo(path), 16, (200, 40, 30), (20, 40, 180))
    monkeypatch.setattr("img2mesh.segment.read.find_spec", lambda name: None)
    with pytest.raises(Img2MeshError, match=r"HEIC, which needs the extra: pip install 'img2mesh\[heic\]'"):
        read_photo(path)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(12000, 9000), (16320, 12240)])
def test_jpegs_of_a_hundred_megapixels_are_cheap(tmp_path, width, height):
    small = Image.fromarray(halves(width=width // 40, height=height // 40))
    small.resize((width, height)).save(tmp_path / "a.jpg", quality=60)
    photo = read_photo(tmp_path / "a.jpg")
    assert max(photo.rgb.shape) == 2048
    check(photo, 12)


def test_a_panorama_is_decoded_at_part_of_its_size(tmp_path):
    Image.fromarray(halves(width=30000, height=1000)).save(tmp_path / "a.jpg", quality=80)
    check(read_photo(tmp_path / "a.jpg"), 12)


def _bytes(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def test_what_is_not_a_path(tmp_path):
    data = _bytes(halves())
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as file:
        sources = [
            data,
            bytearray(data),
            io.BytesIO(data),
            file,
            halves(),
            halves() / 255.0,
            Image.open(io.BytesIO(data)),
        ]
        for source in sources:
            check(read_photo(source), 1)
    alpha = np.tile(np.uint8([255] * 48 + [0] * 16), (48, 1))
    assert read_photo(np.dstack([halves(), alpha])).alpha is not None
    assert read_photo(halves()[..., 0]).rgb.shape == (48, 64, 3)


@pytest.mark.parametrize(
    "source",
    [
        None,
        7,
        ["a"],
        np.zeros((4, 4, 3)),
        np.zeros((40, 40, 7)),
        np.zeros(40),
        np.array(["a"]),
        b"",
        b"no photo",
        io.StringIO("x"),
    ],
)
def test_other_things_are_one_sentence(source):
    with pytest.raises(Img2MeshError) as caught:
        read_photo(source)
    assert str(caught.value).endswith(".")
    with pytest.raises(Img2MeshError, match="'rb'"):
        read_photo(io.StringIO("text"))


@pytest.mark.parametrize("name", ["adobe.jpg", "prophoto.jpg"])
def test_the_reported_pictures(name):
    if not (FAULTS / name).is_file():
        pytest.skip("the shared pictures are not beside this repository")
    photo = read_photo(FAULTS / name)
    assert np.abs(np.median(photo.rgb[200:280, 130:160], axis=(0, 1)) - RED).max() <= 3
