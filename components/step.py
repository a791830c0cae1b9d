"""What every step does around its work: progress a person can follow, its cost, and its error for the caller."""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import BadInput, RunFailed

MARK = "[unforeseen]"  # of the lines that are meant for the user
COST = "step.json"
ERROR = "error.json"


@contextmanager
def step(name: str, output: str) -> Iterator[Callable[[str], None]]:
    """Runs the body of a step and gives it a function for progress lines.

    Beside the step's output it leaves `step.json` (seconds and peak memory) or `error.json` (one line and its exit
    code), which whoever started the step reads.
    """
    start = time.monotonic()
    task_root = Path(output).parent
    task_root.mkdir(parents=True, exist_ok=True)

    def progress(line: str) -> None:
        print(f"{MARK} {name}: {line}", flush=True)

    try:
        yield progress
    except (BadInput, RunFailed) as e:
        (task_root / ERROR).write_text(json.dumps({"message": str(e), "exit_code": e.exit_code}))
        sys.exit(f"{name}: {e}")
    except OSError as e:
        if e.errno is None:
            raise
        message = f"{e.filename or task_root}: {e.strerror}"  # above all a full disk
        (task_root / ERROR).write_text(json.dumps({"message": message, "exit_code": BadInput.exit_code}))
        raise
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"seconds": round(time.monotonic() - start, 3), "peak_memory_mb": round(peak_mb, 1)}
    (task_root / COST).write_text(json.dumps(cost))


@contextmanager
def cancellable() -> Iterator[None]:
    """Lets a step that is cancelled, or whose node goes away, clean up: the first SIGTERM raises SystemExit."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def seldom(seconds: float, progress: Callable[[str], None]) -> Callable[[str], None]:
    """A progress function for many lines that passes on the first one, and then one every few seconds."""
    said = -math.inf

    def report(line: str) -> None:
        nonlocal said
        if time.monotonic() - said > seconds:
            said = time.monotonic()
            progress(line)

    return report


def every(seconds: float, progress: Callable[[str], None]) -> Callable[[int, int], None]:
    """A progress function for frames done of frames in all, that speaks every few seconds and at the end."""
    said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        if done == total or time.monotonic() - said > seconds:
            said = time.monotonic()
            progress(f"{done} of {total} frames")

    return report
