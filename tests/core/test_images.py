import numpy as np
import pytest
from PIL import Image

from img2mesh.core.images import bounding_box, composite, contact_sheet, save_png, write_animation
from img2mesh.errors import Img2MeshError


def _frames(n=5, size=33):
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    frames = []
    for k in range(n):
        frame = np.zeros((size, size, 4), np.uint8)
        frame[..., 0] = np.roll(ramp, 3 * k)[None]
        frame[..., 1] = ramp[:, None]
        frame[..., 3] = 255
        frames.append(frame)
    return frames


def test_composite_mixes_with_the_background():
    pixels = np.array([[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]], np.uint8)
    assert composite(pixels, (0, 255, 0)).tolist() == [[255, 0, 0], [0, 255, 0], [0, 127, 0]]


def test_png_is_deterministic_and_exact(tmp_path):
    picture = _frames(1)[0]
    save_png(picture, tmp_path / "a.png")
    save_png(picture, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_contact_sheet_places_pictures_and_labels():
    red = np.full((20, 30, 3), (255, 0, 0), np.uint8)
    blue = np.full((20, 30, 4), (0, 0, 255, 255), np.uint8)
    sheet = contact_sheet([red, blue, red], columns=2)
    assert sheet.shape == (2 * 24 + 4, 2 * 34 + 4, 3)
    assert sheet[14, 19].tolist() == [255, 0, 0] and sheet[14, 53].tolist() == [0, 0, 255]
    assert sheet[38, 19].tolist() == [255, 0, 0] and sheet[38, 53].tolist() == [255, 255, 255]
    labelled = contact_sheet([red, blue], columns=2, labels=["one", "a label far too long for the cell"])
    assert labelled.shape[0] > 28 and (labelled[26:] < 128).all(axis=-1).any()  # there is ink
    with pytest.raises(ValueError):
        contact_sheet([red], labels=["a", "b"])


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".webp"])
def test_animations_are_deterministic_and_readable(tmp_path, suffix):
    frames = _frames()
    for name in ("a", "b"):
        write_animation(frames, tmp_path / f"{name}{suffix}", fps=10)
    first = (tmp_path / f"a{suffix}").read_bytes()
    assert first == (tmp_path / f"b{suffix}").read_bytes()
    if suffix == ".mp4":
        assert b"ftyp" in first[:16] and b"avc1" in first
        return
    picture = Image.open(tmp_path / f"a{suffix}")
    assert picture.n_frames == len(frames) and picture.info["loop"] == 0
    picture.seek(2)
    shown = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(shown - composite(frames[2])).mean() < 12


def test_animation_of_unknown_suffix_leaves_nothing(tmp_path):
    with pytest.raises(Img2MeshError):
        write_animation(_frames(), tmp_path / "a.avi")
    assert not list(tmp_path.iterdir())


def test_the_box_of_a_mask_ends_behind_its_last_pixels():
    mask = np.zeros((5, 7), bool)
    assert bounding_box(mask) is None
    mask[1:3, 4] = mask[2, 2] = True
    assert bounding_box(mask) == (2, 1, 5, 3) and mask[1:3, 2:5].sum() == mask.sum()
