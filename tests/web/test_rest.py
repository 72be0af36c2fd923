import json
import time

import pytest

from tests.service.hostile import UPLOADS
from tests.web.quick_work import BAD, CRASH, SLOW
from tests.web.shop import shop


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("results")) as opened:
        yield opened


@pytest.fixture
def client(open_shop):
    return open_shop[0]


def post(client, photo, settings=None, **more):
    data = {} if settings is None else {"settings": json.dumps(settings)}
    return client.post("/v1/jobs", files={"photo": ("a.jpg", photo, "image/jpeg"), **more}, data=data)


def ended(client, number, seconds=60):
    until = time.monotonic() + seconds
    while (job := client.get(f"/v1/jobs/{number}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < until
        time.sleep(0.05)
    return job


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["detail"].endswith(".") and "\n" not in body["detail"]
    return body["detail"]


def test_a_photo_becomes_a_mesh(client, small_photo):
    made = post(client, small_photo, {"preset": "draft", "height": "12cm"})
    assert made.status_code == 202
    job = made.json()
    assert made.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["state"] in ("queued", "running") and job["settings"]["height"] == "12cm"
    done = ended(client, job["id"])
    assert (done["state"], done["share_done"], done["error"]) == ("done", 1.0, None)
    mesh = client.get(done["files"]["mesh.glb"])
    assert mesh.content.startswith(b"glTF") and mesh.headers["content-type"] == "model/gltf-binary"
    assert "attachment" in mesh.headers["content-disposition"]
    for name, address in done["files"].items():
        assert client.get(address).status_code == 200, name
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    is_problem(client.get(f"/v1/jobs/{job['id']}"), 404)
    is_problem(client.get(done["files"]["mesh.glb"]), 404)


def test_photos_of_several_sides(client, small_photo):
    sides = {side: (f"{side}.jpg", small_photo, "image/jpeg") for side in ("back", "left", "top")}
    done = ended(client, post(client, small_photo, **sides).json()["id"])
    report = client.get(done["files"]["report.json"]).json()
    assert report["azimuths"] == [None, 90.0, 180.0, 0.0] or report["azimuths"] == [None, 180.0, 90.0, 0.0]


def test_a_failed_job_and_a_crash_are_told_and_hurt_no_other(client, small_photo):
    bad, crash = (post(client, small_photo, {"seed": seed}).json()["id"] for seed in (BAD, CRASH))
    good = post(client, small_photo).json()["id"]
    assert ended(client, bad)["error"] == "No object was found in the photo."
    assert "died" in ended(client, crash)["error"]
    assert ended(client, good)["state"] == "done"
    assert "No object" in is_problem(client.get(f"/v1/jobs/{bad}/mesh.glb"), 409)


def test_a_running_job_has_no_mesh_yet_and_is_cancelled(client, small_photo):
    number = post(client, small_photo, {"seed": SLOW}).json()["id"]
    is_problem(client.get(f"/v1/jobs/{number}/mesh.glb"), 409)
    assert client.post(f"/v1/jobs/{number}/cancel").status_code == 200
    assert ended(client, number)["state"] == "cancelled"


@pytest.mark.parametrize("name", UPLOADS)
def test_hostile_uploads(client, name):
    file_name, kind, content = UPLOADS[name]
    answer = client.post("/v1/jobs", files={"photo": (file_name, content, kind)})
    assert answer.status_code in (400, 413, 415, 422)
    detail = is_problem(answer, answer.status_code)
    assert "img2mesh-" not in detail and "/tmp" not in detail


@pytest.mark.parametrize(
    "call,status",
    [
        ({"data": {"settings": "{}"}}, 415),
        ({"json": {"photo": "x"}}, 415),
        ({"content": b"", "headers": {"content-type": "multipart/form-data"}}, 422),
        ({"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 422),
        ({"files": {"picture": b"x"}}, 422),
        ({"files": {"photo": b"x"}, "data": {"url": "http://127.0.0.1/secret"}}, 422),
        ({"files": {"back": b"x"}}, 422),
        ({"files": {"photo": (None, b"http://127.0.0.1/a.png")}}, 415),
        ({"files": {"settings": b"{}"}}, 422),
        ({"files": [("photo", b"x")] * 9}, 422),
    ],
)
def test_bad_forms(client, call, status):
    is_problem(client.post("/v1/jobs", **call), status)


@pytest.mark.parametrize(
    "settings", ["{", '{"model": "/etc/passwd"}', '{"views": 1e9}', "[]", '{"box": "a"}', "x" * 30_000]
)
def test_bad_settings(client, small_photo, settings):
    is_problem(client.post("/v1/jobs", files={"photo": small_photo}, data={"settings": settings}), 422)


OTHERS = [
    "/v1/jobs/../../etc/passwd",
    "/v1/jobs/%2e%2e/mesh.glb",
    "/v1/jobs/x/..%2f..%2fjob.json",
    "/v1/jobs/" + "a" * 24,
    "/v1/jobs/a%00b",
    "/v1",
    "/nothing",
    "/redoc",
]


@pytest.mark.parametrize("path", OTHERS)
def test_other_addresses(client, path):
    assert client.get(path).status_code in (404, 405, 422)


def test_other_methods_are_refused(client):
    is_problem(client.put("/v1/jobs"), 405)
    is_problem(client.options("/v1/jobs"), 405)


def test_health_and_docs_need_nothing_from_outside(client):
    assert client.get("/health").json()["status"] == "ok"
    text = client.get("/docs").text
    assert "/v1/jobs/{job_id}/mesh.glb" in text and "min_wall" in text and "<script" not in text
    assert "http://" not in text and "https://" not in text
    described = client.get("/openapi.json").json()
    assert {"/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/mesh.glb", "/health"} <= set(
        described["paths"]
    )


def test_the_queue_is_bounded(tmp_path, small_photo):
    with shop(tmp_path, queue=1) as (client, _):
        first = post(client, small_photo, {"seed": SLOW}).json()["id"]
        while client.get(f"/v1/jobs/{first}").json()["state"] == "queued":
            time.sleep(0.02)
        assert post(client, small_photo).status_code == 202
        refused = post(client, small_photo)
        is_problem(refused, 429)
        assert int(refused.headers["retry-after"]) >= 1
