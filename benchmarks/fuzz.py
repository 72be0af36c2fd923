"""Look for damaged files that end in anything but one sentence (`Img2MeshError`), guided by coverage (atheris).

    pip install atheris
    python benchmarks/fuzz.py --minutes 30 pictures scenes meshes checkpoints

Whatever raises another error, takes longer than 30 seconds or more than 4 GB, or ends the process, is written into the
folder of `-o`, one file and one traceback for each place it came from. The corpus is kept there as well, and the next
run goes on from it. What is found becomes a test (`tests/test_fuzz.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzz_files import checkpoints, meshes, mutate, pictures, scene, scenes

SECONDS, MEGABYTES = 30, 4000  # of one input


def read_picture(data: bytes, place: Path) -> None:
    from img2mesh.segment import read_photo

    photo = read_photo(data)
    assert photo.rgb.dtype == np.uint8 and photo.rgb.ndim == 3 and photo.rgb.shape[2] == 3
    assert photo.alpha is None or photo.alpha.shape == photo.rgb.shape[:2]


def read_scene(data: bytes, place: Path) -> None:
    """A transforms.json, or else one of the files that it names."""
    from img2mesh.views import load_views

    name = "transforms.json" if data[:1] == b"{" else "body.npz" if data[:2] == b"PK" else "a.png"
    for file, whole in SCENE.items():
        (place / file).write_bytes(data if file == name else whole)
    views = load_views(place)
    assert views.views and all(np.isfinite(view.camera.c2w).all() for view in views.views)


def read_any_mesh(data: bytes, place: Path) -> None:
    from img2mesh.mesh import read_mesh

    starts = {b"glTF": ".glb", b"ply": ".ply", b"PK": ".3mf", b"{": ".gltf", b"#": ".obj"}
    suffix = next((suffix for start, suffix in starts.items() if data.startswith(start)), ".stl")
    (place / f"a{suffix}").write_bytes(data)
    mesh = read_mesh(place / f"a{suffix}")
    assert np.isfinite(mesh.vertices).all() and 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)
    assert np.isfinite(mesh.uv).all() and len(mesh.uv) == len(mesh.vertices)


def read_checkpoint(data: bytes, place: Path) -> None:
    from img2mesh.models.checkpoint import Checkpoint

    (place / "a.ckpt").write_bytes(data)
    with Checkpoint(place / "a.ckpt") as found:
        found.shapes()
        list(found.items())
        found.check()


SCENE: dict[str, bytes] = {}
INSTRUMENTED = [
    *(f"img2mesh.segment.{name}" for name in ("read", "tiff", "photo", "colour", "alpha")),
    *(
        f"img2mesh.views.{name}"
        for name in ("transforms", "undistort", "chroma_key", "camera_check", "scene_normalization")
    ),
    *(f"img2mesh.mesh.{name}" for name in ("read", "read_threemf", "corner_colours")),
    *("img2mesh.models.checkpoint", "img2mesh.models.safetensors_file", "tifffile.tifffile"),
    *(f"trimesh.exchange.{name}" for name in ("load", "gltf", "obj", "ply", "stl")),
]
KINDS: dict[str, tuple[Callable[[bytes, Path], None], Callable[[], list[bytes]]]] = {
    "pictures": (read_picture, pictures),
    "scenes": (read_scene, scenes),
    "meshes": (read_any_mesh, meshes),
    "checkpoints": (read_checkpoint, checkpoints),
}


def fuzz(kind: str, folder: Path, seconds: int) -> None:
    """One process of one kind; does not return."""
    import atheris

    with atheris.instrument_imports(include=["img2mesh", "PIL", "tifffile", "trimesh"]):
        for name in INSTRUMENTED:
            importlib.import_module(name)
        from PIL import Image

        Image.init()  # the readers of all formats
        from img2mesh.errors import Img2MeshError
    SCENE.update(scene())
    read, whole = KINDS[kind]
    corpus, crashes = folder / "corpus" / kind, folder / "crashes"
    for path in (corpus, crashes):
        path.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(whole()):
        (corpus / f"whole-{index}").write_bytes(data)

    def one(data: bytes) -> None:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
            try:
                read(data, Path(place))
            except Img2MeshError as error:
                text = str(error).replace(place, "")
                if "\n" not in text and text.endswith(".") and len(text) < 500:
                    return
                _keep(crashes, kind, data, f"not a sentence: {text!r}", text[:20])
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                ours = [f for f in traceback.extract_tb(error.__traceback__) if "/img2mesh/" in f.filename][
                    -1:
                ]
                where = f"{type(error).__name__}{last.filename}{last.lineno}{[f.lineno for f in ours]}"
                _keep(crashes, kind, data, traceback.format_exc(), where)

    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        "-max_len=20000",
    ]
    options += [f"-artifact_prefix={crashes}/{kind}-", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options], one, custom_mutator=mutate)
    atheris.Fuzz()


def _keep(crashes: Path, kind: str, data: bytes, text: str, where: str) -> None:
    path = crashes / f"{kind}-{hashlib.sha1(where.encode()).hexdigest()[:10]}"
    if not path.exists():
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(text, errors="replace")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", default=list(KINDS), choices=[*KINDS, []])
    parser.add_argument("--minutes", type=float, default=30, help="for each kind")
    parser.add_argument("-o", "--output", type=Path, default=Path("fuzz"))
    parser.add_argument("--process", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.process:
        fuzz(given.kinds[0], given.output.resolve(), round(60 * given.minutes))
    for kind in given.kinds:
        end = time.monotonic() + 60 * given.minutes
        while (
            left := end - time.monotonic()
        ) > 5:  # a crash of native code ends the process: on with a new one
            command = [
                sys.executable,
                __file__,
                kind,
                "--process",
                "-o",
                str(given.output),
                "--minutes",
                str(left / 60),
            ]
            subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
        found = sorted((given.output / "crashes").glob(f"{kind}-*"))
        print(f"{kind}: {len([path for path in found if path.suffix != '.txt'])} places", flush=True)


if __name__ == "__main__":
    main()
