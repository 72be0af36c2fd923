"""Ended by kill -9 at random moments, a batch has the bytes of an undisturbed one: with the real program.

    python benchmarks/kills.py [--items 10] [--moments 10] [--victims worker parent group] [--seed 0] [--photo FILE]

Small items are made by two workers, first undisturbed. Then, for each kind of victim, the same command is started again
and again, and at a random moment between its start and the undisturbed run's end a worker, the command's own process or
its whole process group is killed, until so many have been. A folder that is complete before that is compared and begun
anew. Afterwards the command runs to its end once more. Counted for each victim: kills, folders, items that were on the
disk at a kill but are made again since the journal did not know them yet, items that the journal has twice, files that
are not whole, and files that differ from the undisturbed run's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from batch import SMALL, make_photos

from img2mesh.errors import Img2MeshError, run_script

VICTIMS = ("worker", "parent", "group")
MOST = 20  # starts for each kill, at most


@dataclass
class Found:
    """What came of one kind of victim."""

    victim: str
    kills: int = 0
    folders: int = 0
    again: int = 0
    twice: int = 0
    torn: int = 0
    different: int = 0

    @property
    def good(self) -> bool:
        """Nothing lost, nothing made twice."""
        return not (self.twice or self.torn or self.different)


class Shop:
    """Photos, the command that converts them, and what it left."""

    def __init__(self, root: Path, photo: Path, items: int, command: list[str] | None = None) -> None:
        self.root, self.photos, self.meshes = root, root / "photos", root / "meshes"
        make_photos(photo, self.photos, items)
        config = root / "small.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in SMALL.items()]
        config.write_text("\n".join(lines) + "\n")
        own = ["--preset", "draft", "--config", str(config), "--offline", "--jobs", "2"]
        self.command = command or [sys.executable, "-m", "img2mesh", *own]

    def start(self) -> subprocess.Popen[bytes]:
        """The command, in a process group of its own."""
        return subprocess.Popen(
            [*self.command, str(self.photos), "-o", str(self.meshes)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self) -> float:
        """Run the command to its end; seconds.

        Raises:
            Img2MeshError: it failed.
        """
        begun = time.monotonic()
        if code := self.start().wait():
            raise Img2MeshError(f"The batch ended with exit code {code}.")
        return time.monotonic() - begun

    def files(self) -> dict[str, bytes]:
        """The meshes."""
        return {path.name: path.read_bytes() for path in self.meshes.glob("*.glb")}

    def known(self) -> Counter[str]:
        """How often the journal says of each item that it is done."""
        try:
            lines = (self.meshes / ".img2mesh" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            return Counter()
        records = [json.loads(line) for line in lines if line.endswith("}")]
        return Counter(record["name"] for record in records if record.get("status") == "done")


def children(pid: int) -> list[int]:
    """Worker processes of a batch, the oldest first (the resource tracker is none)."""
    found = []
    for each in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            parent = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "spawn_main" in Path(f"/proc/{each}/cmdline").read_text():
                found.append(each)
        except OSError:
            continue
    return found


def strike(running: subprocess.Popen[bytes], victim: str, dice: random.Random) -> bool:
    """Kill it; False where there is nothing to kill any more, or not yet."""
    if running.poll() is not None:
        return False
    if victim == "worker":
        workers = children(running.pid)
        if workers:
            os.kill(dice.choice(workers), signal.SIGKILL)
        return bool(workers)
    if victim == "parent":
        running.kill()
    else:
        os.killpg(running.pid, signal.SIGKILL)
    return True


def trial(
    shop: Shop, victim: str, moments: int, seconds: float, wanted: dict[str, bytes], seed: int
) -> Found:
    """All kills of one kind.

    Args:
        seconds: that an undisturbed run takes. wanted: its meshes.

    Raises:
        Img2MeshError: the command failed where nobody killed it, or no moment was met.
    """
    found, dice = Found(victim), random.Random(f"{victim} {seed}")
    shutil.rmtree(shop.meshes, ignore_errors=True)
    for _ in range(MOST * moments):
        if found.kills == moments:
            break
        running = shop.start()
        end = time.monotonic() + dice.uniform(0, seconds)
        while running.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        struck = strike(running, victim, dice)
        found.kills += struck
        code = running.wait()
        if struck and victim != "worker":
            _settle(shop)
            there = shop.files()
            found.torn += sum(there[name] != wanted.get(name) for name in there)
            found.again += len({name.removesuffix(".glb") for name in there} - set(shop.known()))
        elif code:
            raise Img2MeshError(f"The batch ended with exit code {code} though nobody killed it.")
        else:
            _compare(shop, wanted, found)
    if found.kills < moments:
        raise Img2MeshError(f"Only {found.kills} of {moments} moments were met.")
    shop.finish()
    _compare(shop, wanted, found)
    return found


def _settle(shop: Shop) -> None:
    """Workers whose parent is gone end by themselves."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        before = shop.files().keys(), shop.known()
        time.sleep(0.5)
        if before == (shop.files().keys(), shop.known()):
            return


def _compare(shop: Shop, wanted: dict[str, bytes], found: Found) -> None:
    """A complete folder against the undisturbed one; then it goes."""
    there = shop.files()
    found.folders += 1
    found.different += sum(there.get(name) != data for name, data in wanted.items()) + len(
        there.keys() - wanted
    )
    found.twice += sum(count > 1 for count in shop.known().values())
    shutil.rmtree(shop.meshes)


def table(rows: list[Found]) -> str:
    """Markdown."""
    lines = [
        "| killed | kills | folders | made again | journal twice | torn | different |",
        "|---" + "|---:" * 6 + "|",
    ]
    for row in rows:
        cells = (row.kills, row.folders, row.again, row.twice, row.torn, row.different)
        lines.append(f"| {row.victim} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> int:
    """Exit code 1 where anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=list(VICTIMS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photo", type=Path, default=Path(__file__).parents[1] / "examples" / "mug.jpg")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), given.photo, given.items)
        seconds = shop.finish()
        wanted = shop.files()
        print(f"undisturbed: {len(wanted)} meshes in {seconds:.0f} s", flush=True)
        rows = [trial(shop, victim, given.moments, seconds, wanted, given.seed) for victim in given.victims]
    print(table(rows))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    run_script(main)
