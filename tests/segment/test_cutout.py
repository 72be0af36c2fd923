from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.images import resize_rgba
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import Cutout, models, network, segment_photo
from img2mesh.segment.checks import keep_object
from img2mesh.segment.cutout import MAX_SIDE, recentre
from img2mesh.settings import Settings
from tests.fakes import Listener
from tests.segment.scenes import disc_and_handle, flat, graded, overlap, photograph

EXAMPLE = Path(__file__).parents[2] / "examples" / "mug.jpg"
SHARED = Path(__file__).parents[3] / "shared" / "photos"


def _rgba(alpha, colour=(10, 200, 30)):
    pixels = np.zeros((*alpha.shape, 4), np.uint8)
    pixels[..., :3] = colour
    pixels[..., 3] = alpha
    return pixels


def _box(rgba):
    rows, columns = np.nonzero(rgba[..., 3] >= 128)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("ratio", [0.4, 0.7, 0.9])
@pytest.mark.parametrize(("height", "width"), [(120, 60), (50, 171)])
def test_recentred_box(ratio, height, width):
    alpha = np.zeros((300, 260), np.uint8)
    alpha[100 : 100 + height, 7 : 7 + width] = 255
    square = recentre(_rgba(alpha), ratio)
    side = square.shape[0]
    top, bottom, left, right = _box(square)
    assert square.shape == (side, side, 4)
    assert (bottom - top, right - left) == (height, width)  # full resolution is kept
    assert abs(max(height, width) / side - ratio) < 1 / side
    assert abs(top + bottom - side) <= 1 and abs(left + right - side) <= 1


def test_large_cutouts_are_capped():
    square = recentre(_rgba(np.full((2000, 900), 255, np.uint8)), 0.5)
    assert square.shape == (MAX_SIDE, MAX_SIDE, 4)
    top, bottom, _, _ = _box(square)
    assert abs((bottom - top) / MAX_SIDE - 0.5) < 2 / MAX_SIDE


def test_resizing_weighs_by_alpha():
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[..., :3] = (255, 0, 255)  # must not be seen
    pixels[101:303, 99:305] = (20, 180, 40, 255)
    small = Cutout(pixels, "alpha").resized(64)
    assert small.shape == (64, 64, 4) and small.dtype == np.uint8
    shown = small[small[..., 3] > 2]
    assert np.abs(shown[:, :3].astype(int) - (20, 180, 40)).max() <= 1
    assert abs(small[..., 3].mean() / 255 - 202 * 206 / 160000) < 2e-3
    assert resize_rgba(pixels, 900, 900).shape == (900, 900, 4)


def test_specks_go_and_near_parts_stay():
    alpha = np.zeros((200, 200), np.uint8)
    alpha[50:120, 50:120] = 255
    alpha[50:60, 124:150] = 255  # a spout that a highlight has cut off
    alpha[180:190, 180:190] = 255  # a speck far away
    alpha[10, 10] = 255
    kept, said = keep_object(alpha)
    assert kept[55, 130] == 255 and kept[185, 185] == 0 and kept[10, 10] == 0
    assert said == ()


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [((0, 0), (0, 0), "No object"), ((5, 7), (5, 7), "covers only"), ((0, 200), (0, 200), "No background")],
)
def test_hopeless_masks_are_refused(rows, columns, says):
    alpha = np.zeros((200, 200), np.uint8)
    alpha[slice(*rows), slice(*columns)] = 255
    with pytest.raises(Img2MeshError, match=says):
        keep_object(alpha)


def test_doubtful_masks_are_named():
    alpha = np.zeros((200, 200), np.uint8)
    alpha[100:120, 100:120] = 255
    assert "covers only 1.0 %" in keep_object(alpha)[1][0]
    alpha[:] = 0
    alpha[:150, :] = 255
    assert "3 sides (top, left, right)" in keep_object(alpha)[1][0]
    alpha[:] = 0
    for y in (20, 90, 160):
        for x in (20, 90, 160):
            alpha[y : y + 20, x : x + 20] = 255
    assert "falls apart into 9 pieces" in keep_object(alpha)[1][0]


def test_alpha_wins_and_is_kept():
    truth = disc_and_handle(200)
    image = np.dstack([photograph(truth, graded(200)), np.where(truth, 255, 0).astype(np.uint8)])
    listener = Listener()
    cutout = segment_photo(Image.fromarray(image), Settings(offline=True, foreground_ratio=0.8), listener)
    assert cutout.method == "alpha" and cutout.warnings == () and listener.warnings == []
    assert (cutout.rgba[..., 3] > 127).sum() == truth.sum()
    assert listener.seconds["segment"] > 0


def test_alpha_asked_for_and_missing():
    with pytest.raises(Img2MeshError, match="no alpha channel"):
        segment_photo(Image.open(EXAMPLE), Settings(segmenter="alpha"), Progress())


def test_unknown_segmenter():
    with pytest.raises(Img2MeshError, match="Unknown segmenter 'withoutbg'"):
        segment_photo(Image.open(EXAMPLE), Settings(segmenter="withoutbg"), Progress())


@pytest.fixture
def no_models(monkeypatch):
    monkeypatch.setattr(models, "find_model", lambda name: None)
    monkeypatch.setattr(models, "_unreachable", {})

    def refuse(address):
        raise OSError("network is unreachable")

    monkeypatch.setattr(models, "_open", refuse)


def test_the_example_offline_and_without_a_model(no_models):
    listener = Listener()
    cutout = segment_photo(EXAMPLE, Settings(offline=True), listener)
    again = segment_photo(EXAMPLE, Settings(offline=True), Progress())
    assert cutout.method == "cutout" and cutout.warnings == ()
    assert any("cutout network" in note for note in listener.notes)
    assert np.array_equal(cutout.rgba, again.rgba)
    top, bottom, left, right = _box(cutout.rgba)
    assert 0.9 < (right - left) / (bottom - top) < 1.0  # the mug with its handle, without its shadow
    side = cutout.rgba.shape[0]
    through = cutout.rgba[round(0.54 * side), round(0.74 * side)]
    assert through[3] == 0  # the handle's hole, half in shadow


def test_failed_download_falls_back_with_a_warning(no_models, tmp_path, monkeypatch):
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    photo = Image.fromarray(photograph(disc_and_handle(), flat(320, (240, 240, 240))))
    cutout = segment_photo(photo, Settings(), Progress())
    assert cutout.method == "cutout" and "could not be downloaded" in cutout.warnings[0]
    with pytest.raises(Img2MeshError, match="could not be downloaded"):
        segment_photo(photo, Settings(segmenter="u2net"), Progress())
    with pytest.raises(Img2MeshError, match="--offline"):
        segment_photo(photo, Settings(segmenter="u2net", offline=True), Progress())


def test_a_model_that_is_found_is_used(monkeypatch, tmp_path):
    truth = disc_and_handle()
    photo = Image.fromarray(photograph(truth, graded(320)))
    monkeypatch.setattr(models, "find_model", lambda name: tmp_path / name if name == "silueta" else None)
    monkeypatch.setattr(
        network, "predict_mask", lambda rgb, name, path: np.where(truth, 240, 3).astype(np.uint8)
    )
    cutout = segment_photo(photo, Settings(offline=True), Progress())
    assert cutout.method == "silueta"
    expected = recentre(_rgba(np.where(truth, 255, 0)), 0.7)[..., 3] > 127
    side = min(len(expected), len(cutout.rgba))
    found = resize_rgba(cutout.rgba, side, side)[..., 3] > 127
    assert overlap(found, resize_rgba(_rgba(expected * 255), side, side)[..., 3] > 127) > 0.97


def test_the_real_u2net_agrees_with_the_matting():
    path = models.find_model("u2net")
    if path is None:
        pytest.skip("u2net.onnx is not in rembg's cache on this machine (set U2NET_HOME)")
    ours = segment_photo(EXAMPLE, Settings(segmenter="plain"), Progress()).resized(256)[..., 3] > 127
    theirs = segment_photo(EXAMPLE, Settings(segmenter="u2net", offline=True), Progress())
    assert theirs.method == "u2net"
    assert overlap(ours, theirs.resized(256)[..., 3] > 127) > 0.9


@pytest.mark.parametrize(
    "name",
    [
        "chair_comfort.jpg",
        "earphone.jpg",
        "skating_shoe.jpg",
        "treasure_chest.jpg",
        "plant.jpg",
        "teapot.png",
    ],
)
def test_real_photos_without_a_model(name):
    if not (SHARED / name).is_file():
        pytest.skip("the shared photos are not beside this repository")
    cutout = segment_photo(SHARED / name, Settings(segmenter="plain"), Progress())
    share = (cutout.rgba[..., 3] > 127).mean()
    assert 0.08 < share < 0.5
    assert not any("not plain" in sentence for sentence in cutout.warnings)
