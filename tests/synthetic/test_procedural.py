"""Random goods and toys: closed, painted, the same for the same numbers, standing or lying as such things do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from img2mesh.synthetic import implicit_surfaces, procedural_textures
from img2mesh.synthetic.procedural import KINDS, random_thing

MANY = 45


@pytest.fixture(scope="module")
def quick():
    """A coarser lattice and fewer rays for soft shadows: a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(implicit_surfaces, "CELLS", 60)
        patch.setattr(procedural_textures, "RAYS", 6)
        yield


@pytest.fixture(scope="module")
def things(quick):
    return [random_thing(np.random.default_rng([2, index])) for index in range(MANY)]


def test_every_thing_is_closed_and_turned_outwards(things):
    for index, (kind, (part,)) in enumerate(things):
        mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
        assert mesh.is_watertight and mesh.volume > 0, (index, kind)
        assert part.colour.shape == part.vertices.shape
        assert part.colour.min() >= 0 and part.colour.max() <= 1


def test_all_kinds_come_and_look_different(things):
    assert {kind for kind, _ in things} == set(KINDS)
    spread = [np.ptp(part.colour, axis=0).max() for _, (part,) in things]
    assert np.mean(np.array(spread) > 0.1) > 0.8, "hardly any has a single colour"


def test_tools_lie_flat_and_figures_stand(things):
    def tall(wanted: str) -> list[bool]:
        sides = [np.ptp(part.vertices, axis=0) for kind, (part,) in things if kind == wanted]
        return [bool(side[2] > side[:2].max()) for side in sides]

    assert np.mean(tall("tool")) < 0.5 < np.mean(tall("figure"))


def test_equal_numbers_make_equal_things():
    (one, (a,)), (two, (b,)) = (random_thing(np.random.default_rng(5)) for _ in range(2))
    assert one == two and np.array_equal(a.vertices, b.vertices) and np.array_equal(a.colour, b.colour)


@pytest.mark.parametrize("kind", ["vessels", "things"])
def test_the_script_writes_models_of_either_sort(tmp_path, kind):
    script = Path(__file__).parents[2] / "scripts" / "make_models.py"
    call = [sys.executable, str(script), "models", "--of", kind, "--count", "2", "--seed", "4"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and f"2 {kind} in models" in done.stdout, done.stderr
    for path in (tmp_path / "models").glob("*.glb"):
        assert trimesh.load(path, force="mesh").volume > 0
    assert len(list((tmp_path / "models").glob("*_4_000?.glb"))) == 2
    call[call.index("2")] = "0"
    bad = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert bad.returncode == 2 and "--count" in bad.stderr and "Traceback" not in bad.stderr
