"""What a run takes of the machine's memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psutil


class PeakMemory:
    """The largest sum of resident memory of this process and all its children, sampled."""

    def __init__(self, seconds: float = 0.5) -> None:
        self.peak_mb = 0.0
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_mb = max(self.peak_mb, sum(_resident_mb()))
            if self._stop.wait(self._seconds):
                return


def _resident_mb() -> Iterator[float]:
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield process.memory_info().rss / 2**20
