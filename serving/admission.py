"""How many requests may be under way; the others are told when to come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.errors import Full, Loading
from serving.limits import Limits
from serving.metrics import Metrics

RECENT = 0.1  # weight of the last request in the measured rate


class Admission:
    """Thread-safe.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, limits: Limits, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._metrics, self._now = limits.waiting, metrics, now
        self._change = threading.Condition()
        self._requests = self._frames = 0
        self._seconds = 0.02  # a frame, measured while there is work
        self._since = 0.0  # when work was last finished or begun
        self._closing = False

    @contextmanager
    def enter(self, frames: int) -> Iterator[None]:
        """One request.

        Raises:
            Full: there are as many as may be.
            Loading: the service ends.
        """
        with self._change:
            if self._closing:
                raise Loading("the server is stopping; send the request to another one")
            if self._requests >= self._most:
                raise Full(f"{self._most} requests are under way; come back later", self.wait)
            if not self._requests:
                self._since = self._now()
            self._book(1, frames)
        try:
            yield
        finally:
            with self._change:
                now = self._now()
                self._seconds += RECENT * ((now - self._since) / frames - self._seconds)
                self._since = now
                self._book(-1, -frames)
                self._change.notify_all()

    @property
    def wait(self) -> float:
        """Seconds that the frames under way will take, by the measured rate."""
        return self._frames * self._seconds

    def close(self) -> None:
        """Lets nobody in any more, and waits for those who are."""
        with self._change:
            self._closing = True
            self._change.wait_for(lambda: not self._requests)

    def _book(self, requests: int, frames: int) -> None:
        self._requests += requests
        self._frames += frames
        self._metrics.waiting.set(self._requests)
