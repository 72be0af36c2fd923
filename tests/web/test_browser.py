"""The page in a real browser, with workers that pretend; `test_browser_real` makes a real mesh."""

import re

import pytest
from PIL import Image

from tests.service.hostile import picture
from tests.web.live import PHONE, listening, started_browser, window

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with started_browser() as started:
        yield started


@pytest.fixture(scope="module")
def home(browser, tmp_path_factory):
    with listening(tmp_path_factory.mktemp("results"), pause=3.0) as (address, _):
        yield address


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture("JPEG", 640, 480))
    return tmp_path / "a.jpg"


def test_a_photo_its_cutout_progress_and_results_that_outlive_a_reload(browser, home, photo):
    with window(browser, home) as visitor:
        page = visitor.page
        visitor.choose(photo)
        visitor.wait_for_cutout()
        assert "found by auto, 90 % sure" in page.inner_text("#told")
        page.click("#make")
        said = visitor.wait_for_progress("Done")
        percents = [int(found[1]) for text in said if (found := re.search(r"(\d+) %", text))]
        assert percents == sorted(percents) and len(set(percents)) >= 3
        assert any("left" in text for text in said) and any("rawing other views" in text for text in said)
        page.wait_for_selector("#downloads a", timeout=20_000)
        names = page.locator("#downloads a").all_inner_texts()
        assert [name.split()[0] for name in names] == ["GLB", "OBJ", "STL", "3MF", "Report"]
        with page.expect_download() as download:
            page.click("#downloads a:has-text('STL')")
        assert download.value.suggested_filename == "mesh.stl"
        assert page.locator("#sheet img").evaluate("image => image.naturalWidth") == 96
        page.wait_for_selector("#gallery img")
        page.reload()
        page.wait_for_selector("#downloads a", timeout=30_000)
        page.wait_for_selector("#gallery img")


def test_a_box_a_point_and_the_brush(browser, home, photo):
    with window(browser, home) as visitor:
        page = visitor.page
        visitor.choose(photo)
        visitor.wait_for_cutout()
        first = page.get_attribute("#cutout img", "src")
        page.click("#correct button >> nth=0")
        page.click("#clicks label:has-text('two corners')")
        shown = page.locator("#photo img")
        size = shown.bounding_box()
        width, height = Image.open(photo).size
        for x, y in ((0.25, 0.25), (0.75, 0.9)):
            shown.click(position={"x": x * size["width"], "y": y * size["height"]})
            page.wait_for_timeout(700)
        page.wait_for_function(
            "document.querySelector('#box textarea, #box input').value != ''", timeout=20_000
        )
        box = [int(part) for part in page.input_value("#box textarea, #box input").split(",")]
        assert abs(box[0] - width / 4) < 3 and abs(box[2] - width / 2) < 4 and abs(box[3] - 0.65 * height) < 4
        page.click("#clicks label:has-text('a point')")
        shown.click()
        page.wait_for_function(
            "document.querySelector('#point textarea, #point input').value != ''", timeout=20_000
        )
        assert page.input_value("#box textarea, #box input") == ""
        page.click("#start-brush")
        page.wait_for_selector("#brush canvas", timeout=30_000)
        page.wait_for_timeout(1500)
        page.locator("#brush canvas").first.scroll_into_view_if_needed()
        canvas = page.locator("#brush canvas").first.bounding_box()
        page.mouse.move(canvas["x"] + canvas["width"] * 0.15, canvas["y"] + canvas["height"] / 2)
        page.mouse.down()
        page.mouse.move(canvas["x"] + canvas["width"] * 0.85, canvas["y"] + canvas["height"] / 2, steps=12)
        page.mouse.up()
        page.wait_for_timeout(500)
        page.click("#apply-brush")
        page.wait_for_function(
            "document.querySelector('#told').innerText.includes('found by alpha')", timeout=30_000
        )
        assert page.get_attribute("#cutout img", "src") != first


def test_cancel(browser, home, photo):
    with window(browser, home) as visitor:
        visitor.choose(photo)
        visitor.wait_for_cutout()
        visitor.page.click("#make")
        visitor.wait_for_progress("rawing other views")
        visitor.page.click("#cancel")
        visitor.wait_for_progress("Cancelled")
        assert visitor.page.is_enabled("#make")


def test_a_bad_file_is_told_in_a_sentence(browser, home, tmp_path):
    bad = tmp_path / "a.png"
    bad.write_bytes(b"this is no picture")
    with window(browser, home) as visitor:
        visitor.choose(bad)
        told = visitor.page.wait_for_selector(".toast-body, .toast-wrap", timeout=30_000).inner_text()
        assert "is not a photo that can be read" in told and "/" not in told.replace("JPEG/", "")
        visitor.page.click("#make")
        visitor.page.wait_for_timeout(800)
        assert "Done" not in visitor.progress()


def test_on_a_phone_everything_fits(browser, home, photo):
    with window(browser, home, PHONE) as visitor:
        page = visitor.page
        visitor.choose(photo)
        visitor.wait_for_cutout()
        page.click("#make")
        visitor.wait_for_progress("Done")
        page.wait_for_selector("#downloads a", timeout=20_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for place in ("#photo", "#cutout", "#make", "#model", "#downloads"):
            where = page.locator(place).first.bounding_box()
            assert where["x"] >= 0 and where["x"] + where["width"] <= PHONE["width"] + 1, place
            assert where["width"] > 200, place
