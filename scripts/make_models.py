"""Make models to train on: `python scripts/make_models.py models --of vessels --count 600 --seed 0`.

One .glb each of hollow things (`synthetic.procedural_vessels`), or of goods and toys (`--of things`);
`img2mesh render models -o DATASET` renders them and notes what is inside. Equal seeds make equal models.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from img2mesh.core.files import atomic_file
from img2mesh.core.srgb import to_linear
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.synthetic.procedural import random_thing
from img2mesh.synthetic.procedural_vessels import random_vessel

MAKERS = {"vessels": random_vessel, "things": random_thing}


def main() -> int:
    import trimesh

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of", choices=MAKERS, default="vessels")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.count < 1 or given.seed < 0:
        raise Img2MeshError("--count must be at least 1, --seed at least 0.")
    given.folder.mkdir(parents=True, exist_ok=True)
    for index in range(given.count):
        kind, parts = MAKERS[given.of](np.random.default_rng([given.seed, index]))
        scene = trimesh.Scene()
        for part in parts:
            rgb = np.round(to_linear(part.colour) * 255).astype(np.uint8)  # glTF's vertex colours are linear
            colour = np.column_stack([rgb, np.full(len(rgb), 255, np.uint8)])
            vertices = part.vertices[:, [1, 2, 0]]  # world z up to glTF's y up (docs/conventions.md)
            scene.add_geometry(trimesh.Trimesh(vertices, part.faces, vertex_colors=colour, process=False))
        with atomic_file(given.folder / f"{kind}_{given.seed}_{index:04d}.glb") as temporary:
            temporary.write_bytes(scene.export(file_type="glb"))
    print(f"{given.count} {given.of} in {given.folder}")
    return 0


if __name__ == "__main__":
    run_script(main)
