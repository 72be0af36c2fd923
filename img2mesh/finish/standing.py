"""How an object stands: its contact with the ground, the pose it would tip into, what hangs over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2mesh.mesh.textured_mesh import surface

TOUCHES = 1e-3  # of the height: what lies that low is contact
OVERHANG_DEG = 45.0
LEAST_CONTACT = 0.01  # of the footprint: below, a warning


@dataclass(frozen=True)
class Stand:
    """How a mesh stands on its lowest point, z up. Areas in squared units of the vertices.

    Attributes:
        contact_area: of the faces that lie flat on the ground.
        footprint: area of the convex outline seen from above.
        overhang_area: of the faces that look down, less than 45 degrees from straight down, without the contact.
        stable: the centre of mass is above the convex hull of the contact.
        tip_deg: by how much the ground may tilt before the object falls over; negative where it is not stable.
        tilt_deg: from this pose to the nearest one that it rests in by itself; 0 where it is stable.
    """

    contact_area: float
    footprint: float
    overhang_area: float
    stable: bool
    tip_deg: float
    tilt_deg: float


def stand_of(vertices: np.ndarray, faces: np.ndarray) -> Stand:
    """Measure a closed mesh, (V, 3) and (F, 3), in the pose that it has."""
    vertices = np.asarray(vertices, np.float64)
    solid = surface(vertices, faces)
    normals, areas = np.asarray(solid.face_normals), np.asarray(solid.area_faces)
    heights = vertices[:, 2] - vertices[:, 2].min()
    low = heights <= TOUCHES * max(float(heights.max()), 1e-12)
    contact = low[faces].all(axis=1) & (normals[:, 2] < -0.99)
    down = normals[:, 2] < -math.cos(math.radians(OVERHANG_DEG)) - 1e-9
    overhang = down & ~low[faces].all(axis=1)
    centre = centre_of_mass(vertices, faces)
    margin = margin_inside(centre[:2], vertices[low][:, :2])
    above = max(float(centre[2] - vertices[:, 2].min()), 1e-12)
    tip = math.degrees(math.atan2(margin, above))
    stable = margin > 0
    tilt = 0.0 if stable else math.degrees(math.acos(np.clip(upright_rest(vertices, centre)[2], -1, 1)))
    return Stand(
        float(areas[contact].sum()),
        outline_area(vertices[:, :2]),
        float(areas[overhang].sum()),
        stable,
        tip,
        tilt,
    )


def centre_of_mass(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(3,) of the solid; of its bounding box where the surface bounds no volume."""
    solid = surface(vertices, faces)
    if abs(float(solid.volume)) > 1e-12 * float(np.prod(np.ptp(vertices, axis=0) + 1e-12)):
        centre = np.asarray(solid.center_mass, np.float64)
        if (
            np.isfinite(centre).all()
            and (centre > vertices.min(0)).all()
            and (centre < vertices.max(0)).all()
        ):
            return centre
    return (vertices.min(axis=0) + vertices.max(axis=0)) / 2


def outline_area(points: np.ndarray) -> float:
    """Area of the convex hull of (N, 2) points; 0 where they lie on a line."""
    hull = _hull(points)
    return 0.0 if hull is None else float(hull.volume)


def margin_inside(point: np.ndarray, points: np.ndarray) -> float:
    """How far a point lies inside the convex hull of (N, 2) points; minus the distance to it if outside."""
    hull = _hull(points)
    if hull is None:
        return -float(np.linalg.norm(points - point, axis=1).min(initial=np.inf)) if len(points) else -np.inf
    gap = hull.equations[:, :2] @ point + hull.equations[:, 2]
    return -float(gap.max())


def upright_rest(vertices: np.ndarray, centre: np.ndarray, among: int = 60) -> np.ndarray:
    """(3,) the direction that points up when the object rests in the stable pose nearest to the one it has.

    An object rests on a facet of its convex hull over which its centre of mass lies; of facets that are nearly the
    same the largest counts.
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(vertices)
    except QhullError:
        return np.array([0.0, 0.0, 1.0])
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
    foot = centre - (normals @ centre + offsets)[:, None] * normals
    order = np.argsort(normals[:, 2])  # facets that look down first
    for facet in order:
        # All the hull's corners in the facet's plane, for triangles of one facet share it.
        plane = np.abs(vertices[hull.vertices] @ normals[facet] + offsets[facet])
        flat = vertices[hull.vertices][plane < 1e-6 * float(np.ptp(vertices))]
        axes = np.linalg.svd(normals[facet][None])[2][1:]
        if margin_inside(foot[facet] @ axes.T, flat @ axes.T) > 0:
            return -normals[facet]
    return np.array([0.0, 0.0, 1.0])


def _hull(points: np.ndarray) -> Any:
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 3:
        return None
    try:
        return ConvexHull(points)
    except QhullError:
        return None
