"""The cores of the machine, of which every stream under way is to have one."""

from __future__ import annotations

import os
import threading


def share() -> None:
    """To be called by a process that serves, before it loads numpy and TensorFlow; what is set already stays.

    OpenBLAS' second thread waits in a loop for work, and takes the core from another stream meanwhile. Of OpenCV the
    flow gains nothing from a second one. TensorFlow's own leave half of the cores to what goes on beside it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, len(os.sched_getaffinity(0)) // 2)))
    import cv2

    cv2.setNumThreads(1)


class Cores:
    """Room for as many threads as there are cores; more would only get in each other's way."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(len(os.sched_getaffinity(0)))
        self._own = threading.local()
        self._count = threading.Lock()
        self.wanted = 0  # by threads that wait

    def take(self) -> None:
        """Waits for room, if this thread has none yet."""
        if getattr(self._own, "taken", False):
            return
        if not self._free.acquire(blocking=False):
            with self._count:
                self.wanted += 1
            self._free.acquire()
            with self._count:
                self.wanted -= 1
        self._own.taken = True

    def leave(self) -> None:
        """Makes room for another thread."""
        if getattr(self._own, "taken", False):
            self._own.taken = False
            self._free.release()
