"""Who is let in: so many requests at once, and so many bytes of all together; the others are told when to come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from serving.errors import Full, Loading
from serving.limits import Limits
from serving.metrics import Metrics

BYTES = 1 << 30  # of the bodies and the decoded frames of all requests that are under way
RECENT = 0.1  # weight of the last request in the measured rate


class Admission:
    """Thread-safe.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, limits: Limits, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._metrics, self._now = limits.waiting, metrics, now
        self._change = threading.Condition()
        self._requests = self._bytes = self._frames = 0
        self._seconds = 0.02  # a frame, measured while there is work
        self._since = 0.0  # when work was last finished or begun
        self._closing = False

    def visit(self) -> Visit:
        """For a request that comes."""
        return Visit(self)

    @property
    def wait(self) -> float:
        """Seconds that the frames under way will take, by the measured rate."""
        return self._frames * self._seconds

    def close(self) -> None:
        """Lets nobody in any more, and waits for those who are."""
        with self._change:
            self._closing = True
            self._change.wait_for(lambda: not self._requests)

    def enter(self) -> None:
        """See `Visit`, as for the others."""
        with self._change:
            if self._closing:
                raise Loading("the server is stopping; send the request to another one")
            if self._requests >= self._most:
                raise Full(f"{self._requests} requests are under way; come back later", self.wait)
            self._requests += 1
            self._metrics.waiting.set(self._requests)

    def take(self, size: int) -> None:
        """Books bytes."""
        with self._change:
            if self._bytes + size > BYTES:
                raise Full(f"{self._bytes} bytes of requests are under way; come back later", self.wait)
            self._bytes += size

    def begin(self, frames: int) -> None:
        """Books work."""
        with self._change:
            if not self._frames:
                self._since = self._now()
            self._frames += frames

    def leave(self, requests: int, size: int, frames: int) -> None:
        """Takes it all from the books."""
        with self._change:
            if frames:
                now = self._now()
                self._seconds += RECENT * ((now - self._since) / frames - self._seconds)
                self._since = now
            self._requests -= requests
            self._bytes -= size
            self._frames -= frames
            self._metrics.waiting.set(self._requests)
            self._change.notify_all()


class Visit:
    """One request, from its first byte to its answer; of one thread at a time."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self._inside, self._size, self._frames = admission, 0, 0, 0

    def take(self, size: int) -> None:
        """Makes room for so many bytes more.

        Raises:
            Full: there is none.
        """
        self._admission.take(size)
        self._size += size

    def enter(self) -> None:
        """Counts as one that is under way; a body that is still on its way does not.

        Raises:
            Full: there are too many.
            Loading: the service ends.
        """
        self._admission.enter()
        self._inside = 1

    def begin(self, frames: int) -> None:
        """Says how much work it is, now that it is decoded."""
        self._admission.begin(frames)
        self._frames = frames

    def leave(self) -> None:
        """Gives everything back."""
        self._admission.leave(self._inside, self._size, self._frames)
