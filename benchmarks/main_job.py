"""The main job as a person feels it: the command from the shell's prompt to its file, as whole processes.

    python benchmarks/main_job.py                                   # draft, three runs
    python benchmarks/main_job.py --presets draft standard --runs 5
    python benchmarks/main_job.py --against HEAD~3                  # in turn with another commit: medians and ratios
    python benchmarks/main_job.py --photos photos --runs 1          # the median over a folder's photos
    python benchmarks/main_job.py --runs 1 --check                  # fails at 1.5 times the history's last entry
    python benchmarks/main_job.py --runs 5 --write                  # appends to the history

Printed for each side: seconds by the clock and of the processors, of every stage, until the first line; the largest
resident memory; and how far the announced time was off. A run before the counted ones is left out: it reads files from
the disk and measures the machine's pace. On a shared machine processor time says more than the clock.

The history, benchmarks/main_job.json, holds with each entry the processor seconds of a yardstick, a fixed piece of work
of the same kind; `--check` compares with the yardstick's help, for machines differ.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HISTORY = ROOT / "benchmarks" / "main_job.json"
SLOWER = 1.5  # factor at which a check fails
COMPARED = ("cpu", "peak_mb")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
YARDSTICK = "import numpy as np, time\nt = time.process_time()\n" + (
    "r = np.random.default_rng(0)\n"
    "a = r.random((1200, 1200), dtype=np.float32)\n"
    "for _ in range(6): b = np.sort(a @ a, axis=1)\n"
    "c = sum(i * i for i in range(3_000_000))\n"
    "print(time.process_time() - t)\n"
)


def run_once(tree: Path, photo: Path, preset: str, cache: Path) -> dict[str, Any]:
    """One run of the command of a source tree: its figures, in seconds and MB (1e6 bytes).

    Raises:
        RuntimeError: the command failed; the message is what it printed.
    """
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.json"
        command = [sys.executable, "-m", "img2mesh", str(photo), "-o", f"{name}/mesh.glb", "--preset", preset]
        command += ["--offline", "--report", str(report)]
        environment = {**os.environ, "PYTHONPATH": str(tree), "IMG2MESH_CACHE": str(cache)}
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        lines, first = [], None
        for line in process.stdout:
            first = time.perf_counter() - start if first is None else first
            lines.append(line)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError("".join(lines))
        said = json.loads(report.read_text(encoding="utf-8"))
    predicted = said.get("predicted_seconds") or {}
    return {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "first_line": first,
        "peak_mb": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
        "off": sum(predicted.values()) / wall - 1 if predicted else None,
        "front_psnr_db": said["front_psnr_db"],
        "stages": {k: v for k, v in said["seconds"].items() if k != "total"},
    }


def medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of every figure, and of every stage."""
    found: dict[str, Any] = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        if name == "stages":
            every = dict.fromkeys(stage for stages in values for stage in stages)
            found[name] = {s: round(statistics.median(v.get(s, 0.0) for v in values), 2) for s in every}
        else:
            known = [value for value in values if value is not None]
            found[name] = round(statistics.median(known), 3) if known else None
    return found


def ratios(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Median over the pairs of ours by theirs: below 1 ours is the quicker."""
    return {
        name: round(statistics.median(a[name] / b[name] for a, b in zip(ours, theirs, strict=True)), 3)
        for name in ("wall", "cpu", "first_line", "peak_mb")
    }


def yardstick() -> float:
    """Processor seconds of a fixed piece of work on one core: the least of three."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", YARDSTICK]
    texts = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        for _ in range(3)
    ]
    return min(map(float, texts))


def too_slow(entry: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """A sentence for every figure that is `SLOWER` times an older entry's; processor time by the yardstick's."""
    machine = entry["yardstick"] / before["yardstick"]
    sentences = []
    for preset, figures in entry["presets"].items():
        old = before["presets"].get(preset)
        for name in COMPARED if old else ():
            allowed = SLOWER * old[name] * (machine if name == "cpu" else 1)
            if figures[name] > allowed:
                sentences.append(f"{preset}: {name} {figures[name]:.1f}, at most {allowed:.1f} is allowed")
    return sentences


@contextlib.contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """A work tree of another commit, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(path), commit], check=True, capture_output=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True, capture_output=True)


def measure(
    trees: Sequence[Path], photos: Sequence[Path], preset: str, runs: int, warm: bool
) -> list[list[dict[str, Any]]]:
    """`runs` of every photo for each tree, the trees in turn."""
    found: list[list[dict[str, Any]]] = [[] for _ in trees]
    with tempfile.TemporaryDirectory() as name:
        caches = [Path(name) / str(k) for k in range(len(trees))]
        for turn in range(-1 if warm else 0, runs):
            for photo in photos[:1] if turn < 0 else photos:
                for tree, cache, into in zip(trees, caches, found, strict=True):
                    one = run_once(tree, photo, preset, cache)
                    if turn >= 0:
                        into.append(one)
                        print(
                            f"  {photo.stem} {preset} {tree.name}: {one['wall']:.1f} s, {one['cpu']:.1f} s of CPU"
                        )
    return found


def show(preset: str, side: str, figures: dict[str, Any]) -> None:
    """The medians of a side."""
    stages = ", ".join(
        f"{name} {seconds:.1f}" for name, seconds in figures["stages"].items() if seconds >= 0.05
    )
    off = "" if figures["off"] is None else f", announced time off by {figures['off']:+.0%}"
    print(
        f"{preset:<9} {side}: {figures['wall']:.1f} s by the clock, {figures['cpu']:.1f} s of CPU, first line after "
        f"{figures['first_line']:.2f} s, {figures['peak_mb']:.0f} MB, {figures['front_psnr_db']:.1f} dB{off}\n"
        f"          {stages}"
    )


def main() -> None:
    """Measure, print, compare, keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", default=["draft"])
    parser.add_argument(
        "--photos", type=Path, default=ROOT / "examples" / "mug.jpg", help="a photo or a folder"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-warm-up", action="store_true", help="count the first run, too")
    parser.add_argument("--against", metavar="COMMIT", help="run in turn with this commit")
    parser.add_argument("--check", action="store_true", help="fail at 1.5 times the history's last entry")
    parser.add_argument("--write", action="store_true", help="append to the history")
    parser.add_argument("--json", type=Path, default=HISTORY, help="the history")
    args = parser.parse_args()
    photos = [args.photos.resolve()]
    if args.photos.is_dir():
        photos = sorted(p.resolve() for p in args.photos.iterdir() if p.suffix.lower() in SUFFIXES)
    entry: dict[str, Any] = {"yardstick": round(yardstick(), 3), "runs": args.runs, "presets": {}}
    with contextlib.ExitStack() as stack:
        trees = [ROOT] + ([stack.enter_context(tree_of(args.against))] if args.against else [])
        for preset in args.presets:
            sides = measure(trees, photos, preset, args.runs, not args.no_warm_up)
            entry["presets"][preset] = medians(sides[0])
            for side, runs in zip(("here", str(args.against)), sides, strict=False):
                show(preset, side, medians(runs))
            if args.against:
                print(f"          ratios to {args.against}: {ratios(*sides)}")
    history = json.loads(args.json.read_text(encoding="utf-8")) if args.json.exists() else []
    faults = too_slow(entry, history[-1]) if args.check and history else []
    if args.write:
        commit = ["git", "-C", str(ROOT), "log", "-1", "--format=%h %cs"]
        said = subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
        history.append({"commit": said, "cores": os.cpu_count(), **entry})
        args.json.write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
