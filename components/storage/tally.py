"""How far a transfer is, in lines for the user."""

from __future__ import annotations

from threading import Lock

from components.storage.store import Progress

MB = 1_000_000


class Tally:
    """Bytes that came, from any thread; a line each tenth, or each 100 MB where the total is unknown."""

    def __init__(self, what: str, total: int | None, progress: Progress):
        self.what, self.total, self.progress = what, total, progress
        self.done, self.said = 0, 0
        self.step = total / 10 if total else 100 * MB
        self.lock = Lock()

    def __call__(self, count: int) -> None:
        """Counts bytes."""
        with self.lock:
            self.done += count
            if self.done // self.step > self.said:
                self.said = int(self.done // self.step)
                of = f" of {self.total / MB:.1f}" if self.total else ""
                self.progress(f"{self.what}: {self.done / MB:.1f}{of} MB")
