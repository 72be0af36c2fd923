"""A batch of pretended photos as a program of its own: `python -m tests.batch.driver ROOT [SECONDS] [JOBS]`."""

from __future__ import annotations

import sys
from pathlib import Path

from img2mesh.batch import Request, run_batch
from img2mesh.core.progress import ConsoleProgress
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from tests.jobs.fake_work import FakeWork


def main() -> int:
    """Exit codes as the command line has them."""
    root, seconds, jobs = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    work = FakeWork(root / "diary", seconds=seconds, bytes=5000)
    try:
        summary = run_batch(
            Request((root / "photos",), Settings()),
            root / "meshes",
            jobs=jobs,
            work=work,
            progress=ConsoleProgress(),
        )
    except Img2MeshError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print("\n".join(summary.lines()))
    return 130 if summary.interrupted else 0 if summary.complete else 1


if __name__ == "__main__":
    sys.exit(main())
