import numpy as np
import pytest
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.preview import preview_sheet, turntable_frames, write_preview

from .test_raster import COLOURS, cube


def test_turn_begins_at_the_front_and_goes_to_the_objects_left():
    frames = turntable_frames(cube(), frames=4, size=64)
    for frame, side in zip(frames, ("front", "left", "back", "right"), strict=True):
        shown = frame[32, 32, :3].astype(float)
        wanted = np.array(COLOURS[side][1], float)
        assert shown @ wanted / np.linalg.norm(shown) / np.linalg.norm(wanted) > 0.999  # shaded, same hue


def test_every_view_holds_the_whole_object_whatever_its_size_and_place():
    from dataclasses import replace

    far = replace(cube(), vertices=cube().vertices * 37 + [100, -40, 7])
    for frame in turntable_frames(far, frames=5, size=64):
        ink = (frame[..., :3] != 255).any(axis=-1)
        assert ink.any() and not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


def test_sheet_shows_textures_above_clay():
    sheet = preview_sheet(cube(), size=64)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 4 * 68 + 4
    front = sheet[4 + 32, 4 + 32]
    assert np.abs(front.astype(int) - COLOURS["front"][1]).max() <= 2
    row = (sheet.shape[0] - 4) // 4
    clay = sheet[4 + row + 32, 4 + 32].astype(int)
    assert np.ptp(clay) < 12


@pytest.mark.parametrize("suffix", [".png", ".gif", ".mp4"])
def test_files_are_whole_and_deterministic(tmp_path, suffix, monkeypatch):
    from img2mesh.preview import turntable as module

    monkeypatch.setattr(module, "FRAMES", 6)
    for name in ("a", "b"):
        write_preview(cube(), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    if suffix != ".mp4":
        Image.open(tmp_path / f"a{suffix}").verify()
    assert len(list(tmp_path.iterdir())) == 2


def test_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(Img2MeshError):
        write_preview(cube(), tmp_path / "a.avi")
    assert not list(tmp_path.iterdir())
