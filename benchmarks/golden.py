"""Golden runs: what the program makes of a few fixed inputs, written down, and a new run held against it.

    python benchmarks/golden.py --write               # benchmarks/golden.json, from the program as it is
    python benchmarks/golden.py                       # fails when something got worse than what is written there

Three presets on three photos (front PSNR in dB, seconds, peak MB, faces), and six held-out objects as meshes from
one image (SyncDreamer's protocol, draft: IoU, Chamfer). Seconds are compared loosely: machines differ and are shared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ("examples/mug.jpg", "horse.png", "chair_comfort.jpg")
PRESETS = ("draft", "standard", "high")
OBJECTS = 6
# name of a figure -> (how much it may get worse, which direction is better)
ALLOWED = {
    "front_psnr_db": (0.3, +1),
    "iou": (0.005, +1),
    "chamfer": (0.001, -1),
    "peak_memory_mb": (150, -1),
}
SLOWER = 1.5  # factor of seconds


def one_photo(python: str, photo: Path, preset: str, folder: Path) -> dict[str, float]:
    """Run the command on a photo; what its report says."""
    report = folder / f"{photo.stem}-{preset}.json"
    command = [python, "-m", "img2mesh", str(photo), "-o", str(folder / f"{photo.stem}-{preset}.glb")]
    command += ["--preset", preset, "--offline", "--report", str(report)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    said = json.loads(report.read_text(encoding="utf-8"))
    return {
        "front_psnr_db": said["front_psnr_db"],
        "seconds": said["seconds"]["total"],
        "peak_memory_mb": said["peak_memory_mb"],
        "faces": said["mesh"]["faces"],
        "watertight": said["mesh"]["watertight"],
    }


def held_out(python: str, heldout: Path, folder: Path) -> dict[str, dict[str, float]]:
    """IoU and Chamfer of six held-out objects, as they lie, by name."""
    command = [python, "-m", "img2mesh", "evaluate", str(heldout), "--mesh", "--preset", "draft"]
    command += ["--metrics", "none", "--objects", str(OBJECTS), "-o", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    rows = json.loads((folder / "mesh.json").read_text(encoding="utf-8"))["rows"]
    return {
        row["object"]: {"iou": row["IoU"], "chamfer": row["Chamfer"]}
        for row in rows
        if row["method"] == "mini"
    }


def measure(python: str, photos: Path, heldout: Path, presets: list[str]) -> dict[str, dict[str, float]]:
    """All figures, by the name of the run."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for preset in presets:
            for photo in PHOTOS:
                path = ROOT / photo if photo.startswith("examples/") else photos / photo
                found[f"{path.stem} {preset}"] = one_photo(python, path, preset, folder)
                print(path.stem, preset, found[f"{path.stem} {preset}"], flush=True)
        for name_, scores in held_out(python, heldout, folder).items():
            found[f"{name_} evaluate"] = scores
            print(name_, scores, flush=True)
    return found


def worse(before: dict[str, dict[str, float]], now: dict[str, dict[str, float]]) -> list[str]:
    """A sentence for every figure that got worse by more than is allowed."""
    sentences = []
    for run, figures in now.items():
        for name, value in figures.items():
            old = before.get(run, {}).get(name)
            if old is None:
                continue
            if name in ALLOWED:
                slack, sign = ALLOWED[name]
                bad = sign * (value - old) < -slack
            else:
                bad = (
                    value > SLOWER * old if name == "seconds" else name == "watertight" and old and not value
                )
            if bad:
                sentences.append(f"{run}: {name} {old} -> {value}")
    return sentences


def main() -> None:
    """Measure; write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="keep the figures instead of comparing; those of other presets stay",
    )
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "golden.json")
    parser.add_argument("--photos", type=Path, default=ROOT.parent / "shared" / "photos")
    parser.add_argument("--heldout", type=Path, default=ROOT.parent / "shared" / "data" / "heldout")
    parser.add_argument("--presets", default=",".join(PRESETS))
    args = parser.parse_args()
    found = measure(sys.executable, args.photos, args.heldout, args.presets.split(","))
    kept = json.loads(args.json.read_text(encoding="utf-8")) if args.json.is_file() else {}
    if args.write:
        args.json.write_text(json.dumps({**kept, **found}, indent=1) + "\n", encoding="utf-8")
        return
    sentences = worse(kept, found)
    print("\n".join(sentences) or "Nothing got worse.")
    sys.exit(1 if sentences else 0)


if __name__ == "__main__":
    main()
