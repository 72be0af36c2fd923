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


def test_where_colours_agree():
    one, other = np.eye(4, dtype=bool), ~np.eye(4, dtype=bool)
    rows = [{"half": "dev", "iou": 0.9, "doubtful": False}, {"half": "dev", "iou": 0.5, "doubtful": True}] * 2
    rows[2] = {"half": "dev", "iou": 0.3, "doubtful": False}  # its masks differ
    auto = [{**row, "iou": 0.95} for row in rows]
    masks = {"plain": [one, one, one, one], "auto": [one, one, other, one]}
    text = _BENCHMARK.where_colours_agree({"plain": rows, "auto": auto}, masks)
    assert "(1 dev pictures): plain 0.900, auto 0.950; plain is the better one on 0" in text


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


def test_the_fit_finds_what_made_the_answers(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("cutout_trust", ROOT / "benchmarks" / "cutout_trust.py")
    trust = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(trust)
    random = np.random.default_rng(0)
    rows = [
        {"undecided": u, "faint": f, "nearer": 1.0}
        for u, f in zip(np.exp(random.uniform(-4, 1, 4000)), random.uniform(0, 0.5, 4000), strict=True)
    ]
    x = trust.inputs(rows)
    chance = trust.confidence(np.array([-3.0, -2.5, -4.0]), x, np.ones(len(x)))
    b = trust.fit(x, random.random(len(x)) < chance)
    assert np.allclose(b, [-3.0, -2.5, -4.0], atol=0.8)
    assert np.allclose(
        trust.confidence(b, x, np.full(len(x), 0.5)), trust.confidence(b, x, np.ones(len(x))) / 2
    )
