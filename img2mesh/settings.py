"""One frozen object: the options of the command line, the TOML files in `configs/`, the record in the report."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from img2mesh.core.files import data_folder
from img2mesh.errors import Img2MeshError
from img2mesh.quantities import (
    parse_bed,
    parse_elevation,
    parse_height,
    parse_length,
    parse_pixels,
    parse_symmetry,
)

PRESETS = ("draft", "standard", "high")
PURPOSES = ("none", "print", "game", "ar", "web")


def _setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run makes; equal settings, seed, machine and number of threads give equal bytes.

    Units and signs: docs/conventions.md. Construct it with `Settings.load`, which reads presets and checks
    every value, or directly, which checks too.

    Raises:
        Img2MeshError: a value is out of its range or not among its choices; the sentence names the setting.
    """

    preset: str = _setting("standard", "name of the preset the values began from", choices=PRESETS)
    # who computes, and from what
    model: str = _setting("auto", "auto, mini, a name of `img2mesh weights list`, a folder or a .ckpt file")
    variant: str = _setting(
        "auto",
        "what a model's files do not tell: the meaning of the fourth pose element, or Zero123++'s version",
        choices=("auto", "original", "stable", "v1.1", "v1.2"),
    )
    device: str = _setting("auto", "where to compute", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = _setting("auto", "the sampler's number format", choices=("auto", "fp32", "bf16", "fp16"))
    seed: int = _setting(0, "random seed", low=0, high=2**32 - 1)
    offline: bool = _setting(False, "never use the network")
    # segment
    segmenter: str = _setting("auto", "auto, alpha, plain (no model) or a segmentation model's name")
    foreground_ratio: float = _setting(
        0.7, "share of the frame that the object's longer side takes", 0.2, 0.95
    )
    box: str = _setting("", "where the object is: x,y,w,h in pixels of the photo, from its top left corner")
    point: str = _setting("", "a point on the object: x,y in pixels of the photo, from its top left corner")
    # views
    views: int = _setting(18, "number of views to synthesize", low=4, high=128)
    elevations: tuple[float, ...] = _setting(
        (0.0, 40.0, -60.0), "rings: elevation of each in degrees relative to the input view", low=-90, high=90
    )
    elevation: str = _setting("auto", "the input photo's elevation in degrees, or auto")
    symmetry: str = _setting(
        "auto",
        "upright plane of symmetry: auto, none, x (left and right of the photo alike), y (front and back), or its "
        "normal's azimuth in degrees from the photo's camera",
    )
    steps: int = _setting(0, "denoising steps per view; 0: what model and preset ask for", 0, 1000)
    guidance: float = _setting(
        0.0, "classifier-free guidance scale, 1: off, 0: what the model asks for", low=0, high=50
    )
    solver: str = _setting("auto", "how the denoising steps are made", choices=("auto", "ddim", "dpm++"))
    batch: int = _setting(0, "views denoised at once; 0: all on a GPU, 8 elsewhere", low=0, high=256)
    consistency: float = _setting(
        0.0, "how far views are drawn towards each other while a model of independent views draws them", 0, 1
    )
    consistency_start: float = _setting(0.3, "share of the denoising steps before that begins", 0, 0.7)
    parity: str = _setting("off", "original: the published demo's numerics", choices=("off", "original"))
    low_vram: bool = _setting(False, "keep weights in main memory, one stage at a time on the GPU")
    compile: bool = _setting(False, "compile the sampler with CUDA graphs: a slow start, then faster")
    views_are: str = _setting(
        "auto",
        "what given views are: true to one object, drawn by a sampler, or as far the one as is measured",
        choices=("auto", "true", "drawn"),
    )
    # field
    field_backend: str = _setting("auto", "hash grid implementation", choices=("auto", "tcnn", "torch"))
    field_fit: str = _setting(
        "auto",
        "always, or auto: fit the field unless the views are too blurred to teach it anything",
        choices=("auto", "always"),
    )
    iterations: int = _setting(300, "optimisation steps of the field", low=1, high=100000)
    rays: int = _setting(2048, "rays per optimisation step", low=16, high=1000000)
    hull_resolution: int = _setting(128, "grid of the visual hull", low=16, high=512)
    carve_resolution: int = _setting(
        240, "grid on which true views' surface is found, at most", low=16, high=512
    )
    photo_weight: float = _setting(4.0, "weight of the photo's rays against a generated view's", 0, 1000)
    mask_weight: float = _setting(1.0, "weight of the silhouette loss", 0, 1000)
    eikonal_weight: float = _setting(0.1, "weight of the eikonal loss", 0, 1000)
    # mesh
    mesh_resolution: int = _setting(160, "marching cubes cells along the longest side", low=16, high=1024)
    faces: int = _setting(12000, "faces of the mesh after simplification", low=100, high=2000000)
    texture_size: int = _setting(1024, "side of the texture in pixels", low=64, high=8192)
    delight: float = _setting(
        0.0,
        "share of the photos' light and shadow taken out of the texture, for engines that light it anew",
        0,
        1,
    )
    height: str = _setting(
        "", "true height of the object, such as 12cm (mm, cm, m, in); empty: one unit = 1 m"
    )
    ground: bool = _setting(False, "stand the object on the ground: stable, on a flat contact, base at y = 0")
    # what it is for
    purpose: str = _setting(
        "none", "what the file is for, which sets the defaults of what follows", choices=PURPOSES
    )
    base: str = _setting(
        "none",
        "flat: the pose nearest to upright that stands, cut to a flat contact",
        choices=("none", "flat"),
    )
    min_wall: str = _setting("", "thicken thinner walls, such as 1.2mm; empty: leave them")
    hollow: str = _setting("", "make it hollow with walls of this thickness, such as 2mm; empty: solid")
    drain: str = _setting("", "diameter of a hole from below into the hollow, such as 4mm; empty: none")
    bed: str = _setting("220x220x250", "printing bed in mm that the report checks the size against")
    lods: int = _setting(0, "levels of detail beside the mesh, each with half the faces", low=0, high=6)
    normal_map: bool = _setting(False, "bake a tangent-space normal map from a surface with more faces")
    texture_format: str = _setting("png", "pictures inside a .glb", choices=("png", "jpeg", "webp"))
    compression: str = _setting(
        "none",
        "of a .glb; auto: meshopt where the extra [compact] is installed",
        choices=("none", "auto", "meshopt", "draco"),
    )

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for item in dataclasses.fields(self):
            object.__setattr__(self, item.name, _checked(item, hints[item.name], getattr(self, item.name)))
        if self.consistency and self.parity != "off":
            raise Img2MeshError("Setting consistency must be 0 with parity original, which has no such step.")
        parse_elevation(self.elevation)
        parse_height(self.height)
        parse_pixels("box", self.box, 4)
        parse_pixels("point", self.point, 2)
        parse_symmetry(self.symmetry)
        for name in ("min_wall", "hollow", "drain"):
            parse_length(getattr(self, name), name)
        parse_bed(self.bed)

    @classmethod
    def load(cls, preset: str | None = None, config: str | Path | None = None, **overrides: Any) -> Settings:
        """Defaults, the TOML of the preset and of the purpose, the file `config`, every override that is not None.

        A file may name its own `preset` and `purpose` (also as `for`); explicit arguments win.
        """
        given = read_toml(Path(config)) if config is not None else {}
        name = preset or given.get("preset", "standard")
        if name not in PRESETS:
            raise Img2MeshError(f"Unknown preset {name!r}: choose one of {', '.join(PRESETS)}.")
        if "for" in given:
            given["purpose"] = given.pop("for")
        values = read_toml(data_folder("configs") / f"{name}.toml")
        purpose = overrides.get("purpose") or given.get("purpose", "none")
        if purpose in PURPOSES and purpose != "none":
            values |= read_toml(data_folder("configs") / f"for-{purpose}.toml")
        values |= {**given, "preset": name, "purpose": purpose}
        values.update({key: value for key, value in overrides.items() if value is not None})
        known = {item.name for item in dataclasses.fields(cls)}
        for key in values:
            if key not in known:
                raise Img2MeshError(f"Unknown setting {key!r}; `img2mesh --help` lists them.")
        return cls(**values)

    def replace(self, **changes: Any) -> Settings:
        """A checked copy with some values changed."""
        return dataclasses.replace(self, **changes)

    def for_model(self, model: Any) -> Settings:
        """No zeros for steps and guidance: the model's own values, steps halved for draft, doubled for high.

        A model that asks for one step predicts the mean of all views and gets one in every preset: more blur its
        masks.

        Steps that are asked for stay; a model that always draws the same views decides their number.

        Args:
            model: has `default_steps` and `default_guidance`, and may have `fixed_views`.
        """
        effort = {"draft": 0.5, "standard": 1.0, "high": 2.0}[self.preset]
        own = 1 if model.default_steps == 1 else max(1, round(model.default_steps * effort))
        steps = self.steps or own
        views = getattr(model, "fixed_views", 0) or self.views
        return self.replace(steps=steps, guidance=self.guidance or model.default_guidance, views=views)

    @property
    def solver_name(self) -> str | None:
        """The solver as the samplers take it: None is the model's own."""
        return None if self.solver == "auto" else self.solver

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the report and for TOML."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}


def _checked(item: dataclasses.Field, kind: Any, value: Any) -> Any:
    low, high, choices = (item.metadata.get(k) for k in ("low", "high", "choices"))
    name = item.name
    if get_origin(kind) is tuple:
        values = value if isinstance(value, (list, tuple)) else (value,)
        if not values:
            raise Img2MeshError(f"Setting {name} needs at least one value.")
        return tuple(_number(name, get_args(kind)[0], v, low, high) for v in values)
    if kind in (int, float):
        return _number(name, kind, value, low, high)
    if kind is bool and not isinstance(value, bool):
        raise Img2MeshError(f"Setting {name} must be true or false, not {value!r}.")
    if kind is str:
        value = str(value)
        if choices and value not in choices:
            raise Img2MeshError(f"Setting {name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def _number(name: str, kind: type, value: Any, low: float | None, high: float | None) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Img2MeshError(f"Setting {name} must be a number, not {value!r}.")
    if not math.isfinite(value) or (kind is int and value != int(value)):
        wanted = "a whole number" if kind is int else "a finite number"
        raise Img2MeshError(f"Setting {name} must be {wanted}, not {value}.")
    if (low is not None and value < low) or (high is not None and value > high):
        shown = "{}" if kind is int else "{:g}"
        span = f"between {shown} and {shown}, not {shown}".format(low, high, value)
        raise Img2MeshError(f"Setting {name} must lie {span}.")
    return kind(value)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict.

    Raises:
        Img2MeshError: the file is missing, unreadable or not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Img2MeshError(f"No such configuration file: {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Img2MeshError(f"Cannot read the configuration file {path}: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise Img2MeshError(f"{path} is not valid TOML: {error}.") from None
