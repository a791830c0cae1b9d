"""Transient faults of a network are waited out, for a stated time; everything else is reported at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError, TimeoutError

T = TypeVar("T")
TIMEOUT = urllib3.Timeout(connect=5, read=60)  # seconds


class Busy(HTTPError):
    """The server is there but asks to come back later."""


BUSY = (429, 500, 502, 503, 504)  # SlowDown is a 503
TRANSIENT = (Busy, NewConnectionError, ProtocolError, TimeoutError)


@dataclass(frozen=True)
class Patience:
    """Six tries. Each wait is lengthened at random by up to half: 15.5 to 23.3 s in all, the requests not counted."""

    waits: tuple[float, ...] = (0.5, 1, 2, 4, 8)  # seconds
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random  # in [0, 1)


PATIENCE = Patience()


def patiently(call: Callable[[], T], patience: Patience) -> T:
    """Calls until it succeeds; the last transient fault, and any other one, is raised."""
    for wait in patience.waits:
        try:
            return call()
        except TRANSIENT:
            patience.sleep(wait * (1 + patience.random() / 2))
    return call()


def refuse_busy(response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    """Raises Busy for the statuses that pass."""
    if response.status in BUSY:
        raise Busy(f"HTTP {response.status}")
    return response


def reason(error: HTTPError) -> str:
    """What went wrong, in a line."""
    return " ".join(str(error.__cause__ or error).split())


class PatientPool(urllib3.PoolManager):
    """The connections of an S3 client; every request is read whole, so an answer that breaks off is asked for again."""

    def __init__(self, patience: Patience):
        super().__init__(timeout=TIMEOUT)
        self.patience = patience

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> urllib3.BaseHTTPResponse:
        """Follows no redirects: a signature holds for one address."""
        kw |= {"preload_content": True, "retries": False}
        ask = super().urlopen
        return patiently(lambda: refuse_busy(ask(method, url, redirect=False, **kw)), self.patience)
