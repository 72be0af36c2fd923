"""Whether something changed in folders: by the system's notices where watchfiles is installed, else by the clock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

INTERVAL = 2.0  # seconds between two looks where nobody tells


class Watcher:
    """Use it as a context; `changed` is cheap."""

    def __init__(self, places: Sequence[Path]) -> None:
        self.places = [path if path.is_dir() else path.parent for path in places]
        self.notices = find_spec("watchfiles") is not None
        self._changed, self._stop = threading.Event(), threading.Event()

    def __enter__(self) -> Watcher:
        if self.notices:
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()

    def changed(self) -> bool:
        """Whether something was told since the last call."""
        told = self._changed.is_set()
        self._changed.clear()
        return told

    def _listen(self) -> None:
        from watchfiles import watch

        try:
            for _ in watch(*self.places, stop_event=self._stop, rust_timeout=1000, yield_on_timeout=False):
                self._changed.set()
        except Exception:  # too many folders for the system's notices: the clock does it
            self.notices = False
