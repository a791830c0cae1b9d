"""Who is let in: so many requests at once, and so many bytes of all of them together."""

from __future__ import annotations

import threading
from collections.abc import Callable

from serving.errors import Full

BYTES = 1 << 30  # of the bodies and the decoded frames of all requests that are under way


class Door:
    """Counts; thread-safe.

    Args:
        requests: at once.
        wait: seconds until there is room again, as far as can be told.
    """

    def __init__(self, requests: int, wait: Callable[[], float]) -> None:
        self._most, self._wait = requests, wait
        self._inside = self._bytes = 0
        self._lock = threading.Lock()

    def count(self, requests: int, size: int) -> None:
        """More of them, or fewer.

        Raises:
            Full: it would be too many; nothing was counted.
        """
        with self._lock:
            if requests > 0 and self._inside >= self._most:
                raise Full(f"{self._inside} requests are under way; come back later", self._wait())
            if size > 0 and self._bytes + size > BYTES:
                raise Full(f"{self._bytes} bytes of requests are under way; come back later", self._wait())
            self._inside += requests
            self._bytes += size


class Visit:
    """One request, from its first byte to its answer; of one thread at a time."""

    def __init__(self, door: Door) -> None:
        self._door, self._inside, self._size = door, 0, 0

    def take(self, size: int) -> None:
        """Makes room for so many bytes more.

        Raises:
            Full: there is none.
        """
        self._door.count(0, size)
        self._size += size

    def enter(self) -> None:
        """Counts as one that is under way; a body that is still on its way does not.

        Raises:
            Full: there are too many.
        """
        self._door.count(1, 0)
        self._inside = 1

    def leave(self) -> None:
        """Gives everything back."""
        self._door.count(-self._inside, -self._size)
