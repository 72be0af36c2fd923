"""Options made from settings, whatever Python makes of their annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional, get_type_hints

import typer

from img2mesh.cli import options


def test_an_option_keeps_its_name_where_python_adds_an_optional(monkeypatch):
    """As Python 3.10 does where the default is None."""

    def command(
        output: Annotated[Path | None, typer.Option("-o")] = None, *, quiet: bool = False
    ) -> None: ...

    plain = get_type_hints(command, include_extras=True)
    wrapped = {**plain, "output": Optional[plain["output"]]}  # noqa: UP045
    monkeypatch.setattr(options, "get_type_hints", lambda *a, **k: wrapped)
    assert options._annotations(command) == plain
