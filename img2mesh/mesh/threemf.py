"""3MF files: one object with colours at its corners, in millimetres (3MF core and materials specifications)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
MODEL = "3D/3dmodel.model"
UNITS = {"micron": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "inch": 0.0254, "foot": 0.3048, "meter": 1.0}
LEVELS = 32  # of each colour channel: slicers show lists of colours, and thousands help nobody
_DATE = (1980, 1, 1, 0, 0, 0)
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Target="/{MODEL}" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def threemf_bytes(positions: np.ndarray, faces: np.ndarray, colours: np.ndarray, name: str) -> bytes:
    """The file's bytes; the same input gives the same bytes.

    Args:
        positions: (V, 3) in millimetres, +z up, one vertex for each position.
        faces: (F, 3). colours: (V, 3) uint8 sRGB. name: of the object.
    """
    from img2mesh import __version__

    step = 255 / (LEVELS - 1)
    coarse = np.round(np.round(colours / step) * step).astype(np.uint8)
    palette, number = np.unique(coarse, axis=0, return_inverse=True)
    number = number.ravel()
    # Half the object's extent below zero would lie outside of the bed: 3MF wants positive coordinates.
    placed = positions - np.floor(positions.min(axis=0))  # whole millimetres, which round nothing
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{CORE}" xmlns:m="{MATERIALS}">'
        f'<metadata name="Title">{escape(_clean(name))}</metadata>'
        f'<metadata name="Application">img2mesh {__version__}</metadata>\n<resources>\n<m:colorgroup id="1">\n'
    ]
    parts += [f'<m:color color="#{r:02X}{g:02X}{b:02X}"/>\n' for r, g, b in palette.tolist()]
    parts.append(
        f'</m:colorgroup>\n<object id="2" type="model" name={quoteattr(_clean(name))} pid="1" pindex="0">\n'
    )
    parts.append("<mesh>\n<vertices>\n")
    parts += [f'<vertex x="{x:.9g}" y="{y:.9g}" z="{z:.9g}"/>\n' for x, y, z in placed.tolist()]
    parts.append("</vertices>\n<triangles>\n")
    corners = number[faces].tolist()
    parts += [
        f'<triangle v1="{a}" v2="{b}" v3="{c}" pid="1" p1="{p}" p2="{q}" p3="{r}"/>\n'
        for (a, b, c), (p, q, r) in zip(faces.tolist(), corners, strict=True)
    ]
    parts.append("</triangles>\n</mesh>\n</object>\n</resources>\n")
    parts.append('<build><item objectid="2"/></build>\n</model>\n')
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELATIONS),
            (MODEL, "".join(parts)),
        ):
            archive.writestr(zipfile.ZipInfo(path, _DATE), text, zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def read_threemf(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Every object that a 3MF file builds, as one mesh.

    Returns:
        (V, 3) metres, +z up; (F, 3); (F, 3, 3) uint8 colours of corners, None where there are none.

    Raises:
        ValueError: no 3MF, or nothing in it.
    """
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.lower().endswith(".model")]
        if not names:
            raise ValueError("there is no model in it")
        trees = {"/" + name: ElementTree.fromstring(archive.read(name)) for name in names}
    root = trees.get("/" + MODEL, next(iter(trees.values())))
    scale = UNITS.get(root.get("unit", "millimeter"), 1e-3)
    objects: dict[str, Any] = {}
    colours: dict[str, np.ndarray] = {}
    for tree in trees.values():
        for item in tree.iter():
            kind = item.tag.rpartition("}")[2]
            if kind == "object":
                objects[item.get("id", "")] = item
            elif kind in ("colorgroup", "basematerials"):
                found = [e.get("color") or e.get("displaycolor") or "#BABABE" for e in item]
                colours[item.get("id", "")] = np.array(
                    [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in found]
                )
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []
    for item in root.iter():
        if item.tag.rpartition("}")[2] == "item":
            _collect(item.get("objectid", ""), _matrix(item.get("transform")), objects, colours, parts, 0)
    parts = [part for part in parts if len(part[1])]
    if not parts:
        raise ValueError("there is no object in it")
    starts = np.cumsum([0] + [len(part[0]) for part in parts])
    faces = np.concatenate([part[1] + start for part, start in zip(parts, starts[:-1], strict=True)])
    painted = None
    if all(part[2] is not None for part in parts):
        painted = np.concatenate([part[2] for part in parts if part[2] is not None])
    return np.concatenate([part[0] for part in parts]) * scale, faces, painted


def _collect(number: str, matrix: np.ndarray, objects: dict, colours: dict, parts: list, depth: int) -> None:
    item = objects.get(number)
    if item is None or depth > 16:
        return
    vertices: list[list[float]] = []
    faces: list[list[int]] = []
    painted: list[Any] = []
    for each in item.iter():
        kind = each.tag.rpartition("}")[2]
        if kind == "vertex":
            vertices.append([float(each.get(k, "nan")) for k in "xyz"])
        elif kind == "triangle":
            faces.append([int(each.get(k, "0")) for k in ("v1", "v2", "v3")])
            group = colours.get(each.get("pid") or item.get("pid", ""))
            first = each.get("p1") or item.get("pindex")
            if group is None or first is None:
                painted.append(None)
            else:
                painted.append([group[int(each.get(k) or first)] for k in ("p1", "p2", "p3")])
        elif kind == "component":
            inner = _matrix(each.get("transform")) @ matrix
            _collect(each.get("objectid", ""), inner, objects, colours, parts, depth + 1)
    if faces:
        placed = np.hstack([np.array(vertices), np.ones((len(vertices), 1))]) @ matrix
        known = all(p is not None for p in painted)
        parts.append(
            (placed[:, :3], np.array(faces, np.int64), np.array(painted, np.uint8) if known else None)
        )


def _matrix(text: str | None) -> np.ndarray:
    """(4, 4), applied to row vectors from the right."""
    matrix = np.eye(4)
    if text:
        matrix[:, :3] = np.array([float(word) for word in text.split()]).reshape(4, 3)
    return matrix


def _clean(name: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c.isprintable() and not 0xD800 <= ord(c) < 0xE000 else "_" for c in name)
