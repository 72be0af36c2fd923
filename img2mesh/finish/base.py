"""A base to stand on: the pose nearest to upright in which little has to be cut off for a flat, stable contact."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from img2mesh.finish.solid import cut_below, solid_of
from img2mesh.finish.standing import centre_of_mass, margin_inside, upright_rest
from img2mesh.mesh.textured_mesh import TexturedMesh

CUTS = (0.0, 0.003, 0.006, 0.01, 0.015, 0.02, 0.03, 0.04)  # of the height
ENOUGH = 0.02  # contact, of the footprint
STEADY_DEG = 5.0  # the ground may tilt so far
MOST_TILT_DEG = 20.0
DEGREES_PER_PERCENT = 4.0  # how many degrees of tilt are as bad as one percent of the height cut off


@dataclass(frozen=True, eq=False)
class Base:
    """How to bring a mesh to a base.

    Attributes:
        rotation: (3, 3), to be applied first. height: z of the cut, in the rotated mesh; nothing below its lowest
            point is cut where they are equal.
        tilt_deg: of the rotation. cut: share of the height that falls away. found: whether the result stands.
    """

    rotation: np.ndarray
    height: float
    tilt_deg: float
    cut: float
    found: bool


def find_base(vertices: np.ndarray, faces: np.ndarray) -> Base | None:
    """The pose and the cut for a closed surface (V, 3), (F, 3), z up; None where it is not closed."""
    solid = solid_of(vertices, faces)
    if solid is None:
        return None
    centre = centre_of_mass(vertices, faces)
    best: tuple[float, Base] | None = None
    poses = [np.eye(3)]
    up = upright_rest(vertices, centre)
    if 1e-3 < math.acos(min(1.0, up[2])) <= math.radians(MOST_TILT_DEG):
        poses.append(rotation_to_z(up))
    for rotation in poses:
        tilt = math.degrees(math.acos(np.clip(rotation[2, 2], -1, 1)))
        turned = solid.transform(np.hstack([rotation, np.zeros((3, 1))]))
        low, high = turned.bounding_box()[2], turned.bounding_box()[5]
        footprint = max(turned.project().hull().area(), 1e-300)
        middle = rotation @ centre
        for cut in CUTS:
            level = low + cut * (high - low)
            if not _stands(turned, level, low, high, middle, footprint):
                continue
            cost = tilt + DEGREES_PER_PERCENT * 100 * cut
            if best is None or cost < best[0]:
                best = cost, Base(rotation, level, tilt, cut, True)
            break
    if best is not None:
        return best[1]
    height = float(vertices[:, 2].min() + CUTS[-1] * np.ptp(vertices[:, 2]))
    return Base(np.eye(3), height, 0.0, CUTS[-1], False)


def _stands(solid: Any, level: float, low: float, high: float, centre: np.ndarray, footprint: float) -> bool:
    # A section at the lowest point itself is empty; a ten-thousandth of the height above it is contact.
    section = solid.slice(max(level, low + 1e-4 * (high - low)))
    if section.area() < ENOUGH * footprint:
        return False
    points = np.concatenate([np.asarray(loop) for loop in section.to_polygons()])
    margin = margin_inside(centre[:2], points)
    return math.degrees(math.atan2(margin, max(centre[2] - level, 1e-12))) >= STEADY_DEG


def stand(mesh: TexturedMesh) -> tuple[TexturedMesh, dict[str, Any]]:
    """A textured mesh turned and cut so that it stands flat, z up, and facts for the report.

    Returns:
        The mesh, in a frame turned by `tilt_deg`, and `tilt_deg`, `cut` (share of the height that fell away) and
        `stands`. Where the mesh is not closed it comes back as it is, `stands` None.
    """
    base = find_base(*mesh.welded())
    if base is None:
        return mesh, {"tilt_deg": 0.0, "cut": 0.0, "stands": None}
    turned = replace(mesh, vertices=mesh.vertices @ base.rotation.T)
    if base.cut > 0:
        turned = cut_below(turned, base.height)
    facts = {"tilt_deg": round(base.tilt_deg, 2), "cut": round(base.cut, 4), "stands": base.found}
    return turned, facts


def rotation_to_z(direction: np.ndarray) -> np.ndarray:
    """(3, 3) the smallest rotation that brings a unit vector to +z (Rodrigues' formula)."""
    x, y, z = direction
    if z < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)
