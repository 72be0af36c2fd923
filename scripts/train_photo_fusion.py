"""Train the fusion network: `python scripts/train_photo_fusion.py DATA RUN weights/photo_fusion --known KNOWN`.

DATA holds `renders-*.tar` and `solids.tar` (docs/training.md), KNOWN objects of procedural models. RUN keeps what the
occupancy network says of the renders; it can be interrupted and started again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from img2mesh.core.progress import ConsoleProgress
from img2mesh.models import load_model
from img2mesh.train.dataset import load_renders
from img2mesh.train.photo_fusion import collect, drawn_cells, fit, held_out, scores


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--known", type=Path)
    parser.add_argument("--objects", type=int, default=1100, help="of DATA")
    parser.add_argument("--known-objects", type=int, default=450, help="of KNOWN")
    parser.add_argument("--rounds", type=int, default=2, help="samples of each object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    progress = ConsoleProgress(False)
    options.run.mkdir(parents=True, exist_ok=True)
    sets = [("real", options.data, options.objects), ("known", options.known, options.known_objects)]
    for prefix, folder, count in sets:
        if folder is not None and count:
            with progress.stage(f"guesses of {prefix} objects", count) as step:
                collect(
                    load_renders(folder), load_model("mini", offline=True), options.run, prefix, count, step
                )
    files = sorted(options.run.glob("*.npz"))
    parts = [[f for f in files if held_out(f) is held] for held in (False, True)]
    with progress.stage("cells", len(files)) as step:
        learned, checked = (drawn_cells(part, options.rounds, step) for part in parts)
    net = fit(*learned)
    print(
        f"{len(parts[0])} objects learned from, {len(parts[1])} held out; IoU of cells {scores(net, *checked[:2])}"
    )
    net.save_pretrained(options.output)


if __name__ == "__main__":
    main()
