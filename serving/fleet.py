"""The detectors in memory: loaded when first asked for, replaced when a newer version stands, evicted by memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from model.errors import BadInput
from serving.errors import Loading
from serving.limits import Limits
from serving.metrics import Metrics
from serving.sources import Resolved, Source

if TYPE_CHECKING:
    from model.detector import Detector

log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A detector that is ready."""

    name: str
    version: str
    detector: Detector
    bytes: int


class Fleet:
    """Thread-safe. One thread loads, so that requests go on meanwhile and memory has one peak at a time."""

    def __init__(self, source: Source, limits: Limits | None = None, metrics: Metrics | None = None) -> None:
        self.limits, self.metrics = limits or Limits(), metrics or Metrics()
        self._source = source
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, Loaded] = OrderedDict()  # least recently used first
        self._coming: dict[str, Future[Loaded]] = {}
        self._broken: dict[str, str] = {}  # version that could not be loaded
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")

    def names(self) -> tuple[str, ...]:
        """Of all models that can be asked for, loaded or not."""
        return self._source.names()

    def ready(self, name: str) -> bool:
        """Whether a request would be answered at once."""
        with self._lock:
            return name in self._ready

    def get(self, name: str) -> Loaded:
        """The detector; loads it where it is not there, and waits for that.

        Raises:
            NotFound: there is no such model.
            Loading: it takes longer than `load_seconds`, or cannot be loaded.
        """
        with self._lock:
            if name in self._ready:
                self._ready.move_to_end(name)
                return self._ready[name]
            coming = self._coming.get(name)
        if coming is None:
            resolved = self._source.resolve(name)
            with self._lock:
                coming = self._coming.get(name) or self._loader.submit(self._load, name, resolved)
                self._coming[name] = coming
        try:
            return coming.result(self.limits.load_seconds)
        except TimeoutError as e:
            raise Loading(f"model {name!r} is being loaded; try again in a few seconds") from e
        except BadInput as e:
            raise Loading(f"model {name!r} cannot be loaded") from e

    def close(self) -> None:
        """Waits for what is being loaded."""
        self._loader.shutdown(cancel_futures=True)

    def _load(self, name: str, resolved: Resolved) -> Loaded:
        from model import detector

        begun = time.monotonic()
        try:
            found = detector.load(resolved.directory)
            found.step  # noqa: B018  compiles
            loaded = Loaded(name, resolved.version, found, 0)
            with self._lock:
                self._ready[name] = loaded
            return loaded
        finally:
            with self._lock:
                self._coming.pop(name, None)
            log.info("loaded", extra={"model": name, "version": resolved.version, "seconds": time.monotonic() - begun})
