"""Broken meshes through `img2mesh check` and `repair`: `python benchmarks/broken_meshes.py FOLDER -o FOLDER`.

Every mesh of a folder that is not one closed, consistently wound surface by trimesh's judgement, which is independent
of ours, or that has errors by ours. Printed for each: open edges, edges of more than two faces and winding as trimesh
finds them, what `check` names, whether those agree, what `repair` does, and PrusaSlicer's word on the result. Meshes
come from public test corpora, such as the folder `models` of github.com/mikedh/trimesh (MIT).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2mesh.errors import Img2MeshError, run_script
from img2mesh.mesh import read_mesh

SUFFIXES = (".stl", ".obj", ".ply", ".glb", ".3mf")
LIMIT = 180  # seconds for a command


@dataclass(frozen=True)
class Edges:
    """Edges of one face, edges of more than two, and whether faces are wound as their neighbours are."""

    open: int
    crowded: int
    alike: bool

    @property
    def broken(self) -> bool:
        """Whether this is no closed, consistently wound surface."""
        return bool(self.open or self.crowded or not self.alike)

    def agree(self, named: set[str]) -> bool:
        """Whether the names of `img2mesh check` say the same."""
        found = {"holes": self.open > 0, "non-manifold": self.crowded > 0}
        winding = self.crowded > 0 or ("winding" in named) == (
            not self.alike
        )  # where edges are crowded it means nothing
        return winding and all((name in named) == there for name, there in found.items())


def edges_of(path: Path) -> Edges:
    """By trimesh, corners at one place joined."""
    import trimesh

    vertices, faces = read_mesh(path).welded()
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    corners = np.sort(mesh.faces, axis=1)
    mesh.update_faces((corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]))
    _, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    return Edges(int((counts == 1).sum()), int((counts > 2).sum()), bool(mesh.is_winding_consistent))


def command(*words: str) -> tuple[int, str]:
    """Exit code and output of `img2mesh ...`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "img2mesh", *words], capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return -1, f"longer than {LIMIT} s"
    if "Traceback" in done.stderr:
        return done.returncode, "TRACEBACK " + done.stderr[-200:]
    return done.returncode, done.stdout or done.stderr


def checked(path: Path) -> tuple[set[str], list[str]]:
    """Names of all findings of `img2mesh check`, and of the errors."""
    _, text = command("check", "--json", str(path))
    try:
        found = json.loads(text)
    except ValueError:
        raise Img2MeshError(f"{path.name}: {text}") from None
    findings = (found[0] if isinstance(found, list) else found["files"][0])["findings"]
    names = [(each["name"], each["severity"]) for each in findings]
    return {name for name, _ in names}, [name for name, severity in names if severity == "error"]


def slicer(path: Path) -> str:
    """PrusaSlicer's word."""
    try:
        out = subprocess.run(["prusa-slicer", "--info", str(path)], capture_output=True, text=True).stdout
    except OSError:
        return ""
    return "manifold" if "manifold = yes" in out else "not manifold"


def main() -> int:
    """Exit code 1 where a mesh is named wrongly, or a repaired one is still wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the repaired meshes")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    wrong = 0
    print(
        "| mesh | faces | open | crowded | winding | named | agree | repair | PrusaSlicer |\n"
        + "|---" * 9
        + "|"
    )
    for path in sorted(each for each in given.folder.iterdir() if each.suffix.lower() in SUFFIXES):
        try:
            faces, edges = len(read_mesh(path).faces), edges_of(path)
        except Img2MeshError:
            continue  # no triangles: nothing to judge
        named, errors = checked(path)
        if not edges.broken and not errors:
            continue
        target = given.output / f"{path.stem}-{path.suffix[1:].lower()}.stl"
        code, text = command("repair", str(path), "-o", str(target), "--overwrite")
        beyond = "beyond repair" in text or "bounds no volume" in text
        said = " ".join(text.replace(str(path), "").replace(str(target), "").split()) if code else "repaired"
        verdict = slicer(target) if code == 0 else ""
        agree = edges.agree(named)
        wrong += not agree or verdict == "not manifold" or (code != 0 and not beyond)
        cells = (
            edges.open,
            edges.crowded,
            "" if edges.alike else "mixed",
            ", ".join(errors),
            "yes" if agree else "NO",
        )
        print(
            f"| {path.name} | {faces} | " + " | ".join(map(str, cells)) + f" | {said[:110]} | {verdict} |",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    run_script(main)
