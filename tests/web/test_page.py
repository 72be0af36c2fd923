"""The page without a browser: what it is made of, what it never asks for, what its functions do."""

import json
import re
import time

import numpy as np
import pytest
from PIL import Image

from img2mesh.errors import Img2MeshError
from tests.service.hostile import UPLOADS
from tests.web.quick_work import BAD
from tests.web.shop import SERVER, shop

TOOLS = {"image_to_mesh", "job_status", "get_mesh"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("page"), page=True) as (client, service):
        with client:  # runs what the page does at its start
            yield client, service


@pytest.fixture
def client(opened):
    return opened[0]


@pytest.fixture(scope="module")
def desk(opened):
    from img2mesh.web.desk import Desk

    return Desk(opened[1], SERVER)


@pytest.fixture
def photo(tmp_path, small_photo):
    (tmp_path / "a.jpg").write_bytes(small_photo)
    return tmp_path / "a.jpg"


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200 and "img2mesh" in page.text
    loaded = re.findall(r'(?:src|href)="(https?://[^"]+)"', page.text)
    assert [address for address in loaded if not address.startswith("http://127.0.0.1")] == []
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    style = client.get("/theme.css").text
    assert "url(http" not in style and "googleapis" not in style


def test_rest_stays_where_it_is(client):
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/docs").status_code == 200
    assert client.get("/v1/jobs/x").headers["content-type"] == "application/problem+json"


def test_only_the_tools_are_offered_to_programs(client):
    described = client.get("/gradio_api/info").json()
    assert {name.strip("/") for name in described["named_endpoints"]} == TOOLS
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    assert [each["id"] for each in config["dependencies"] if each["targets"] and each["queue"]] == []


@pytest.mark.parametrize("door", ["run/predict", "queue/join"])
def test_a_request_that_names_an_address_or_a_file_is_not_followed(opened, photo, monkeypatch, door):
    import httpx

    client, service = opened
    monkeypatch.setattr(httpx.AsyncClient, "send", lambda *a, **k: pytest.fail("fetched"))
    config = client.get("/config").json()
    look = next(
        each for each in config["dependencies"] if each["targets"] and each["targets"][0][1] == "change"
    )
    mine = service.store.folder / "mine.jpg"
    mine.write_bytes(photo.read_bytes() + b"mine")
    for path in ("http://127.0.0.1:9/a.png", "/etc/passwd", "../../etc/passwd", str(photo), str(mine)):
        body = {
            "data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, "auto"],
            "fn_index": look["id"],
            "session_hash": "abcdef",
        }
        text = client.post(f"/gradio_api/{door}", json=body).text
        if door == "queue/join":
            text = client.get("/gradio_api/queue/data?session_hash=abcdef").text
        assert '"error":' in text and '"data":' not in text, path
        copies = service.store.cache.rglob(path.rpartition("/")[2])
        assert path.startswith("http") or not list(copies), path


def test_a_look_at_the_cutout_and_its_corrections(desk, photo):
    seen = desk.look(photo)
    assert not seen.corrected and seen.told[0] == "The object was found by `auto`, 90 % sure."
    assert desk.look(photo, "plain", box="8,8,30,30").corrected
    matte = np.asarray(Image.open(seen.matte))
    canvas = desk.canvas(seen)
    assert canvas.shape == (*matte.shape[:2], 3)
    assert canvas[0, 0].mean() < matte[0, 0, :3].mean() / 2 + 1  # dark where it is cut away
    assert np.array_equal(canvas[24, 32], matte[24, 32, :3])


def test_green_strokes_add_and_red_ones_take_away(desk, photo, monkeypatch):
    seen = desk.look(photo)
    sent = {}
    monkeypatch.setattr(desk, "_look", lambda data, wishes, corrected: sent.update(data=data, wishes=wishes))
    strokes = np.zeros((96, 128, 4), np.uint8)  # twice the photo's size
    strokes[:10, :10] = 0, 255, 0, 255
    strokes[46:50, 60:70] = 255, 0, 0, 255
    desk.brush(seen, [strokes])
    import io

    alpha = np.asarray(Image.open(io.BytesIO(sent["data"])))[..., 3]
    assert alpha[2, 2] == 255 and alpha[24, 32] == 0 and alpha[2, 20] == 0 and alpha[16, 20] == 255
    assert sent["wishes"] == {"segmenter": "alpha"}


def test_a_corrected_cutout_is_what_the_mesh_is_made_of(desk, photo, monkeypatch):
    plain, corrected = desk.look(photo), desk.look(photo, box="8,8,30,30")
    sent = []
    monkeypatch.setattr(desk.service, "submit", lambda photos, settings: sent.append((photos, settings)))
    for look in (plain, corrected):
        desk.submit(
            {"photo": str(photo), "back": str(photo)}, look, {"preset": "draft", "segmenter": "plain"}
        )
    (first, one), (second, two) = sent
    assert first[0].data == photo.read_bytes() and one.segmenter == "plain"
    assert second[0].suffix == ".png" and two.segmenter == "auto" and two.box == ""
    assert [upload.azimuth for upload in second] == [None, 180.0]


def test_the_tools(opened, small_photo):
    import base64

    from img2mesh.web.desk import Desk
    from img2mesh.web.tools import tools

    client, service = opened
    image_to_mesh, job_status, get_mesh = tools(Desk(service, SERVER))
    job = image_to_mesh(base64.b64encode(small_photo).decode(), "draft", "12cm")
    until = time.monotonic() + 60
    while job_status(job["id"])["state"] not in ("done", "failed") and time.monotonic() < until:
        time.sleep(0.05)
    assert job_status(job["id"])["state"] == "done"
    mesh = get_mesh(job["id"], inside=True)
    assert base64.b64decode(mesh["base64"]).startswith(b"glTF")
    assert client.get(mesh["address"]).status_code == 200
    for wrong in ("http://127.0.0.1/a.png", "%%%", base64.b64encode(UPLOADS["svg"][2]).decode()):
        with pytest.raises(Img2MeshError):
            image_to_mesh(wrong)
    with pytest.raises(Img2MeshError):
        get_mesh(job["id"], "../job.json")
    with pytest.raises(Img2MeshError):
        job_status("x" * 24)


def test_mcp_lists_the_three_tools(client):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"accept": "application/json, text/event-stream"}
    answer = client.post("/gradio_api/mcp/", json=call, headers=accept)
    assert answer.status_code == 200, answer.text
    text = answer.text.partition("data: ")[2] or answer.text
    names = {tool["name"] for tool in json.loads(text)["result"]["tools"]}
    assert names == TOOLS


def test_a_failed_job_is_told_in_its_sentence(opened, small_photo):
    from img2mesh.service import Upload
    from img2mesh.web import looks

    _, service = opened
    job = service.submit([Upload(small_photo, ".jpg")], SERVER.replace(seed=BAD))
    failed = service.wait(job.id, 60)
    assert (
        looks.progress_bar(failed) == '<p class="failed" role="alert">No object was found in the photo.</p>'
    )
    assert looks.progress_bar(None) == ""


def test_what_goes_wrong_is_told_and_clears_what_it_concerns(capsys):
    from img2mesh.web.gradio_parts import told

    def good(value):
        return value, 2

    def bad(value):
        raise Img2MeshError("It <is> bad.")

    def broken(value):
        raise KeyError(value)

    assert told(good, 2)(1) == (1, 2, "")
    *values, text = told(bad, 2, instead=(None, ""))(1)
    assert values == [None, ""] and "It &lt;is&gt; bad." in text and text != told(bad, 2)(1)[-1]
    *values, text = told(broken, 2)(1)
    assert all(value["__type__"] == "update" for value in values) and "log" in text
    assert "KeyError" in capsys.readouterr().err
    assert told(lambda: 5, 1)() == (5, "")
