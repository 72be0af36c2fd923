import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.segment.compare import TILE, opinions, side_by_side
from img2mesh.segment.photo import Photo
from img2mesh.settings import Settings
from tests.segment.scenes import disc_and_handle, flat, photograph


def test_every_method_of_this_machine_shows_its_cutout(tmp_path, monkeypatch):
    for name in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    truth = disc_and_handle()
    image = Photo(photograph(truth, flat(320, (235, 235, 230))), None)
    found = opinions(image, Settings(offline=True), Progress())
    names = [name for name, _ in found]
    assert names[0] == "auto" and names[-1] == "plain" and "cutout" in names
    for _, what in found:
        assert ((what.alpha >= 128) == truth).mean() > 0.97
    sheet = side_by_side(image, found)
    assert sheet.shape[1] >= (len(found) + 1) * TILE or len(found) > 3
    assert sheet.shape[0] > TILE


def test_what_finds_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    image = Photo(np.full((60, 90, 3), 128, np.uint8), None)
    sheet = side_by_side(image, [("plain", "No object was found in the photo.")])
    assert sheet.shape[2] == 3 and (sheet[: TILE // 2, TILE:] == 255).any()
