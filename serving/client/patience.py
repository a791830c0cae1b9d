"""A server that is busy, loading or away is asked again, for a stated time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from model.errors import RunFailed

T = TypeVar("T")
LONGEST = 30.0  # seconds that a server may ask for


class Busy(Exception):
    """Not now; its text says why."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after  # seconds, where the server said


@dataclass(frozen=True)
class Patience:
    """Six tries; a wait is what the server asks for, or else one of these, lengthened at random by up to half."""

    waits: tuple[float, ...] = (0.5, 1, 2, 4, 8)  # seconds
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random  # in [0, 1)

    def __call__(self, call: Callable[[], T]) -> T:
        """Calls until it succeeds.

        Raises:
            RunFailed: it was busy to the end.
        """
        for wait in self.waits:
            try:
                return call()
            except Busy as e:
                asked = e.retry_after
                self.sleep(wait * (1 + self.random() / 2) if asked is None else min(asked, LONGEST))
        try:
            return call()
        except Busy as e:
            raise RunFailed(f"expected an answer within {len(self.waits) + 1} tries. Received: {e}") from e
