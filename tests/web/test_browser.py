"""The page in a real browser, with workers that pretend; `test_browser_real` makes a real mesh."""

import re
import time

import pytest
from PIL import Image

from tests.service.hostile import picture
from tests.web.live import PATIENCE, PHONE, listening, started_browser, window

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with started_browser() as started:
        yield started


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    with listening(folder / "results", gate=folder / "gate") as (address, _):
        yield address, folder / "gate"


@pytest.fixture
def home(stage):
    return stage[0]


@pytest.fixture
def gate(stage):
    """As long as this file exists, jobs stop in the middle of their views."""
    stage[1].touch()
    yield stage[1]
    stage[1].unlink(missing_ok=True)


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture("JPEG", 640, 480))
    return tmp_path / "a.jpg"


def test_a_photo_its_cutout_progress_and_results_that_outlive_a_reload(browser, home, gate, photo):
    with window(browser, home) as visitor:
        page = visitor.page
        visitor.choose(photo)
        visitor.wait_for_cutout()
        assert "found by auto, 90 % sure" in page.inner_text("#told")
        page.click("#make")
        said = visitor.wait_for_progress("Drawing other views")
        assert "left" in said[-1] or "longer than expected" in said[-1]
        gate.unlink()
        said += visitor.wait_for_progress("Done")
        percents = [int(found[1]) for text in said if (found := re.search(r"(\d+) %", text))]
        assert percents and percents == sorted(percents)
        page.wait_for_selector("#downloads a")
        names = page.locator("#downloads a").all_inner_texts()
        assert [name.split()[0] for name in names] == ["GLB", "OBJ", "STL", "3MF", "Report"]
        with page.expect_download() as download:
            page.click("#downloads a:has-text('STL')")
        assert download.value.suggested_filename == "mesh.stl"
        assert page.locator("#sheet img").evaluate("image => image.naturalWidth") == 96
        page.wait_for_selector("#gallery img")
        page.reload()
        page.wait_for_selector("#downloads a")
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
        shown.click(position={"x": 0.25 * size["width"], "y": 0.25 * size["height"]})
        page.wait_for_selector("#told:has-text('First corner')")
        shown.click(position={"x": 0.75 * size["width"], "y": 0.9 * size["height"]})
        page.wait_for_function("document.querySelector('#box textarea, #box input').value != ''")
        box = [int(part) for part in page.input_value("#box textarea, #box input").split(",")]
        assert abs(box[0] - width / 4) < 3 and abs(box[2] - width / 2) < 4 and abs(box[3] - 0.65 * height) < 4
        page.click("#clicks label:has-text('a point')")
        shown.click()
        page.wait_for_function("document.querySelector('#point textarea, #point input').value != ''")
        assert page.input_value("#box textarea, #box input") == ""
        with page.expect_response(lambda answer: "run/predict" in answer.url):
            page.click("#start-brush")
        page.wait_for_selector("#brush canvas")
        page.wait_for_timeout(1500)
        brush = page.locator("#brush canvas").first
        corrected = page.locator("#told:has-text('found by alpha')")
        until = time.monotonic() + PATIENCE
        while not corrected.count():  # strokes before the photo lies on the canvas are lost
            assert time.monotonic() < until
            brush.scroll_into_view_if_needed()
            canvas = brush.bounding_box()
            page.mouse.move(canvas["x"] + canvas["width"] * 0.15, canvas["y"] + canvas["height"] / 2)
            page.mouse.down()
            page.mouse.move(
                canvas["x"] + canvas["width"] * 0.85, canvas["y"] + canvas["height"] / 2, steps=12
            )
            page.mouse.up()
            page.wait_for_timeout(500)
            page.click("#apply-brush")
            page.wait_for_timeout(1500)
        assert page.get_attribute("#cutout img", "src") != first


def test_cancel(browser, home, gate, photo):
    with window(browser, home) as visitor:
        visitor.choose(photo)
        visitor.wait_for_cutout()
        visitor.page.click("#make")
        visitor.wait_for_progress("Drawing other views")
        visitor.page.click("#cancel")
        visitor.wait_for_progress("Cancelled")
        assert visitor.page.is_enabled("#make")


def test_a_bad_file_is_told_in_a_sentence(browser, home, photo, tmp_path):
    bad = tmp_path / "a.png"
    bad.write_bytes(b"this is no picture")
    with window(browser, home) as visitor:
        visitor.choose(photo)
        visitor.wait_for_cutout()
        visitor.page.click("#photo button[aria-label='Clear'], #photo button[aria-label='Remove Image']")
        visitor.page.wait_for_selector("#photo input[type=file]", state="attached")
        visitor.choose(bad)
        told = visitor.page.wait_for_selector("#trouble p").inner_text()
        assert "is not a photo that can be read" in told and "/" not in told.replace("JPEG/", "")
        assert not visitor.page.locator("#cutout img").count()
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
        page.wait_for_selector("#downloads a")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for place in ("#photo", "#cutout", "#make", "#model", "#downloads"):
            where = page.locator(place).first.bounding_box()
            assert where["x"] >= 0 and where["x"] + where["width"] <= PHONE["width"] + 1, place
            assert where["width"] > 200, place
