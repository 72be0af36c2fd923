"""Command-line options made from the fields of `Settings`: one source of names, help, ranges and choices."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from img2mesh.errors import Img2MeshError
from img2mesh.settings import PRESETS, Settings

SEGMENT = ("segmenter", "box", "point", "foreground_ratio", "offline")
SAMPLE = tuple(
    """model variant device precision seed offline steps guidance solver batch consistency
    consistency_start parity low_vram compile""".split()
)
SURFACE = tuple(
    """device seed views_are field_backend field_fit iterations rays hull_resolution carve_resolution photo_weight
    mask_weight eikonal_weight mesh_resolution faces texture_size delight height
    ground purpose base min_wall hollow drain bed lods normal_map texture_format compression""".split()
)
ALL = tuple(item.name for item in dataclasses.fields(Settings) if item.name != "preset")
# Shown by `img2mesh --help`; `img2mesh convert --help` shows all.
COMMON = tuple(
    """model seed steps guidance views elevation texture_size faces device offline purpose height
    ground segmenter box point""".split()
)

ALIASES = {"purpose": "--for"}  # an option's first name, where the setting's own is a second one
PREFIX = "setting_"  # of the parameters' names, so that a command can have an `--elevation` of its own
_METAVARS = {str: "TEXT", int: "N", float: "X", bool: ""}
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files even if img2mesh did not write them.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show tracebacks.")]


def with_settings(
    *names: str, rename: dict[str, str] | None = None, help: dict[str, str] | None = None
) -> Callable[[Callable], Callable]:
    """Give a command `--preset`, `--config` and an option for each named setting.

    The command receives the loaded, checked object as its parameter `settings`, and the configuration file's path as
    `config` if it has such a parameter. Options that were not given
    leave the value to the configuration file, the preset and the default, in this order.

    Args:
        rename: another option name for some settings; help: another help text.
    """
    names = tuple(dict.fromkeys(names))
    hints = get_type_hints(Settings)
    fields = {item.name: item for item in dataclasses.fields(Settings)}

    def wrap(function: Callable) -> Callable:
        own = _annotations(function)
        parameters = [
            parameter.replace(annotation=own[name])
            for name, parameter in inspect.signature(function).parameters.items()
            if name not in ("settings", "config")
        ]
        made = [_parameter("preset", Annotated[str | None, _preset_option()], None)]
        made.append(_parameter("config", Annotated[Path | None, _config_option()], None))
        for name in names:
            kind, option = _option(
                fields[name], hints[name], (rename or {}).get(name), (help or {}).get(name)
            )
            made.append(_parameter(PREFIX + name, Annotated[kind | None, option], None))

        def command(**values: Any) -> Any:
            preset, config = values.pop("preset"), values.pop("config")
            chosen = {name: _value(name, hints[name], values.pop(PREFIX + name)) for name in names}
            settings = Settings.load(preset, config, **chosen)
            if "config" in own:
                values["config"] = config
            return function(settings=settings, **values)

        signature = inspect.Signature([_keyword(parameter) for parameter in (*parameters, *made)])
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return wrap


def _annotations(function: Callable) -> dict[str, Any]:
    """A function's annotations; Python 3.10 puts one more `Optional` around those whose default is None."""
    found = get_type_hints(function, include_extras=True)
    for name, hint in found.items():
        inside = [part for part in get_args(hint) if get_origin(part) is Annotated]
        if inside and get_origin(hint) is not Annotated:
            found[name] = inside[0]
    return found


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _preset_option() -> Any:
    return typer.Option("--preset", metavar="|".join(PRESETS), help="Where the values below begin.")


def _config_option() -> Any:
    return typer.Option("--config", metavar="FILE", help="TOML file with values for any of the settings.")


def _option(item: dataclasses.Field, hint: Any, name: str | None, text: str | None) -> tuple[Any, Any]:
    kind = str if get_origin(hint) is tuple else hint
    other = ALIASES.get(item.name)
    flag = "--" + (name or item.name).replace("_", "-")
    text = text or item.metadata["help"]
    choices, low, high = (item.metadata.get(key) for key in ("choices", "low", "high"))
    # Choices and ranges are checked by Settings, for files and Python too; here they are only shown.
    metavar = "|".join(choices) if choices else _METAVARS[kind]
    if get_origin(hint) is tuple:
        metavar = "X,Y,..."
    if low is not None and high is not None:
        text += f" [{low}..{high}]" if kind is int else f" [{low:g}..{high:g}]"
    if kind is bool:
        return bool, typer.Option(f"{flag}/--no-{flag[2:]}", help=_sentence(text))
    return kind, typer.Option(*([other] if other else []), flag, metavar=metavar, help=_sentence(text))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _value(name: str, hint: Any, value: Any) -> Any:
    if value is None or get_origin(hint) is not tuple:
        return value
    return numbers(value, "--" + name, get_args(hint)[0])


def numbers(text: str, option: str, kind: type = float) -> tuple[Any, ...]:
    """Comma-separated numbers, such as `-20,0,30`.

    Raises:
        Img2MeshError: a part is not a number.
    """
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise Img2MeshError(f"{option} must be numbers with commas between them, not {text!r}.") from None
