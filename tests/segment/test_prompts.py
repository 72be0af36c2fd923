import dataclasses

import numpy as np
import pytest

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment.find import find_object
from img2mesh.segment.photo import Photo
from img2mesh.segment.prompts import at_point, in_box, to_pixels
from img2mesh.segment.read import read_photo
from img2mesh.segment.trust import Found
from img2mesh.settings import Settings


def bright(image):
    """Finds what is bright; the surer the more of the frame it takes."""
    mask = np.where(image.rgb[..., 0] > 128, 255, 0).astype(np.uint8)
    if not mask.any():
        raise Img2MeshError("No object was found in the photo.")
    return Found(mask, "fake", (), float((mask > 0).mean()))


@pytest.fixture
def two():
    """Two bright squares, at 20..60 and at 120..180."""
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[20:60, 20:60] = rgb[120:180, 120:180] = 255
    return Photo(rgb, None)


def box_of(alpha):
    rows, columns = np.nonzero(alpha >= 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_box_holds_one_object(two):
    found = in_box(two, (10.0, 10.0, 60.0, 60.0), bright)
    assert found.alpha.shape == (200, 200) and box_of(found.alpha) == (20, 20, 60, 60)
    assert found.method == "fake"


def test_what_lies_outside_of_the_box_goes(two):
    left, top, right, bottom = box_of(in_box(two, (120.0, 120.0, 30.0, 60.0), bright).alpha)
    assert (left, top, bottom) == (120, 120, 180) and 150 <= right <= 152


def test_an_empty_box_is_refused(two):
    with pytest.raises(Img2MeshError, match="No object was found"):
        in_box(two, (80.0, 20.0, 20.0, 20.0), bright)


@pytest.mark.parametrize(
    ("point", "box"), [((40.0, 40.0), (20, 20, 60, 60)), ((125.0, 175.0), (120, 120, 180, 180))]
)
def test_a_point_names_its_part(two, point, box):
    assert box_of(at_point(two, point, bright).alpha) == box


def test_a_point_on_nothing_is_refused_with_what_to_do(two):
    with pytest.raises(Img2MeshError, match="--box"):
        at_point(two, (95.0, 95.0), bright)


def test_pixels_are_the_files_own(tmp_path):
    big = np.zeros((1500, 3000, 3), np.uint8)
    big[300:900, 600:1500] = 200
    image = read_photo(big)
    assert image.rgb.shape == (1024, 2048, 3) and image.full_size == (3000, 1500)
    assert to_pixels(image, (3000 * 0.75, 750.0)) == pytest.approx((1536, 512))
    with pytest.raises(Img2MeshError, match="outside"):
        to_pixels(image, (3000.0, 10.0))


def test_turned_photos_are_measured_upright(tmp_path):
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    image = read_photo(tmp_path / "turned.jpg")
    assert image.rgb.shape == (90, 60, 3) and image.full_size == (60, 90)


def test_settings_say_where_to_look(two):
    alpha = np.where(two.rgb[..., 0] > 0, 255, 0).astype(np.uint8)
    image = dataclasses.replace(two, alpha=alpha)
    found = find_object(image, Settings(box="110,110,80,80", offline=True), Progress())
    assert found.method == "alpha" and box_of(found.alpha) == (120, 120, 180, 180)
    found = find_object(image, Settings(point="40,40", offline=True), Progress())
    assert box_of(found.alpha) == (20, 20, 60, 60)


@pytest.mark.parametrize(
    "wrong",
    [{"box": "1,2,3"}, {"box": "1,2,-30,40"}, {"box": "1,2,3,4"}, {"point": "a,b"}, {"point": "nan,1"}],
)
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(Img2MeshError, match="pixels"):
        Settings(**wrong)
