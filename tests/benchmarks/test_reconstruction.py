"""Which objects the reconstruction's benchmark takes."""

import importlib.util
from argparse import Namespace
from pathlib import Path

import pytest

from img2mesh.errors import Img2MeshError

ROOT = Path(__file__).resolve().parents[2]


def test_the_others_are_those_left_out(tmp_path):
    spec = importlib.util.spec_from_file_location("reconstruction", ROOT / "benchmarks" / "reconstruction.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    for name in "abcdef":
        (tmp_path / f"{name}.glb").write_bytes(b"never read")

    def chosen(**options):
        given = Namespace(data=tmp_path, **{"objects": None, "names": None, "others": False, **options})
        return [path.stem for path in benchmark.chosen_files(given)]

    assert sorted(chosen(objects=3) + chosen(objects=3, others=True)) == list("abcdef")
    assert chosen(names="b,d", others=True) == list("acef")
    with pytest.raises(Img2MeshError, match="leave something out"):
        chosen(others=True)
