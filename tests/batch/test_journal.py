"""What is remembered survives torn lines and full disks."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img2mesh.batch.journal import Journal, append_line, read_lines


def record(name, value=0):
    return {"name": name, "source": f"{name}.png", "value": value}


def test_the_last_line_of_a_name_counts(tmp_path):
    journal = Journal(tmp_path / "j")
    for value in (1, 2):
        journal.append(record("a", value))
    journal.append(record(os.fsdecode(b"\xff")))
    again = Journal(tmp_path / "j")
    assert again.records == journal.records and again.records["a"]["value"] == 2
    assert again.names() == {"a.png": "a", os.fsdecode(b"\xff.png"): os.fsdecode(b"\xff")}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.binary(max_size=5))
def test_a_journal_cut_anywhere_keeps_its_whole_lines(tmp_path_factory, cut, noise):
    path = tmp_path_factory.mktemp("j") / "j"
    journal = Journal(path)
    for name in "abcdef":
        journal.append(record(name))
    data = path.read_bytes()[:cut]
    path.write_bytes(data + noise.replace(b"\n", b""))
    whole = data.count(b"\n")
    cut_one = Journal(path)
    assert list(cut_one.records)[:whole] == list("abcdef")[:whole]
    cut_one.append(record("new"))
    assert "new" in Journal(path).records and list(Journal(path).records)[:whole] == list("abcdef")[:whole]


def test_a_line_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    append_line(tmp_path / "j", record("a"))
    before, write = (tmp_path / "j").read_bytes(), os.write
    calls = []

    def full(descriptor, data):
        calls.append(1)
        if len(calls) == 1:
            return write(descriptor, bytes(data)[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(OSError):
        append_line(tmp_path / "j", record("b"))
    assert (tmp_path / "j").read_bytes() == before


def test_damage_in_the_middle_is_passed_over_and_counted(tmp_path):
    (tmp_path / "j").write_text(
        json.dumps(record("a")) + "\nnonsense\n[1]\n" + json.dumps(record("b")) + "\n{"
    )
    journal = Journal(tmp_path / "j")
    assert list(journal.records) == ["a", "b"] and journal.damaged == 3
    assert list(read_lines(tmp_path / "missing")) == []
