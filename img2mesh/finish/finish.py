"""A reconstructed mesh made into what it is for: stood up, printable, or with few faces and a normal map."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from img2mesh.core.progress import Progress
from img2mesh.finish.base import stand
from img2mesh.finish.printable import PrintAsk, make_printable
from img2mesh.finish.rebake import Source, power_of_two, rebake
from img2mesh.mesh.axes import place
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.quantities import parse_length
from img2mesh.settings import Settings

DENSER = 4  # times the faces asked for: of the mesh whose normals are baked
DENSE = 12000  # faces of it at least
LEAST_FACES, LEAST_TEXTURE = 100, 64  # of a level of detail


@dataclass(frozen=True, eq=False)
class Finished:
    """What goes into files.

    Attributes:
        mesh: in world axes; `mesh.axes.place` gives it its size and place.
        levels: levels of detail after it, each with half the faces of the one before.
        facts: plain values for the report; empty where nothing was asked for.
        warnings: sentences.
    """

    mesh: TexturedMesh
    levels: tuple[TexturedMesh, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def source_faces(settings: Settings) -> int:
    """How many faces the mesh should have that `finish_mesh` gets."""
    if settings.normal_map or settings.lods:
        return max(DENSER * settings.faces, DENSE)
    return settings.faces


def finish_mesh(mesh: TexturedMesh, settings: Settings, progress: Progress | None = None) -> Finished:
    """Everything that the settings ask for after the reconstruction.

    Args:
        mesh: closed, in world axes, with about `source_faces(settings)` faces.
        settings: `purpose`, `ground`, `base`, `height`, `min_wall`, `hollow`, `drain`, `faces`, `lods`, `normal_map`
            and `texture_size` count here.
    """
    progress = progress or Progress()
    facts: dict[str, Any] = {}
    warnings: list[str] = []
    if settings.ground or settings.base == "flat":
        with progress.stage("base"):
            mesh, facts["base"] = stand(mesh)
        if facts["base"]["stands"] is False:
            warnings.append(
                "The object does not stand by itself, though its base was cut flat: its weight is beside it."
            )
        elif facts["base"]["filled"] > 0:
            warnings.append(
                f"Feet were drawn down ({100 * facts['base']['filled']:.0f} % of the height) to stand."
            )
        elif facts["base"]["tilt_deg"] > 0:
            warnings.append(
                f"Tilted by {facts['base']['tilt_deg']:g} degrees, so that it stands (--base none keeps it)."
            )
    if settings.purpose == "print" or settings.min_wall or settings.hollow:
        with progress.stage("solid"):
            mesh, facts["solid"] = _printable(mesh, settings)
        warnings += _print_warnings(facts["solid"], settings)
    levels: tuple[TexturedMesh, ...] = ()
    if settings.normal_map or settings.lods:
        with progress.stage("bake", settings.lods + 1) as step:
            mesh, *rest = _levels(mesh, settings, step)
            levels = tuple(rest)
        facts["levels"] = [len(level.faces) for level in (mesh, *levels)]
    return Finished(mesh, levels, facts, tuple(warnings))


def _printable(mesh: TexturedMesh, settings: Settings) -> tuple[TexturedMesh, dict[str, Any]]:
    """In millimetres and back to metres; where there is no height, one unit is a metre."""
    placed = place(mesh.vertices, settings) * 1000
    wall, hollow, drain = (
        (parse_length(getattr(settings, name), name) or 0.0) * 1000
        for name in ("min_wall", "hollow", "drain")
    )
    standing = settings.ground or settings.base == "flat"
    height = float(placed[:, 2].max()) if standing else 0.0
    ask = PrintAsk(wall, hollow, drain, standing, height)
    made, facts = make_printable(replace(mesh, vertices=placed), ask)
    return replace(made, vertices=made.vertices / 1000), facts


def _print_warnings(facts: dict[str, Any], settings: Settings) -> list[str]:
    found = []
    if facts["loose_parts"]:
        share = 100 * facts["loose_volume"]
        found.append(
            f"{facts['loose_parts']} loose parts ({share:.2g} % of the volume) were left out of the solid."
        )
    if settings.hollow and not facts["hollow"]:
        found.append(f"Nothing of the object is thicker than twice {settings.hollow}, so it stays solid.")
    elif settings.drain and not facts["drain"]:
        found.append("There is no drain: no way straight down from the hollow meets the base.")
    elif settings.hollow and not settings.drain:
        found.append("The hollow is closed; --drain 4mm would let resin or powder out.")
    return found


def _levels(mesh: TexturedMesh, settings: Settings, step: Any) -> list[TexturedMesh]:
    source = Source(mesh)
    size = settings.texture_size if settings.purpose != "game" else power_of_two(settings.texture_size)
    levels = []
    for level in range(settings.lods + 1):
        faces = max(settings.faces >> level, LEAST_FACES)
        side = max(size >> level, LEAST_TEXTURE)
        levels.append(rebake(source, faces, side, settings.normal_map))
        step()
    return levels
