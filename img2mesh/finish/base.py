"""A base to stand on: the pose nearest to upright in which little has to be cut off for a flat, stable contact."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from img2mesh.finish.solid import on_flat_base, solid_of
from img2mesh.finish.standing import centre_of_mass, margin_inside, upright_rest
from img2mesh.mesh.textured_mesh import TexturedMesh

CUTS = (0.0, 0.003, 0.006, 0.01, 0.015, 0.02, 0.03, 0.04)  # of the height
FILLS = (0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25)  # of the height, tried where no cut is enough
FILLED_CUT = 0.003
ENOUGH = 0.02  # contact, of the footprint
STEADY_DEG = 5.0  # the ground may tilt so far
MOST_TILT_DEG = 20.0
DEGREES_PER_PERCENT = 4.0  # how many degrees of tilt are as bad as one percent of the height cut off


@dataclass(frozen=True, eq=False)
class Base:
    """How to bring a mesh to a base.

    Attributes:
        rotation: (3, 3), to be applied first. tilt_deg: of the rotation.
        height: z of the flat base, in the rotated mesh. cut: share of the height that falls away there.
        fill: z of the section that is drawn down to the base, None: nothing is added.
        found: whether the result stands.
    """

    rotation: np.ndarray
    tilt_deg: float
    height: float
    cut: float
    fill: float | None
    found: bool


def find_base(vertices: np.ndarray, faces: np.ndarray) -> Base | None:
    """The pose, and the cut or the filling, for a closed surface (V, 3), (F, 3), z up; None where it is not closed."""
    solid = solid_of(vertices, faces)
    if solid is None:
        return None
    centre = centre_of_mass(vertices, faces)
    poses = [np.eye(3)]
    up = upright_rest(vertices, centre)
    if 1e-3 < math.acos(min(1.0, up[2])) <= math.radians(MOST_TILT_DEG):
        poses.append(rotation_to_z(up))
    found: list[tuple[float, Base]] = []
    for rotation in poses:
        pose = _Pose(solid, rotation, centre)
        cut = next((cut for cut in CUTS if pose.stands(pose.level(cut))), None)
        if cut is not None:
            cost = pose.tilt_deg + DEGREES_PER_PERCENT * 100 * cut
            found.append((cost, Base(rotation, pose.tilt_deg, pose.level(cut), cut, None, True)))
    if found:
        return min(found, key=lambda pair: pair[0])[1]
    pose = _Pose(solid, np.eye(3), centre)
    base = Base(np.eye(3), 0.0, pose.level(FILLED_CUT), FILLED_CUT, None, False)
    for fill in FILLS:
        if pose.stands(pose.level(fill)):
            return replace(base, fill=pose.level(fill), found=True)
    return replace(base, height=pose.level(CUTS[-1]), cut=CUTS[-1])


class _Pose:
    """A solid in one of the poses that are tried."""

    def __init__(self, solid: Any, rotation: np.ndarray, centre: np.ndarray) -> None:
        self.tilt_deg = math.degrees(math.acos(np.clip(rotation[2, 2], -1, 1)))
        self.solid = solid.transform(np.hstack([rotation, np.zeros((3, 1))]))
        self.low, self.high = self.solid.bounding_box()[2], self.solid.bounding_box()[5]
        self.footprint = max(self.solid.project().hull().area(), 1e-300)
        self.centre = rotation @ centre

    def level(self, share: float) -> float:
        """z at a share of the height."""
        return float(self.low + share * (self.high - self.low))

    def stands(self, level: float) -> bool:
        """Whether the section at a level of z, as a base, is large and wide enough."""
        # A section at the lowest point itself is empty; a ten-thousandth of the height above it is contact.
        section = self.solid.slice(max(level, self.level(1e-4)))
        if section.area() < ENOUGH * self.footprint:
            return False
        points = np.concatenate([np.asarray(loop) for loop in section.to_polygons()])
        margin = margin_inside(self.centre[:2], points)
        return math.degrees(math.atan2(margin, max(self.centre[2] - self.low, 1e-12))) >= STEADY_DEG


def stand(mesh: TexturedMesh) -> tuple[TexturedMesh, dict[str, Any]]:
    """A textured mesh turned, and cut or filled, so that it stands flat, z up; and facts for the report.

    Returns:
        The mesh, in a frame turned by `tilt_deg`; `tilt_deg`, `cut` and `filled` (shares of the height that fell away
        and up to which feet were drawn down), `stands`. Where the mesh is not closed it comes back as it is, `stands`
        None.
    """
    base = find_base(*mesh.welded())
    if base is None:
        return mesh, {"tilt_deg": 0.0, "cut": 0.0, "filled": 0.0, "stands": None}
    turned = replace(mesh, vertices=mesh.vertices @ base.rotation.T)
    filled = 0.0
    if base.fill is not None:
        filled = float((base.fill - base.height) / np.ptp(turned.vertices[:, 2]))
    if base.cut > 0 or base.fill is not None:
        turned = on_flat_base(turned, base.height, base.fill)
    facts = {"tilt_deg": round(base.tilt_deg, 2), "cut": round(base.cut, 4), "filled": round(filled, 4)}
    return turned, {**facts, "stands": base.found}


def rotation_to_z(direction: np.ndarray) -> np.ndarray:
    """(3, 3) the smallest rotation that brings a unit vector to +z (Rodrigues' formula)."""
    x, y, z = direction
    if z < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)
