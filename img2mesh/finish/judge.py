"""What a slicer, an engine or a viewer would find wrong with a mesh, ours or anyone's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from img2mesh.finish.parts import nested_parts
from img2mesh.finish.self_intersections import self_intersections
from img2mesh.finish.standing import LEAST_CONTACT, stand_of
from img2mesh.finish.wall_thickness import sampled_walls
from img2mesh.mesh.textured_mesh import TexturedMesh, face_components, is_closed, surface, weld

SEVERITIES = ("error", "warning", "note")
CRUMB = 1e-3  # of the whole area: a part smaller than that is a crumb
MANY = 400_000  # faces above which crossings are not looked for
THIN_MM = 0.8  # two lines of a common nozzle
PERCENTILE = 5


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing: a fixed name, how bad, and a sentence."""

    name: str
    severity: str
    text: str


@dataclass(frozen=True)
class Judgement:
    """What was found, and figures in plain values (lengths in mm, areas in mm2, volumes in cm3, angles in degrees)."""

    findings: tuple[Finding, ...]
    figures: dict[str, Any] = field(default_factory=dict)

    def worst(self) -> str | None:
        """The gravest severity, None where nothing was found."""
        return next((s for s in SEVERITIES if any(f.severity == s for f in self.findings)), None)

    def as_dict(self) -> dict[str, Any]:
        """For a report: `verdict`, `findings`, and the figures."""
        found = [{"name": f.name, "severity": f.severity, "text": f.text} for f in self.findings]
        return {"verdict": self.worst() or "good", "findings": found, **self.figures}


def judge(
    mesh: TexturedMesh,
    bed_mm: tuple[float, float, float] | None = None,
    wall_mm: float = THIN_MM,
    standing: bool = True,
) -> Judgement:
    """Look at a mesh in world axes and metres.

    Args:
        bed_mm: width, depth and height of a printing bed; None: no size is too large.
        wall_mm: walls thinner than this are named.
        standing: whether a bad stand is worth a warning.

    Returns:
        Findings `empty`, `not-finite`, `holes`, `non-manifold`, `winding`, `inside-out`, `self-intersections`,
        `inner-shells`, `crumbs`, `parts`, `degenerate`, `duplicates`, `thin-walls`, `unstable`, `small-contact`,
        `bed`; figures where they can be had.
    """
    found: list[Finding] = []

    def say(name: str, severity: str, text: str) -> None:
        found.append(Finding(name, severity, text))

    if not len(mesh.faces):
        say("empty", "error", "There are no triangles.")
        return Judgement(tuple(found))
    if not np.isfinite(mesh.vertices).all():
        say("not-finite", "error", "Some positions are not numbers.")
        return Judgement(tuple(found))
    vertices, faces = weld(mesh.vertices, mesh.faces)
    vertices = vertices * 1000
    figures = _topology(vertices, faces, say)
    size = np.ptp(vertices, axis=0)
    figures["size_mm"] = [_short(s) for s in (size[1], size[0], size[2])]  # width, depth, height
    good = _sound(vertices, faces)
    figures["closed"] = is_closed(good)
    if len(good) == 0:
        say("empty", "error", "Every triangle is without area.")
        return Judgement(tuple(found), figures)
    if figures["closed"]:
        _solid(vertices, good, say, figures, wall_mm)
    _stand(vertices, good, say, figures, standing and figures["closed"])
    if bed_mm is not None:
        figures["fits_bed"] = fits(size[[1, 0, 2]], bed_mm)
        if not figures["fits_bed"]:
            sides = " x ".join(f"{s:.0f}" for s in figures["size_mm"])
            say(
                "bed",
                "warning",
                f"{sides} mm does not fit a bed of {' x '.join(f'{s:g}' for s in bed_mm)} mm.",
            )
    order = {severity: k for k, severity in enumerate(SEVERITIES)}
    return Judgement(tuple(sorted(found, key=lambda f: order[f.severity])), figures)


def fits(size: np.ndarray, bed: tuple[float, float, float]) -> bool:
    """Whether a width, depth and height fit a bed's, straight or turned by a quarter about the vertical."""
    width, depth, height = size
    flat = (width <= bed[0] and depth <= bed[1]) or (depth <= bed[0] and width <= bed[1])
    return bool(flat and height <= bed[2])


def _sound(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The faces that name three vertices."""
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (c != a)]


def _topology(vertices: np.ndarray, faces: np.ndarray, say: Any) -> dict[str, Any]:
    sound = _sound(vertices, faces)
    areas = np.asarray(surface(vertices, sound).area_faces)
    flat = int(len(faces) - len(sound) + (areas <= 1e-14 * max(float(areas.sum()), 1e-300)).sum())
    if flat:
        say("degenerate", "warning", f"{flat} triangles have no area.")
    same = len(sound) - len(np.unique(np.sort(sound, axis=1), axis=0))
    if same:
        say("duplicates", "warning", f"{same} triangles lie on others with the same corners.")
    edges = np.concatenate([sound[:, [0, 1]], sound[:, [1, 2]], sound[:, [2, 0]]])
    undirected, inverse, uses = np.unique(
        np.sort(edges, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    forward = np.bincount(inverse.ravel(), edges[:, 0] < edges[:, 1], len(undirected))
    open_edges, many = int((uses == 1).sum()), int((uses > 2).sum())
    twisted = int(((uses == 2) & (forward != 1)).sum())
    if open_edges:
        say("holes", "error", f"The surface is open: {open_edges} edges have a triangle on one side only.")
    if many:
        say("non-manifold", "error", f"{many} edges have more than two triangles.")
    if twisted:
        say(
            "winding",
            "error",
            f"{twisted} edges lie between triangles that are wound in opposite directions.",
        )
    return {
        "faces": len(faces),
        "vertices": len(vertices),
        "open_edges": open_edges,
        "non_manifold_edges": many,
        "degenerate_faces": flat,
        "area_mm2": _short(float(areas.sum())),
    }


def _solid(
    vertices: np.ndarray, faces: np.ndarray, say: Any, figures: dict[str, Any], wall_mm: float
) -> None:
    number = face_components(faces, len(vertices))
    volumes = np.bincount(number, np.linalg.det(vertices[faces]) / 6)
    areas = np.bincount(number, surface(vertices, faces).area_faces)
    figures["volume_cm3"] = _short(float(volumes.sum()) / 1000)
    figures["parts"] = int(((volumes > 0) & (areas > 0)).sum())
    # A closed surface has three edges for every two faces.
    figures["euler_characteristic"] = len(np.unique(faces)) - len(faces) // 2
    if volumes.sum() < 0:
        say("inside-out", "error", "The surface is wound inwards.")
    else:
        inner = (volumes < 0) | nested_parts(vertices, faces, number)
        if inner.any():
            say("inner-shells", "warning", f"{int(inner.sum())} closed surfaces lie inside others.")
    crumbs = int(((areas < CRUMB * areas.sum()) & (areas > 0) & (volumes >= 0)).sum())
    if crumbs:
        say("crumbs", "warning", f"{crumbs} loose parts have less than a thousandth of the area.")
    if figures["parts"] - crumbs > 1:
        say("parts", "note", f"It consists of {figures['parts'] - crumbs} parts that do not touch.")
    if len(faces) <= MANY:
        crossing = len(self_intersections(vertices, faces))
        figures["crossing_pairs"] = crossing
        if crossing:
            more = " or more" if crossing >= 1000 else ""
            say(
                "self-intersections", "error", f"{crossing}{more} pairs of triangles pass through each other."
            )
    walls = sampled_walls(vertices, faces)
    if walls.facing.sum() >= 20:
        thin = float(np.percentile(walls.thickness[walls.facing], PERCENTILE))
        figures["wall_p5_mm"] = _short(thin)
        figures["thinner_share"] = _short(float((walls.thickness[walls.facing] < wall_mm).mean()))
        if thin < 0.97 * wall_mm:
            say(
                "thin-walls",
                "warning",
                f"A twentieth of the walls is thinner than {thin:.2g} mm ({wall_mm:g} asked).",
            )


def _stand(vertices: np.ndarray, faces: np.ndarray, say: Any, figures: dict[str, Any], matters: bool) -> None:
    stand = stand_of(vertices, faces)
    share = stand.contact_area / max(stand.footprint, 1e-12)
    figures |= {
        "contact_mm2": _short(stand.contact_area),
        "contact_share": _short(share),
        "overhang_mm2": _short(stand.overhang_area),
        "stable": stand.stable,
        "tip_deg": _short(stand.tip_deg) if np.isfinite(stand.tip_deg) else None,
        "tilt_to_rest_deg": _short(stand.tilt_deg),
    }
    if not matters:
        return
    if not stand.stable:
        say("unstable", "warning", f"It falls over: it rests {stand.tilt_deg:.0f} degrees off this pose.")
    if share < LEAST_CONTACT:
        say(
            "small-contact",
            "warning",
            f"It touches the ground with {100 * share:.2g} % of its footprint only.",
        )


def _short(value: float) -> float:
    return float(f"{value:.5g}")
