"""What the shell offers after `img2mesh --install-completion`."""

import pytest


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("seg", "segment"),
        ("segment --over", "--overwrite"),
        ("photo.png --repo", "--report"),
        ("--repo", "--report"),
    ],
)
def test_commands_and_options_of_the_default_command(img2mesh, monkeypatch, line, offered):
    monkeypatch.setenv("_IMG2MESH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"img2mesh {line}")
    monkeypatch.setenv("COMP_CWORD", str(len(line.split())))
    assert img2mesh().out.split() == [offered]


def test_the_shell_is_told_how(img2mesh, monkeypatch):
    monkeypatch.setenv(
        "_IMG2MESH_COMPLETE", "source_bash"
    )  # --show-completion has to find out which shell it is
    outcome = img2mesh()
    assert outcome.code == 0 and "complete -o default -F" in outcome.out
