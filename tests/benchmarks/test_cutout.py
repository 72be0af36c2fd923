import importlib.util
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("cutout_benchmark", ROOT / "benchmarks" / "cutout.py")
_BENCHMARK = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_BENCHMARK)
line, ways = _BENCHMARK.line, _BENCHMARK.ways


def test_a_line_counts_what_is_wrong_and_what_is_said():
    rows = [
        {"half": "dev", "iou": iou, "doubtful": said, "s": 0.2}
        for iou, said in ((0.95, False), (0.97, True), (0.5, True), (0.6, False), (0.85, False))
    ]
    cells = [cell.strip() for cell in line("auto", "dev", rows).split("|")[1:-1]]
    assert cells[:2] == ["auto", "dev"]
    assert cells[2] == "0.774" and cells[4] == "40.0 %" and cells[5] == "20.0 %" and cells[6] == "50 %"


def test_ways_find_the_object(monkeypatch, tmp_path):
    for name in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    rgb = np.full((120, 160, 3), 230, np.uint8)
    rgb[30:90, 50:110] = (180, 40, 30)
    found = ways(["plain", "cutout"])
    assert list(found) == ["plain", "cutout"]
    alpha, doubtful = found["plain"](rgb)
    assert alpha.shape == (120, 160) and (alpha >= 128).sum() == 3600 and not doubtful
    blank, said = found["plain"](np.full((60, 60, 3), 90, np.uint8))
    assert said and not blank.any()
