import runpy
import subprocess
from pathlib import Path

import pytest

JOB = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "main_job.py"))
RUN = {"wall": 10.0, "cpu": 12.0, "first_line": 0.4, "peak_mb": 700.0, "off": 0.1, "front_psnr_db": 36.0}


def runs(*factors):
    return [
        {k: v * f if k != "off" else v for k, v in RUN.items()} | {"stages": {"views": 3.0 * f}}
        for f in factors
    ]


def test_medians_and_ratios_are_of_pairs():
    found = JOB["medians"](runs(1, 5, 2))
    assert found["wall"] == 20.0 and found["stages"] == {"views": 6.0}
    assert JOB["ratios"](runs(1, 4), runs(2, 8)) == dict.fromkeys(
        ("wall", "cpu", "first_line", "peak_mb"), 0.5
    )


def test_a_check_fails_at_one_and_a_half_times_and_knows_slower_machines():
    def entry(factor, yardstick=1.0):
        return {"yardstick": yardstick, "presets": {"draft": JOB["medians"](runs(factor))}}

    assert JOB["too_slow"](entry(1.4), entry(1)) == []
    assert len(JOB["too_slow"](entry(1.6), entry(1))) == 2, "time and memory"
    (memory,) = JOB["too_slow"](entry(1.6, yardstick=1.2), entry(1))
    assert "peak_mb" in memory
    assert JOB["too_slow"](entry(9), {"yardstick": 1.0, "presets": {}}) == [], "nothing to compare with"


def test_a_run_tells_what_it_took_and_a_failed_one_why(tmp_path):
    package = tmp_path / "img2mesh"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import json, sys, time\n"
        "print('first', flush=True); time.sleep(0.3)\n"
        "if 'photo' not in sys.argv[1]: sys.exit('no such photo')\n"
        "said = {'front_psnr_db': 30, 'seconds': {'views': 0.2, 'total': 0.3}, 'predicted_seconds': {'a': 0.1}}\n"
        "open(sys.argv[sys.argv.index('--report') + 1], 'w').write(json.dumps(said))\n"
    )
    found = JOB["run_once"](tmp_path, Path("photo.jpg"), "draft", tmp_path / "cache")
    assert 0 < found["first_line"] < found["wall"] - 0.25 and 0 < found["cpu"] and found["peak_mb"] > 5
    assert found["stages"] == {"views": 0.2} and found["off"] == pytest.approx(0.1 / found["wall"] - 1)
    with pytest.raises(RuntimeError, match="no such photo"):
        JOB["run_once"](tmp_path, Path("other.jpg"), "draft", tmp_path / "cache")


def test_another_commit_has_a_tree_of_its_own():
    with JOB["tree_of"]("HEAD") as tree:
        assert (tree / "img2mesh" / "pipeline.py").is_file()
    assert not tree.exists()
    listed = subprocess.run(
        ["git", "worktree", "list"], capture_output=True, text=True, cwd=JOB["ROOT"], check=True
    )
    assert str(tree) not in listed.stdout
