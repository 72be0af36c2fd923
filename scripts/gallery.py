"""A Markdown page with a photo and its mesh from all sides, for every photo of a folder.

    python scripts/gallery.py photos -o gallery [--preset draft]

writes gallery/index.md with its pictures and meshes. Bad photos are listed with their sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from img2mesh import Settings
from img2mesh.batch import Outcome, convert_photos, output_names, photos_in
from img2mesh.errors import Img2MeshError
from img2mesh.files import atomic_file
from img2mesh.images import contact_sheet, save_png
from img2mesh.mesh import read_mesh
from img2mesh.preview import write_preview
from img2mesh.progress import ConsoleProgress
from img2mesh.segment import read_photo


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
        photos = photos_in(words.photos)
        outcomes = convert_photos(photos, words.output, settings, progress=ConsoleProgress())
        write_page(outcomes, output_names(photos), words.output, settings)
    except Img2MeshError as error:
        raise SystemExit(f"error: {error}") from None


def write_page(outcomes: list[Outcome], names: list[str], folder: Path, settings: Settings) -> None:
    """`folder/index.md`: for each photo its picture, the mesh's preview, time, memory and the front's PSNR."""
    lines = [
        f"# {len(outcomes)} photos, preset {settings.preset}, model {settings.model}, seed {settings.seed}",
        "",
    ]
    for outcome, name in zip(outcomes, names, strict=True):
        lines += [f"## {outcome.photo.name}", ""]
        if outcome.error is not None:
            lines += [outcome.error, ""]
            continue
        save_png(_thumbnail(outcome.photo), folder / f"{name}-photo.png")
        write_preview(read_mesh(outcome.mesh), folder / f"{name}-mesh.png")
        lines += [_facts(outcome), "", f"![photo]({name}-photo.png) ![mesh]({name}-mesh.png)", ""]
    with atomic_file(folder / "index.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def _facts(outcome: Outcome) -> str:
    report = outcome.report or {}
    mesh = report.get("mesh", {})
    parts = [
        f"{outcome.seconds:.0f} s",
        f"front {report.get('front_psnr_db')} dB",
        "watertight" if mesh.get("watertight") else "not watertight",
        f"{mesh.get('faces')} faces",
        f"elevation {report.get('elevation_deg'):.0f}° (confidence {report.get('elevation_confidence')})",
        f"cut out by {report.get('segmentation')}",
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
