"""Every file of a purpose is known beforehand, written, and marked as ours."""

import json

import pytest

from img2mesh.core.marks import is_ours, kind_of
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.exports import check_export, default_suffix, export, export_paths
from img2mesh.finish import finish_mesh
from img2mesh.mesh import read_mesh
from img2mesh.mesh.corner_colours import has_corner_colours
from img2mesh.outputs import mesh_outputs
from img2mesh.result import Result
from img2mesh.settings import PURPOSES, Settings
from tests.fakes import ball


class Listener(Progress):
    def __init__(self):
        super().__init__()
        self.said = []

    def note(self, text):
        self.said.append(text)

    warn = note


def _run(tmp_path, purpose, suffix=None, **more):
    settings = Settings.load(
        "draft", purpose=purpose, texture_size=64, faces=200, lods=1 if purpose == "game" else None
    )
    settings = settings.replace(**more)
    path = tmp_path / f"my mug{suffix or default_suffix(settings)}"
    check_export(path, settings)
    finished, listener = finish_mesh(ball(), settings), Listener()
    result = Result(finished.mesh, None, {}, finished.levels)
    return path, settings, result, export(result, path, settings, listener), listener


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_planned_is_what_is_written(tmp_path, purpose):
    if purpose == "ar":
        pytest.importorskip("pxr")
    path, settings, result, written, _ = _run(tmp_path, purpose)
    assert sorted(written) == sorted(tmp_path.iterdir()) == sorted(export_paths(path, settings))
    assert [o.path for o in mesh_outputs(path, settings=settings)] == export_paths(path, settings)
    assert all(is_ours(each) for each in written)
    assert result.report["files"] == {each.name: each.stat().st_size for each in written}


def test_print_is_judged_as_it_was_written(tmp_path):
    path, _, result, _, listener = _run(tmp_path, "print")
    judged = result.report["file"]
    assert path.suffix == ".3mf" and judged["name"] == path.name and judged["closed"] and judged["parts"] == 1
    assert judged["size_mm"][2] == pytest.approx(100, abs=0.05) and judged["fits_bed"] and judged["stable"]
    new = has_corner_colours(result.mesh)
    assert any("colours at its corners in place of a texture" in text for text in listener.said) == new
    assert has_corner_colours(read_mesh(path)) == new
    json.dumps(result.report)
    _, _, result, _, listener = _run(tmp_path, "print", ".stl", bed="50x50x50")
    assert not result.report["file"]["fits_bed"] and any("does not fit" in text for text in listener.said)
    assert listener.said.count("STL has no colours; .3mf has.") == 1


def test_ar_from_either_name(tmp_path):
    pytest.importorskip("pxr")
    path, _, _, written, _ = _run(tmp_path, "ar", ".usdz")
    assert written[0] == path and {p.suffix for p in written} == {".glb", ".usdz", ".html", ".png"}
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert (
        'src="my%20mug.glb"' in page and 'ios-src="my%20mug.usdz"' in page and "my%20mug_poster.png" in page
    )
    assert kind_of(path.with_suffix(".html")) == "page"


@pytest.mark.parametrize(
    "purpose, name, words",
    [("ar", "a.stl", "for ar"), ("web", "a.obj", "for web"), ("game", "a.3mf", "for game")],
)
def test_a_format_that_does_not_suit_is_refused(purpose, name, words, tmp_path):
    with pytest.raises(Img2MeshError, match=words):
        check_export(tmp_path / name, Settings.load(purpose=purpose))


def test_purposes_set_defaults_that_can_be_overridden(tmp_path):
    settings = Settings.load(purpose="print", min_wall="2mm")
    assert (settings.purpose, settings.base, settings.min_wall, settings.height) == (
        "print",
        "flat",
        "2mm",
        "100mm",
    )
    path = tmp_path / "mine.toml"
    path.write_text('for = "game"\nlods = 1\n')
    settings = Settings.load("draft", path)
    assert (settings.purpose, settings.lods, settings.normal_map, settings.faces) == ("game", 1, True, 3000)
    assert Settings.load("draft", path, purpose="none").lods == 1
    with pytest.raises(Img2MeshError, match="purpose must be one of"):
        Settings.load(purpose="lunch")
    for name, value in (("min_wall", "thick"), ("drain", "-1mm"), ("bed", "big"), ("bed", "0x1x1")):
        with pytest.raises(Img2MeshError):
            Settings(**{name: value})
