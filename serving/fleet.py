"""The detectors in memory: loaded when first asked for, replaced when a newer version stands, evicted by memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from serving.batcher import sizes
from serving.errors import Loading, Refused
from serving.limits import Limits
from serving.metrics import Metrics
from serving.sources import Resolved, Source

if TYPE_CHECKING:
    from model.detector import Detector

COMPILED = 32 << 20  # bytes that TensorFlow takes for a detector's steps, beside its weights; measured

log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A detector that is ready."""

    name: str
    version: str
    detector: Detector
    bytes: int
    parts: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}  # type and shape of what its streams remember


class Fleet:
    """Thread-safe. One thread loads, so that requests go on meanwhile and memory has one peak at a time.

    Another one looks for newer versions. Requests keep the detector that they began with.
    """

    def __init__(self, source: Source, limits: Limits | None = None, metrics: Metrics | None = None) -> None:
        self.limits, self.metrics = limits or Limits(), metrics or Metrics()
        self.evicted: Callable[[str], None] = lambda name: None  # told which model left
        self._source = source
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, Loaded] = OrderedDict()  # least recently used first
        self._coming: dict[str, Future[Loaded]] = {}
        self._broken: dict[str, str] = {}  # version of a model that could not be loaded
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="versions", daemon=True)
        self._watcher.start()

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
        try:
            return self._come(name).result(self.limits.load_seconds)
        except Refused:
            raise
        except TimeoutError as e:
            raise Loading(f"model {name!r} is being loaded; try again in a few seconds") from e
        except Exception as e:  # whatever a broken directory or a registry that is away may raise
            raise Loading(f"model {name!r} cannot be loaded") from e

    def refresh(self) -> None:
        """Looks for newer versions of what is loaded; one that cannot be loaded is refused, and the old one goes on."""
        with self._lock:
            ready = list(self._ready.values())
        for old in ready:
            try:
                found = self._source.resolve(old.name)
                if found.version in (old.version, self._broken.get(old.name)):
                    continue
                self._loader.submit(self._load, old.name, found).result()
            except Exception as e:  # the service outlives its registry
                log.warning("the old version goes on: %s", e, extra={"model": old.name, "version": old.version})

    def close(self) -> None:
        """Ends both threads; what is being loaded is finished."""
        self._ending.set()
        self._loader.shutdown(cancel_futures=True)
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ending.wait(self.limits.refresh_seconds):
            self.refresh()

    def _come(self, name: str) -> Future[Loaded]:
        """The loading of a detector, which others may have begun."""
        with self._lock:
            if name in self._coming:
                return self._coming[name]
        found = self._source.resolve(name)
        if self._broken.get(name) == found.version:
            raise Loading(f"model {name!r} cannot be loaded")
        with self._lock:
            if name not in self._coming:
                self._coming[name] = self._loader.submit(self._load, name, found)
            return self._coming[name]

    def _load(self, name: str, found: Resolved) -> Loaded:
        begun = time.monotonic()
        about = {"model": name, "version": found.version}
        try:
            loaded = prepare(name, found, self.limits.batch)
        except Exception as e:
            self._broken[name] = found.version
            self.metrics.refused_versions.labels(name).inc()
            log.error("cannot be loaded: %s", e, extra=about)
            raise
        finally:
            with self._lock:
                self._coming.pop(name, None)
        seconds = time.monotonic() - begun
        self.metrics.cold_starts.labels(name).inc()
        self.metrics.load_seconds.labels(name).observe(seconds)
        log.info("loaded", extra={**about, "seconds": round(seconds, 3), "bytes": loaded.bytes})
        self._take(loaded)
        return loaded

    def _take(self, loaded: Loaded) -> None:
        """In place of the old version; others leave where memory is short."""
        with self._lock:
            old = self._ready.pop(loaded.name, None)
            self._ready[loaded.name] = loaded
            total, leaving = sum(each.bytes for each in self._ready.values()), []
            while total > self.limits.detector_bytes and len(self._ready) > 1:
                leaving.append(self._ready.popitem(last=False)[1])
                total -= leaving[-1].bytes
        for gone in [old, *leaving] if old else leaving:
            self.metrics.version.remove(gone.name, gone.version)
        self.metrics.version.labels(loaded.name, loaded.version).set(1)
        self.metrics.detector_bytes.set(total)
        for gone in leaving:
            self.metrics.detectors_evicted.labels(gone.name).inc()
            log.info("evicted", extra={"model": gone.name, "version": gone.version, "bytes": gone.bytes})
            self.evicted(gone.name)


def prepare(name: str, found: Resolved, batch: int) -> Loaded:
    """Reads a detector, compiles its step for every size of a batch, and sends an empty clip through it.

    Raises:
        BadInput: its directory is not whole.
        ValueError: it gives no scores.
    """
    from model import detector

    loaded = detector.load(found.directory)
    settings, wanted = loaded.preprocessing, loaded.settings.warm_up_frames
    empty = np.zeros((settings.height, settings.width, settings.channels), np.uint8)
    for size in sizes(batch):
        loaded.step.compile(size)
        loaded.step.together([empty.astype(np.float32)] * size, [None] * size)
    stream = loaded.stream()
    score = [stream.push_input(empty).score for _ in range(wanted + 1)][-1]
    if not np.isfinite(score):
        raise ValueError(f"expected a score after {wanted} frames of warm-up. Received: {score}")
    parts = {name: (array.dtype, array.shape) for name, array in stream.remembered.arrays.items()}
    kept = [*loaded.network.get_weights(), *(loaded.scene.arrays().values() if loaded.scene else ())]
    return Loaded(name, found.version, loaded, COMPILED + sum(array.nbytes for array in kept), parts)
