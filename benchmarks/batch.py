"""Items an hour of a batch, how that grows with workers, and what memory does; then a million photos on paper.

    python benchmarks/batch.py [--items 6] [--preset draft] [--ways 1 2 ray] [--rounds N] [--small] [--photo FILE]

A way is a number of worker processes that share all cores (1: one process with all of them), or `ray` for as many
actors of a Ray on this machine as there are cores. All ways make the same items in one run; `--rounds` lets them take
turns, so that they meet the same neighbours on a busy machine. Printed for each: items an hour from the first item's
beginning, the same by processor time, the largest worker, its growth (the mean of its last quarter against the second),
and a digest of all bytes, which depend on the threads of a worker only. `--small` makes the items as small as they can
be, to see memory over hundreds of them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from img2mesh import Settings
from img2mesh.batch import Request, run_batch
from img2mesh.core.device import usable_cores
from img2mesh.core.progress import ConsoleProgress
from img2mesh.errors import Img2MeshError, run_script

SMALL = {
    "views": 4,
    "elevations": (0.0,),
    "steps": 1,
    "iterations": 10,
    "rays": 256,
    "hull_resolution": 32,
    "mesh_resolution": 32,
    "faces": 500,
    "texture_size": 128,
}
MILLION = 1_000_000


@dataclass(frozen=True)
class Measured:
    """One way's figures."""

    way: str
    threads: int
    items: int
    seconds: float
    cpu_seconds: float
    largest_mb: float
    growth: float | None
    bytes_of_one: float
    digest: str

    @property
    def per_hour(self) -> float:
        return 3600 * self.items / self.seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=6)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--ways", nargs="+", default=["1", str(usable_cores())])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--photo", type=Path, default=Path(__file__).parents[1] / "examples" / "mug.jpg")
    given = parser.parse_args()
    settings = Settings.load(given.preset, offline=True, **(SMALL if given.small else {}))
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        make_photos(given.photo, photos, given.items)
        rounds = [
            [measure(way, photos, Path(folder) / f"meshes-{way}-{turn}", settings) for way in given.ways]
            for turn in range(given.rounds)
        ]
    found = [together(parts) for parts in zip(*rounds, strict=True)]
    print(table(found))
    print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f} on {usable_cores()} cores")
    print("\n" + on_paper(max(found, key=lambda each: each.per_hour), settings))
    return 0


def together(parts: Sequence[Measured]) -> Measured:
    """All rounds of one way."""
    return replace(
        parts[-1],
        items=sum(part.items for part in parts),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        largest_mb=max(part.largest_mb for part in parts),
    )


def make_photos(source: Path, folder: Path, number: int) -> None:
    """So many photos that differ a little in brightness, 512 pixels wide."""
    from PIL import Image, ImageEnhance

    folder.mkdir()
    with Image.open(source) as image:
        small = image.convert("RGB")
        small.thumbnail((512, 512))
    for index in range(number):
        factor = 0.9 + 0.2 * index / max(number - 1, 1)
        ImageEnhance.Brightness(small).enhance(factor).save(folder / f"{index:04d}.png")


def measure(way: str, photos: Path, folder: Path, settings: Settings) -> Measured:
    """Run the batch one way.

    Raises:
        Img2MeshError: an item failed.
    """
    cores = usable_cores()
    jobs = cores if way == "ray" else int(way)
    rows: list[dict[str, Any]] = []
    ends: list[float] = []

    def on_done(record: dict[str, Any], report: dict[str, Any] | None) -> None:
        rows.append(record)
        ends.append(time.monotonic())

    os.environ["IMG2MESH_THREADS"] = str(max(1, cores // jobs))
    summary = run_batch(
        Request((photos,), settings),
        folder,
        jobs=jobs,
        ray="local" if way == "ray" else None,
        progress=ConsoleProgress(),
        on_done=on_done,
    )
    del os.environ["IMG2MESH_THREADS"]
    if not summary.complete:
        raise Img2MeshError("\n".join(summary.lines()))
    # from the first item's beginning: the start of processes and the loading of models are paid once
    begun = min(end - row["seconds"] for end, row in zip(ends, rows, strict=True))
    memory = [row["memory_mb"] or 0.0 for row in rows]
    quarter = len(memory) // 4
    growth = None
    if quarter >= 5:
        before = statistics.mean(memory[quarter : 2 * quarter])
        growth = statistics.mean(memory[-quarter:]) / before - 1
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.glb")):
        digest.update(path.read_bytes())
    return Measured(
        way,
        max(1, cores // jobs),
        len(rows),
        max(ends) - begun,
        sum(row["cpu_seconds"] for row in rows),
        max(memory),
        growth,
        sum(row["bytes"] for row in rows) / len(rows),
        digest.hexdigest()[:8],
    )


def table(found: Sequence[Measured]) -> str:
    """Markdown."""
    lines = [
        "| way | threads each | items/hour | against the first | items per core-hour | largest worker, MB | growth | "
        "bytes |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for each in found:
        growth = "" if each.growth is None else f"{100 * each.growth:+.1f} %"
        lines.append(
            f"| {each.way} | {each.threads} | {each.per_hour:.0f} | {each.per_hour / found[0].per_hour:.2f} | "
            f"{3600 * each.items / each.cpu_seconds:.0f} | {each.largest_mb:.0f} | {growth} | {each.digest} |"
        )
    return "\n".join(lines)


def on_paper(best: Measured, settings: Settings) -> str:
    """A million photos: core-hours, machines, bytes, and what gives way next."""
    core_hours = MILLION * best.cpu_seconds / best.items / 3600
    machine = 64
    memory = machine * best.largest_mb / 1000
    return "\n".join(
        [
            f"A million photos, preset {settings.preset}:",
            f"- {core_hours:,.0f} core-hours: {core_hours / machine / 24:.1f} days of one machine of {machine} cores, "
            f"{core_hours / machine / 24 / 10 * 24:.0f} hours of ten;",
            f"- {memory:.0f} GB of memory on each, one worker a core;",
            f"- {MILLION * best.bytes_of_one / 1e12:.2f} TB of meshes, about {MILLION * 3e6 / 1e12:.0f} TB of "
            f"photos to read at {10 * machine * best.items / best.cpu_seconds * 3:.0f} MB/s by ten machines;",
            f"- one folder and journal for 20,000 items each: {MILLION // 20_000} of them.",
        ]
    )


if __name__ == "__main__":
    run_script(main)
