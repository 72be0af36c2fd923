"""One real draft, as a user makes it: the example, its cutout, the mesh turned and downloaded."""

import pytest
import trimesh

from tests.web.live import listening, started_browser, window

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_example_becomes_a_mesh(tmp_path):
    with (
        started_browser() as browser,
        listening(tmp_path / "r", real=True) as (home, _),
        window(browser, home) as visitor,
    ):
        page = visitor.page
        page.click(
            ".gallery-item, [data-testid='gallery-item'], .gallery button, .example, table tr td img >> nth=0"
        )
        visitor.wait_for_cutout(240)
        assert "sure." in page.inner_text("#told")
        page.click("#make")
        said = visitor.wait_for_progress("Done", 400)
        assert len(said) > 5
        model = page.wait_for_selector("#model canvas")
        page.wait_for_timeout(3000)
        before = model.screenshot()
        place = model.bounding_box()
        page.mouse.move(place["x"] + 300, place["y"] + 200)
        page.mouse.down()
        page.mouse.move(place["x"] + 100, place["y"] + 200, steps=10)
        page.mouse.up()
        page.wait_for_timeout(1500)
        assert model.screenshot() != before  # it turned
        page.click("#which label:has-text('Photo or guess')")
        page.wait_for_timeout(500)
        with page.expect_download() as download:
            page.click("#downloads a:has-text('GLB')")
        download.value.save_as(tmp_path / "mesh.glb")
        mesh = trimesh.load(tmp_path / "mesh.glb", process=True, merge_tex=True).to_geometry()
        assert len(mesh.faces) > 1000 and mesh.is_watertight
