"""Scores of methods on objects and seeds, their means, and the files they end up in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img2mesh.core.files import atomic_file

HIGHER, LOWER = "higher", "lower"


@dataclass
class Table:
    """Scores, one row per object, seed and method.

    Attributes:
        title, notes: sentences for the head of the Markdown file.
        metrics: name -> `higher` or `lower`, which is better; the order of the columns.
        facts: plain values for the JSON file (settings, protocol).
        halves: object -> `dev` (to choose on) or `test` (to report on); see `objects.halves`.
    """

    title: str
    metrics: dict[str, str]
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    halves: dict[str, str] = field(default_factory=dict)

    def add(self, method: str, name: str, seed: int | None, scores: dict[str, float]) -> None:
        """A row; `seed` None for methods that use no chance."""
        self.rows.append({"method": method, "object": name, "seed": seed, **scores})

    @property
    def methods(self) -> list[str]:
        """In the order of their first row."""
        return list(dict.fromkeys(row["method"] for row in self.rows))

    def mean(self, method: str, metric: str, half: str | None = None) -> tuple[float, float | None]:
        """Mean over objects, then over seeds, and the standard deviation of the seeds' means (None for one seed).

        Args:
            half: `dev` or `test`, where only those objects count.
        """
        rows = [row for row in self.rows if row["method"] == method and metric in row]
        rows = [row for row in rows if half is None or self.halves.get(row["object"]) == half]
        seeds = dict.fromkeys(row["seed"] for row in rows)
        means = [float(np.mean([row[metric] for row in rows if row["seed"] == seed])) for seed in seeds]
        if not means:
            return float("nan"), None
        return float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else None

    def markdown(self) -> str:
        """Title, notes, and a table with the best of each column in bold."""
        lines = [f"# {self.title}", "", *[f"- {note}" for note in self.notes], ""]
        present = {self.halves.get(row["object"]) for row in self.rows}
        for half, title in (("dev", "Objects to choose on"), ("test", "Objects to report on")):
            if {"dev", "test"} <= present:
                lines += [f"## {title} ({half})", "", *self._lines(half), ""]
        if {"dev", "test"} <= present:
            lines += ["## All objects", ""]
        return "\n".join([*lines, *self._lines()]) + "\n"

    def _lines(self, half: str | None = None) -> list[str]:
        arrows = {HIGHER: "↑", LOWER: "↓"}
        lines = ["| method | " + " | ".join(f"{m} {arrows[d]}" for m, d in self.metrics.items()) + " |"]
        lines.append("|---" + "|---:" * len(self.metrics) + "|")
        cells = {(k, m): self.mean(k, m, half) for k in self.methods for m in self.metrics}
        for method in self.methods:
            shown = []
            for metric, direction in self.metrics.items():
                value, spread = cells[method, metric]
                others = [cells[k, metric][0] for k in self.methods if np.isfinite(cells[k, metric][0])]
                text = _number(value) + (f" ± {_number(spread)}" if spread is not None else "")
                best = others and value == (max if direction == HIGHER else min)(others)
                shown.append(f"**{text}**" if best else text)
            lines.append(f"| {method} | " + " | ".join(shown) + " |")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file: means, spread over seeds, and all rows."""
        means = {
            method: {
                metric: {"mean": self.mean(method, metric)[0], "seeds_std": self.mean(method, metric)[1]}
                for metric in self.metrics
            }
            for method in self.methods
        }
        return {
            "title": self.title,
            "notes": self.notes,
            "facts": self.facts,
            "halves": self.halves,
            "means_of_halves": {
                half: {m: {k: self.mean(m, k, half)[0] for k in self.metrics} for m in self.methods}
                for half in sorted(
                    {self.halves[row["object"]] for row in self.rows if row["object"] in self.halves}
                )
            },
            "means": means,
            "rows": self.rows,
        }

    def write(self, folder: Path, name: str) -> None:
        """`name`.md and `name`.json; not-a-number and infinite values become null."""
        with atomic_file(folder / f"{name}.md") as temporary:
            temporary.write_text(self.markdown(), encoding="utf-8")
        with atomic_file(folder / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(_finite(self.as_dict()), indent=1) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.2f}" if abs(value) >= 5 else f"{value:.4f}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def side_by_side(rows: Sequence[tuple[str, Sequence[np.ndarray | None]]], size: int = 144) -> np.ndarray:
    """(H, W, 3) uint8: one line of pictures per named row, on white, each `size` pixels high."""
    from PIL import Image

    from img2mesh.core.images import composite, contact_sheet

    blank = np.full((size, size, 3), 255, np.uint8)
    columns = max(len(pictures) for _, pictures in rows)
    cells, labels = [], []
    for name, pictures in rows:
        for index in range(columns):
            picture = pictures[index] if index < len(pictures) else None
            if picture is not None:
                shown = Image.fromarray(composite(picture)).resize((size, size), Image.Resampling.BOX)
            cells.append(blank if picture is None else np.asarray(shown))
            labels.append(name if index == 0 else "")
    return contact_sheet(cells, columns=columns, labels=labels)
