"""3MF files of any program: every object that they build, with its texture or the colours of its corners."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from img2mesh.mesh.threemf import MODEL

UNITS = {"micron": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "inch": 0.0254, "foot": 0.3048, "meter": 1.0}
GREY = "#BABABE"
DEEPEST = 16  # components within components


class Part(NamedTuple):
    """One object of a file.

    Attributes:
        vertices: (V, 3) metres, +z up. faces: (F, 3).
        colours: (F, 3, 3) uint8 of corners. uv: (F, 3, 2) of corners, with `picture` (H, W, 3) uint8. None: none.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray | None = None
    uv: np.ndarray | None = None
    picture: np.ndarray | None = None


def read_threemf(path: Path) -> list[Part]:
    """Every object that a 3MF file builds.

    Raises:
        ValueError: no 3MF, or nothing in it.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".model")]
        if not names:
            raise ValueError("there is no model in it")
        trees = {"/" + name: ElementTree.fromstring(archive.read(name)) for name in names}
        file = _File(archive, list(trees.values()))
        root = trees.get("/" + MODEL, next(iter(trees.values())))
        for item in root.iter():
            if _kind(item) == "item":
                file.collect(item.get("objectid", ""), _matrix(item.get("transform")))
    if not file.parts:
        raise ValueError("there is no object in it")
    scale = UNITS.get(root.get("unit", "millimeter"), 1e-3)
    return [part._replace(vertices=part.vertices * scale) for part in file.parts]


class _File:
    """The resources of a file by number, and the parts found so far."""

    def __init__(self, archive: zipfile.ZipFile, trees: list[Any]) -> None:
        self.archive = archive
        self.objects: dict[str, Any] = {}
        self.colours: dict[str, np.ndarray] = {}
        self.coordinates: dict[str, tuple[str, np.ndarray]] = {}
        self.textures: dict[str, str] = {}
        self.parts: list[Part] = []
        for tree in trees:
            for item in tree.iter():
                self._note(_kind(item), item.get("id", ""), item)

    def _note(self, kind: str, number: str, item: Any) -> None:
        if kind == "object":
            self.objects[number] = item
        elif kind in ("colorgroup", "basematerials"):
            found = [each.get("color") or each.get("displaycolor") or GREY for each in item]
            self.colours[number] = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in found])
        elif kind == "texture2d":
            self.textures[number] = item.get("path", "").lstrip("/")
        elif kind == "texture2dgroup":
            uv = np.array([[float(each.get(k, "0")) for k in "uv"] for each in item]).reshape(-1, 2)
            self.coordinates[number] = item.get("texid", ""), uv

    def collect(self, number: str, matrix: np.ndarray, depth: int = 0) -> None:
        """An object, and those that it is made of."""
        item = self.objects.get(number)
        if item is None or depth > DEEPEST:
            return
        vertices: list[list[float]] = []
        faces: list[list[int]] = []
        paints: list[tuple[str, list[int]] | None] = []
        for each in item.iter():
            kind = _kind(each)
            if kind == "vertex":
                vertices.append([float(each.get(k, "nan")) for k in "xyz"])
            elif kind == "triangle":
                faces.append([int(each.get(k, "0")) for k in ("v1", "v2", "v3")])
                group, first = each.get("pid") or item.get("pid", ""), each.get("p1") or item.get("pindex")
                known = group in self.colours or group in self.coordinates
                numbers = [int(each.get(k) or first or 0) for k in ("p1", "p2", "p3")]
                paints.append((group, numbers) if known and first is not None else None)
            elif kind == "component":
                inner = _matrix(each.get("transform")) @ matrix
                self.collect(each.get("objectid", ""), inner, depth + 1)
        if faces:
            placed = np.hstack([np.array(vertices), np.ones((len(vertices), 1))]) @ matrix
            part = Part(placed[:, :3], np.array(faces, np.int64))
            self.parts.append(self._painted(part, [paint for paint in paints if paint is not None]))

    def _painted(self, part: Part, paints: list[tuple[str, list[int]]]) -> Part:
        """With what all its faces have: colours, or coordinates of one texture."""
        if len(paints) < len(part.faces):
            return part
        groups = {group for group, _ in paints}
        if groups <= self.colours.keys():
            return part._replace(colours=np.array([self.colours[g][n] for g, n in paints], np.uint8))
        textures = {self.coordinates[group][0] for group in groups & self.coordinates.keys()}
        if not groups <= self.coordinates.keys() or len(textures) > 1:
            return part
        picture = self._picture(self.textures.get(textures.pop(), ""))
        if picture is None:
            return part
        return part._replace(uv=np.array([self.coordinates[g][1][n] for g, n in paints]), picture=picture)

    def _picture(self, name: str) -> np.ndarray | None:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(self.archive.read(name))) as image:
                return np.asarray(image.convert("RGB"))
        except (KeyError, OSError, ValueError):  # the triangles are there all the same
            return None


def _kind(item: Any) -> str:
    """An element's name without its namespace."""
    return str(item.tag).rpartition("}")[2]


def _matrix(text: str | None) -> np.ndarray:
    """(4, 4), applied to row vectors from the right."""
    matrix = np.eye(4)
    if text:
        matrix[:, :3] = np.array([float(word) for word in text.split()]).reshape(4, 3)
    return matrix
