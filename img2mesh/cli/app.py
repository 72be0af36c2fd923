"""Puts the commands together, and makes `img2mesh photo.png` mean `img2mesh convert photo.png`."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

_MODULES = (
    "convert",
    "views",
    "segment",
    "reconstruct",
    "preview",
    "check",
    "repair",
    "web",
    "doctor",
    "weights",
    "render",
    "train",
    "evaluate",
)
_HELP = ("--help", "-h")
_COMPLETION = ("--install-completion", "--show-completion")


class _Group(TyperGroup):
    """Shows how to convert a photo first, then the other commands."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write("Usage: img2mesh PHOTO... [-o MESH] [OPTIONS]\n")
        formatter.write("       img2mesh COMMAND ... (`img2mesh COMMAND --help` says more)\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        from img2mesh.cli.options import COMMON, PREFIX

        convert = self.commands["convert"]
        shown = []
        for parameter in convert.get_params(ctx):
            name = parameter.name or ""
            named = not name.startswith(PREFIX) or name[len(PREFIX) :] in COMMON
            record = parameter.get_help_record(ctx) if named else None
            if record is not None and parameter.name != "help":
                shown.append(record)
        with formatter.section("Options for a photo or a folder (`img2mesh convert --help` lists all)"):
            formatter.write_dl(shown)
        with formatter.section("Other options"):
            completion = (
                "--install-completion",
                "Let the shell complete commands and options (--show-completion).",
            )
            formatter.write_dl(
                [("--version", "Print the version."), completion, ("-h, --help", "Print this.")]
            )
        self.format_commands(ctx, formatter)


def _root() -> None:
    """One photo of an object becomes a textured 3D mesh: img2mesh photo.png -o out.glb"""


def build() -> typer.Typer:
    """A fresh app with every command that is installed."""
    app = typer.Typer(
        cls=_Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=True,
        context_settings={"help_option_names": list(_HELP), "max_content_width": 110},
    )
    app.callback()(_root)
    for name in _MODULES:
        if find_spec(f"img2mesh.cli.{name}") is not None:
            import_module(f"img2mesh.cli.{name}").register(app)
    return app


@cache
def command() -> Any:
    """The click command behind the app."""
    group: Any = typer.main.get_command(build())
    for each in group.commands.values():
        for parameter in each.params:
            if parameter.param_type_name == "argument":
                parameter.get_help_record = _without_type(parameter.get_help_record)
    return group


def _without_type(record: Any) -> Any:
    """Some versions of typer add Python's name of the type to an argument's help; nobody needs that."""

    def shorter(ctx: Any) -> Any:
        found = record(ctx)
        return found and (re.sub(r" <[^ ]+>", "", found[0]), found[1])

    return shorter


def help_text(argv: list[str]) -> str | None:
    """The help that a plain `--help` asks for, or None for every other command line.

    Parsing even this one flag makes some versions of typer import pydantic, which takes longer than all else.
    """
    if not argv or argv[-1] not in _HELP or len(argv) > 2:
        return None
    group = command()
    top = group.context_class(group, info_name="img2mesh", **group.context_settings)
    if len(argv) == 1:
        return group.get_help(top)
    chosen = group.commands.get(argv[0])
    if chosen is None:
        return None
    return chosen.get_help(chosen.context_class(chosen, info_name=argv[0], parent=top))


def with_default_command(argv: list[str]) -> list[str]:
    """Insert `convert` where the first word is not a command."""
    if not argv:
        return ["--help"]
    if argv[0] in (*_HELP, *_COMPLETION) or argv[0] in command().commands:
        return argv
    return ["convert", *argv]


def complete_default_command(environment: MutableMapping[str, str]) -> None:
    """The same for the line that a shell asks to complete: `img2mesh photo.png --pre` has the options of `convert`.

    Args:
        environment: of the process; the shell's line in it is changed.
    """
    name = next((n for n in ("COMP_WORDS", "_TYPER_COMPLETE_ARGS") if n in environment), None)
    words = environment.get(name or "", "").split()
    named = len(words) > 1 and words[1] in (*command().commands, *_COMPLETION, *_HELP, "--version")
    if name is None or len(words) < 2 or named or (len(words) == 2 and not words[1].startswith("-")):
        return
    environment[name] = environment[name].replace(words[1], f"convert {words[1]}", 1)
    if "COMP_CWORD" in environment:
        environment["COMP_CWORD"] = str(int(environment["COMP_CWORD"]) + 1)
