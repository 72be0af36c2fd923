from pathlib import Path

import pytest

from img2mesh.web.guard import Rules, rules_for
from tests.web.shop import shop

TOKEN = "correct horse battery"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("open"), photo_bytes=100_000) as (opened, _):
        yield opened


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("locked"), token=TOKEN) as (opened, _):
        yield opened


def test_headers_on_every_answer(client):
    for path in ("/health", "/docs", "/v1/jobs/x", "/nothing"):
        headers = client.get(path, headers={"origin": "http://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_another_name_that_leads_here_is_refused(client):
    answer = client.get("/health", headers={"host": "evil.example"})
    assert answer.status_code == 421 and answer.json()["detail"].endswith(".")
    assert client.get("/health", headers={"host": "localhost:7860"}).status_code == 200


def test_pages_of_other_servers_may_not_post(client):
    assert client.post("/v1/jobs", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.delete("/v1/jobs/a", headers={"origin": "null"}).status_code == 403
    assert client.post("/v1/jobs", headers={"origin": "http://127.0.0.1"}).status_code == 415


def test_long_bodies_are_cut_off_whatever_they_announce(client):
    most = 6 * 100_000 + 1_000_000
    assert client.post("/v1/jobs", content=bytes(most + 1)).status_code == 413
    sent = 0

    def stream():
        nonlocal sent
        for _ in range(400):
            sent += 10_000
            yield bytes(10_000)

    form = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/jobs", content=stream(), headers=form)
    assert answer.status_code == 413 and answer.headers["content-type"] == "application/problem+json"
    assert client.post("/v1/jobs", files={"photo": bytes(100_001)}).status_code == 413
    assert client.post("/v1/jobs", headers={"content-length": "many"}).status_code == 400


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
def test_without_the_token_nothing_is_told(locked, sent):
    for path in ("/v1/jobs/x", "/docs", "/openapi.json", "/nothing", "/"):
        answer = locked.get(path, headers={"authorization": sent.encode()})
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert locked.get("/health").status_code == 200


def test_with_the_token_everything_works(locked):
    assert locked.get("/docs", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert locked.get("/v1/jobs/x", headers={"authorization": f"bearer {TOKEN}"}).status_code == 404


def test_browsers_log_in(locked):
    asked = locked.get("/", headers={"accept": "text/html"})
    assert asked.status_code == 401 and 'action="/login"' in asked.text
    assert locked.post("/login", data={"token": "wrong"}).status_code == 401
    entered = locked.post("/login", data={"token": TOKEN}, follow_redirects=False)
    cookie = entered.headers["set-cookie"].lower()
    assert entered.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/docs").status_code == 200  # the client keeps the cookie
    locked.cookies.clear()
    assert locked.get("/docs").status_code == 401


def test_tokens_are_compared_in_constant_time(monkeypatch):
    asked = []
    monkeypatch.setattr("img2mesh.web.guard.hmac.compare_digest", lambda a, b: asked.append((a, b)) or a == b)
    rules = rules_for("0.0.0.0", TOKEN, 1, Path("x"))
    assert rules.knows(TOKEN) and not rules.knows("c")
    assert asked == [(TOKEN.encode(), TOKEN.encode()), (b"c", TOKEN.encode())]
    assert not Rules(None, (), 1).knows("")


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=http://127.0.0.1:1/secret",
        "/gradio_api/file=https://example.com/a.png",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/file=/proc/self/environ",
        "/gradio_api/file=.secret",
    ],
)
def test_no_path_and_no_address_in_a_request_is_followed(client, path):
    assert client.get(path).status_code == 403
