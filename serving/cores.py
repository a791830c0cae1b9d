"""How many threads the libraries below may take: with many streams, cores are shared best a request each."""

from __future__ import annotations

import os


def share() -> None:
    """To be called by a process that serves, before it loads numpy and TensorFlow; what is set already stays.

    OpenBLAS' second thread waits in a loop for work, and takes the core from another stream meanwhile. Of OpenCV the
    flow gains nothing from a second one. TensorFlow's own leave half of the cores to what goes on beside it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, len(os.sched_getaffinity(0)) // 2)))
    import cv2

    cv2.setNumThreads(1)
