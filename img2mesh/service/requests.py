"""Which settings a stranger may choose: those of the object and of the effort, none that names a file or a machine."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args, get_origin, get_type_hints

from img2mesh.errors import Img2MeshError
from img2mesh.segment import models, own_network
from img2mesh.settings import PRESETS, Settings

# Name in a request: the setting, and the most that may be asked for where that is less than the setting's own.
ALLOWED: dict[str, tuple[str, float | None]] = {
    "seed": ("seed", None),
    "segmenter": ("segmenter", None),
    "foreground_ratio": ("foreground_ratio", None),
    "box": ("box", None),
    "point": ("point", None),
    "views": ("views", 64),
    "elevation": ("elevation", None),
    "symmetry": ("symmetry", None),
    "steps": ("steps", 100),
    "guidance": ("guidance", None),
    "iterations": ("iterations", 3000),
    "mesh_resolution": ("mesh_resolution", 384),
    "faces": ("faces", 200_000),
    "texture_size": ("texture_size", 4096),
    "height": ("height", None),
    "ground": ("ground", None),
    "for": ("purpose", None),
    "base": ("base", None),
    "min_wall": ("min_wall", None),
    "hollow": ("hollow", None),
    "drain": ("drain", None),
    "bed": ("bed", None),
    "lods": ("lods", 4),
    "normal_map": ("normal_map", None),
    "texture_format": ("texture_format", None),
    "compression": ("compression", None),
}
_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}
_TEXT = 40  # characters of a text


def settings_of(wishes: str | dict[str, Any] | None, server: Settings) -> Settings:
    """The settings of a run.

    Args:
        wishes: a JSON object with names of `ALLOWED` and `preset`, or nothing.
        server: those that the server was started with: the model, the device, the default preset, whether the
            network may be used.

    Raises:
        Img2MeshError: no JSON object, an unknown name, or a value that is not allowed.
    """
    values = _parsed(wishes)
    preset = values.pop("preset", server.preset)
    if not isinstance(preset, str):
        raise Img2MeshError(f"Setting preset must be one of {', '.join(PRESETS)}.")
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in ALLOWED:
            raise Img2MeshError(f"There is no setting {name[:_TEXT]!r} here; there are {', '.join(names())}.")
        field, most = ALLOWED[name]
        given[field] = _limited(name, value, most)
    segmenters = available_segmenters()
    if given.get("segmenter", "auto") not in segmenters:
        raise Img2MeshError(f"Setting segmenter must be one of {', '.join(segmenters)}.")
    fixed = "model variant device precision offline low_vram compile field_backend".split()
    given.setdefault("segmenter", server.segmenter)
    return Settings.load(preset, **given, **{name: getattr(server, name) for name in fixed})


def names() -> list[str]:
    """What a request may set."""
    return ["preset", *ALLOWED]


def available_segmenters() -> list[str]:
    """Those that need no download."""
    there = [name for name in models.MODELS if models.find_model(name) is not None]
    own = [own_network.NAME] if own_network.find_weights() is not None else []
    return ["auto", *own, *there, "plain", "alpha"]


def schema() -> dict[str, Any]:
    """JSON schema of the wishes."""
    hints = get_type_hints(Settings)
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    properties: dict[str, Any] = {
        "preset": {"type": "string", "enum": list(PRESETS), "description": "how much effort"}
    }
    for name, (field, most) in ALLOWED.items():
        item, kind = fields[field], hints[field]
        if get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        entry: dict[str, Any] = {"type": _TYPES[kind], "description": item.metadata["help"]}
        low, high, choices = (item.metadata.get(key) for key in ("low", "high", "choices"))
        if name == "segmenter":
            choices = tuple(available_segmenters())
        if choices:
            entry["enum"] = list(choices)
        if low is not None:
            entry["minimum"] = low
        if high is not None:
            entry["maximum"] = high if most is None else min(most, high)
        if kind is str and not choices:
            entry["maxLength"] = _TEXT
        properties[name] = entry
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _parsed(wishes: str | dict[str, Any] | None) -> dict[str, Any]:
    if not wishes:
        return {}
    if isinstance(wishes, str):
        try:
            wishes = json.loads(wishes)
        except (ValueError, RecursionError):
            raise Img2MeshError("The settings are no JSON.") from None
    if not isinstance(wishes, dict):
        raise Img2MeshError("The settings must be a JSON object.")
    return dict(wishes)


def _limited(name: str, value: Any, most: float | None) -> Any:
    if isinstance(value, str) and len(value) > _TEXT:
        raise Img2MeshError(f"Setting {name} has more than {_TEXT} characters.")
    if not isinstance(value, (str, int, float, bool)):
        raise Img2MeshError(f"Setting {name} must be a text, a number, true or false.")
    if most is not None and isinstance(value, (int, float)) and value > most:
        raise Img2MeshError(f"Setting {name} must be at most {most:g} here.")
    return value
