"""Meshes for print, game and AR, and what other programs say of them: `python benchmarks/purposes.py PHOTOS -o FOLDER`.

Every photo is made for every purpose (a batch each, which goes on where it was), then every file goes through the
validators that are installed (`validators.py`). Printed: files and those without a complaint, for each validator; each
complaint; seconds that a purpose adds to the main job; and for print, how many solids have a texture.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from validators import there

from img2mesh.batch import Request, run_batch
from img2mesh.core.progress import ConsoleProgress
from img2mesh.errors import run_script
from img2mesh.exports import default_suffix
from img2mesh.settings import Settings

PURPOSES = ("print", "game", "ar")


def main() -> int:
    """Exit code 1 where anything was complained of."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--purposes", nargs="+", default=list(PURPOSES))
    parser.add_argument("--node", type=Path, help="folder with node_modules/gltf-validator")
    given = parser.parse_args()
    said = 0
    print("| purpose | validator | files | without complaint |\n|---|---|---:|---:|")
    complaints, notes = [], []
    for purpose in given.purposes:
        folder = given.output / purpose
        settings = Settings.load(given.preset, purpose=purpose, offline=True)
        request = Request((given.photos,), settings, default_suffix(settings))
        run_batch(request, folder, jobs=1, progress=ConsoleProgress())
        for name, (suffix, check) in there(given.node).items():
            files = sorted(
                path for path in folder.iterdir() if _is_mesh(path) and path.suffix.endswith(suffix)
            )
            found = {path.name: check(path) for path in files}
            good = sum(not each for each in found.values())
            complaints += [
                f"{purpose}/{file}, {name}: {'; '.join(each)}" for file, each in found.items() if each
            ]
            said += len(found) - good
            if files:
                print(f"| {purpose} | {name} | {len(found)} | {good} |", flush=True)
        notes += _notes(purpose, folder)
    print("\n" + "\n".join([*complaints, *notes]))
    return 1 if said else 0


def _is_mesh(path: Path) -> bool:
    return path.suffix in (".glb", ".usdz", ".3mf")


def _notes(purpose: str, folder: Path) -> list[str]:
    """What the batch's reports say of time, and of the solids."""
    lines = (folder / "report.jsonl").read_text(encoding="utf-8").splitlines()
    reports: list[dict[str, Any]] = [json.loads(line).get("report") or {} for line in lines]
    seconds = [report["seconds"].get("finish", 0.0) for report in reports if report]
    notes = [
        f"{purpose}: {statistics.median(seconds):.1f} s of finishing (median), {max(seconds):.1f} s at most"
    ]
    sizes = [sum(report["files"].values()) for report in reports if "files" in report]
    notes.append(
        f"{purpose}: {statistics.median(sizes) / 1e6:.2f} MB an object (median), {max(sizes) / 1e6:.2f} at most"
    )
    if purpose == "print":
        from img2mesh.mesh import read_mesh
        from img2mesh.mesh.corner_colours import has_corner_colours

        for report in reports:
            said = [each["text"] for each in report.get("file", {}).get("findings", [])]
            notes += [f"print/{report['file']['name']} warns: {'; '.join(said)}"] if said else []
        solids = sorted(folder.glob("*.3mf"))
        textured = sum(not has_corner_colours(read_mesh(path)) for path in solids)
        notes.append(f"print: {textured} of {len(solids)} solids have the texture")
    return notes


if __name__ == "__main__":
    run_script(main)
