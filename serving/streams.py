"""The states of all streams, as many as fit into memory; the least recently used ones leave."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.camera import Camera
from serving.errors import Refused
from serving.limits import Limits
from serving.metrics import Metrics


class Streams:
    """The states of all streams; the least recently used ones leave. Thread-safe.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, limits: Limits, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._metrics, self._now = limits, metrics, now
        self._lock = threading.Lock()
        self._cameras: OrderedDict[tuple[str, str], Camera] = OrderedDict()  # least recently used first
        self._sizes: dict[tuple[str, str], int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._cameras)

    @contextmanager
    def use(self, model: str, sequence_id: str) -> Iterator[Camera]:
        """The stream for one request; others of the same stream wait.

        What raises anything but Refused in the block has half a state, which is dropped.
        """
        key = model, sequence_id
        with self._lock:
            camera = self._cameras.setdefault(key, Camera(sequence_id))
            self._cameras.move_to_end(key)
            camera.users += 1
            camera.heard = self._now()
        with camera.lock:
            try:
                yield camera
            except Refused:
                raise
            except BaseException:
                camera.forget()
                raise
            finally:
                size = camera.bytes
                with self._lock:
                    camera.users -= 1
                    self._settle(key, camera, size)

    def forget(self, model: str) -> None:
        """Drops the states of one model."""
        with self._lock:
            for key in [key for key, camera in self._cameras.items() if key[0] == model and not camera.users]:
                self._drop(key, "detector")

    def _settle(self, key: tuple[str, str], camera: Camera, size: int) -> None:
        """Books what the state takes now, and makes room."""
        self._bytes += size - self._sizes.get(key, 0)
        self._sizes[key] = size
        if camera.empty and not camera.users:
            self._drop(key)
        while oldest := next((k for k, c in self._cameras.items() if not c.users and k != key), None):
            if self._cameras[oldest].heard < self._now() - self._limits.idle_seconds:
                self._drop(oldest, "idle")
            elif self._bytes > self._limits.stream_bytes:
                self._drop(oldest, "memory")
            else:
                break
        self._metrics.streams.set(len(self._cameras))
        self._metrics.stream_bytes.set(self._bytes)

    def _drop(self, key: tuple[str, str], reason: str | None = None) -> None:
        del self._cameras[key]
        self._bytes -= self._sizes.pop(key, 0)
        if reason:
            self._metrics.evicted.labels(reason).inc()
