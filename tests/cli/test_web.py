import socket

import pytest

from img2mesh.cli import run

BAD = [
    (["web", "--host", "0.0.0.0"], "--token"),
    (["serve", "--host", "::"], "--token"),
    (["web", "--share"], "--token"),
    (["web", "--token", "short"], "at least 12"),
    (["web", "--host", "0.0.0.0", "--token", "ééééééééééééé"], "ASCII"),
    (["web", "--port", "70000"], "--port"),
    (["web", "--port", "-1"], "--port"),
    (["serve", "--days", "0"], "--days"),
    (["serve", "--queue", "0"], "--queue"),
    (["serve", "--timeout", "soon"], "--timeout"),
    (["serve", "--max-upload", "0"], "--max-upload"),
    (["serve", "--model", "./nothing/"], "No such model"),
    (["serve", "--host", "203.0.113.7", "--token", "x" * 20], "Cannot listen"),
]


@pytest.fixture(autouse=True)
def extra(monkeypatch):
    """As if it was installed: what is wrong is found before anything of it is imported."""
    monkeypatch.setattr("img2mesh.cli.web.find_spec", lambda name: True)
    monkeypatch.delenv("IMG2MESH_TOKEN", raising=False)


@pytest.mark.parametrize(
    "words,told", BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_options(words, told, capsys, tmp_path):
    pytest.importorskip("uvicorn")
    assert run([*words, "--results", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and told in error[0] and error[0].endswith(".")
    assert not (tmp_path / "r").exists()


def test_without_the_extra_a_sentence_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr("img2mesh.cli.web.find_spec", lambda name: None)
    for command in ("web", "serve"):
        assert run([command]) == 2
        assert "pip install 'img2mesh[web]'" in capsys.readouterr().err


def test_a_port_in_use(capsys, tmp_path):
    pytest.importorskip("uvicorn")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run(["serve", "--port", port, "--results", str(tmp_path / "r")]) == 2
    assert "choose another --port" in capsys.readouterr().err
