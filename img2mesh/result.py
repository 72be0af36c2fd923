"""What a run made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from img2mesh.core.view import ViewSet

if TYPE_CHECKING:
    from img2mesh.mesh import TexturedMesh


@dataclass(frozen=True, eq=False)
class Result:
    """What a run made: the mesh (`img2mesh.mesh.write_mesh` writes it), the views, the report's values.

    `levels` are its levels of detail, where they were asked for.
    """

    mesh: TexturedMesh
    views: ViewSet
    report: dict[str, Any]
    levels: tuple[TexturedMesh, ...] = ()
