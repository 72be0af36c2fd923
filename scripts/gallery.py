"""A Markdown page with a photo and its mesh from all sides, for every photo of a folder.

    python scripts/gallery.py photos -o gallery [--preset draft]

writes gallery/index.md: a table of what was measured, then each photo and its mesh. Bad photos are listed with their
sentence. The table's last line says how many photos hold the bars: 27 dB in front, closed and with one texture as
trimesh loads it, at most 60 s (draft: 20 s), at most 4 GB.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh import Settings
from img2mesh.batch import Request, run_batch
from img2mesh.batch.journal import read_lines
from img2mesh.core.files import atomic_file
from img2mesh.core.images import contact_sheet, save_png
from img2mesh.core.progress import ConsoleProgress
from img2mesh.errors import Img2MeshError
from img2mesh.mesh import read_mesh
from img2mesh.preview import write_preview
from img2mesh.segment import read_photo


@dataclass(frozen=True)
class Outcome:
    """What became of one photo."""

    photo: Path
    mesh: Path
    seconds: float
    cpu_seconds: float
    error: str | None
    report: dict[str, Any] | None


def main() -> None:
    """Convert, draw, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("-o", "--output", type=Path, default=Path("gallery"), help="folder to write")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--offline", action="store_true")
    words = parser.parse_args()
    try:
        settings = Settings.load(words.preset, model=words.model, seed=words.seed, offline=words.offline)
        request = Request((words.photos,), settings, overwrite=True)
        run_batch(request, words.output, jobs=0, progress=ConsoleProgress())
        lines = sorted(read_lines(words.output / "report.jsonl"), key=lambda line: line["name"])
        outcomes = [_outcome(line, words.output) for line in lines]
        write_page(outcomes, words.output, settings)
    except Img2MeshError as error:
        raise SystemExit(f"error: {error}") from None


def _outcome(line: dict[str, Any], folder: Path) -> Outcome:
    error = line["error"]
    times = line["seconds"], line["cpu_seconds"]
    photo, mesh = Path(line["photos"][0]), folder / (line["mesh"] or "")
    return Outcome(photo, mesh, *times, error, None if error else line["report"])


def write_page(outcomes: list[Outcome], folder: Path, settings: Settings) -> None:
    """`folder/index.md`: the table, and for each photo its picture, the mesh's preview and its warnings."""
    lines = [
        f"# {len(outcomes)} photos, preset {settings.preset}, model {settings.model}, seed {settings.seed}",
        "",
        *table(outcomes, settings),
        "",
    ]
    for outcome in outcomes:
        name = outcome.mesh.stem
        lines += [f"## {outcome.photo.name}", ""]
        if outcome.error is not None:
            lines += [outcome.error, ""]
            continue
        save_png(_thumbnail(outcome.photo), folder / f"{name}-photo.png")
        write_preview(read_mesh(outcome.mesh), folder / f"{name}-mesh.png")
        lines += [_facts(outcome), "", f"![photo]({name}-photo.png) ![mesh]({name}-mesh.png)", ""]
    with atomic_file(folder / "index.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def table(outcomes: list[Outcome], settings: Settings) -> list[str]:
    """The lines of a Markdown table of what was measured."""
    lines = [
        "| photo | front, dB | seconds | CPU seconds | peak MB | closed | textures | cut out by |",
        "|---|---:|---:|---:|---:|---|---:|---|",
    ]
    longest, held, converted = 20 if settings.preset == "draft" else 60, 0, 0
    for outcome in outcomes:
        cpu = outcome.cpu_seconds
        if outcome.report is None:
            lines.append(
                f"| {outcome.photo.stem} | | {outcome.seconds:.0f} | {cpu:.0f} | | | | {outcome.error} |"
            )
            continue
        report, (closed, textures) = outcome.report, as_loaded(outcome.mesh)
        front, memory = report["front_psnr_db"], report["peak_memory_mb"]
        converted += 1
        held += front >= 27 and closed and textures == 1 and outcome.seconds <= longest and memory <= 4096
        lines.append(
            f"| {outcome.photo.stem} | {front:.1f} | {outcome.seconds:.0f} | {cpu:.0f} | {memory:.0f} | "
            f"{'yes' if closed else 'no'} | {textures} | {report['segmentation']} |"
        )
    return [*lines, "", f"{held} of {converted} meshes hold the bars."]


def as_loaded(mesh: Path) -> tuple[bool, int]:
    """Whether trimesh finds a GLB closed, vertices merged by position, and how many textures it finds."""
    import trimesh

    scene = trimesh.load(mesh, process=True, merge_tex=True)
    solids = list(scene.geometry.values()) if isinstance(scene, trimesh.Scene) else [scene]
    pictures = [getattr(solid.visual.material, "baseColorTexture", None) for solid in solids]
    return all(solid.is_watertight for solid in solids), sum(picture is not None for picture in pictures)


def _facts(outcome: Outcome) -> str:
    report = outcome.report or {}
    parts = [
        f"{report.get('mesh', {}).get('faces')} faces",
        f"elevation {report.get('elevation_deg'):.0f}° (confidence {report.get('elevation_confidence')})",
    ]
    return ", ".join(parts) + "".join(f"; {warning}" for warning in report.get("warnings", ()))


def _thumbnail(photo: Path, size: int = 256):
    import numpy as np
    from PIL import Image

    image = Image.fromarray(read_photo(photo).rgb)
    image.thumbnail((size, size))
    return contact_sheet([np.asarray(image)])


if __name__ == "__main__":
    main()
