"""How much of a job is done and when it will end: its stages, weighted by what they took in earlier jobs."""

from __future__ import annotations

import time

# Seconds of each stage (`core.progress`) of the preset `standard` on two cores of a server CPU, in their order. What
# this machine needs takes their place with the first job that ends.
STAGES = {
    "load model": 0.5,
    "segment": 2.0,
    "place photos": 3.0,
    "elevation": 0.7,
    "views": 3.0,
    "shape": 2.0,
    "fit field": 1.0,  # none with the shipped model's drawings
    "mesh": 2.5,
    "unwrap": 2.0,
    "texture": 3.5,
    "base": 0.5,
    "solid": 0.5,
    "bake": 0.5,
    "write": 1.0,
}
EFFORT = {"draft": 0.5, "standard": 1.0, "high": 5.0}
_ORDER = list(STAGES)
_LEAST = 1e-3  # seconds: a stage that takes none still has its place


class Pace:
    """Remembers what stages took, by preset and number of photos."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], dict[str, float]] = {}

    def expected(self, preset: str, photos: int) -> dict[str, float]:
        """Seconds of each stage."""
        found = self.known.get((preset, photos))
        if found is not None:
            return found
        effort = EFFORT.get(preset, 1.0)
        seconds = {name: effort * value for name, value in STAGES.items()}
        seconds["segment"] *= photos
        seconds["place photos"] *= 0 if photos == 1 else photos
        return seconds

    def learn(self, preset: str, photos: int, took: dict[str, float]) -> None:
        """Take over what a job's stages took; a model that was loaded already keeps its time."""
        seconds = {name: max(_LEAST, took.get(name, 0.0)) for name in STAGES}
        if "load model" not in took:
            seconds["load model"] = self.expected(preset, photos)["load model"]
        self.known[preset, photos] = seconds

    def track(self, preset: str, photos: int) -> Track:
        """Follow a job that begins."""
        return Track(self.expected(preset, photos))


class Track:
    """One job under way.

    Args:
        expected: seconds of each of `STAGES`.
    """

    def __init__(self, expected: dict[str, float]) -> None:
        self.expected = expected
        self.stage, self.begun, self.share = "", time.monotonic(), 0.0
        self.took: dict[str, float] = {}
        self.left: float | None = None

    def at(self, stage: str, done: int = 0, total: int = 0) -> None:
        """A stage begins, or has made some of its steps; `share` and `left` (seconds) are for now."""
        now = time.monotonic()
        if stage != self.stage:
            self._end_stage(now)
            self.stage, self.begun = stage, now
        if stage not in self.expected:  # a download, or another model's own
            return
        own = self.expected[stage]
        inside = done / total if total else min(0.9, (now - self.begun) / max(own, _LEAST))
        place = _ORDER.index(stage)
        before = sum(self.expected[name] for name in _ORDER[:place])
        after = sum(self.expected[name] for name in _ORDER[place + 1 :])
        whole = before + own + after
        self.share = max(self.share, min(0.99, (before + inside * own) / whole))
        self.left = self._slower(now, inside * own) * (after + (1 - inside) * own)

    def _slower(self, now: float, inside: float) -> float:
        """What the stages so far took, in units of what was expected of them, 0.2..5; skipped ones say nothing.

        Args:
            inside: seconds that were expected for what is done of this stage.
        """
        past = [name for name in self.took if name in self.expected and name != "load model"]
        expected = sum(self.expected[name] for name in past)
        took = sum(self.took[name] for name in past)
        if self.stage != "load model" and inside > 0:
            expected, took = expected + inside, took + now - self.begun
        return min(5.0, max(0.2, took / expected)) if expected > 2.0 else 1.0

    def finish(self) -> dict[str, float]:
        """Seconds that each stage took."""
        self._end_stage(time.monotonic())
        self.stage = ""
        return self.took

    def _end_stage(self, now: float) -> None:
        if self.stage:
            self.took[self.stage] = self.took.get(self.stage, 0.0) + now - self.begun
