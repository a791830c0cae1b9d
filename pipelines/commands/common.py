"""What commands share: options, progress, and quiet while TensorFlow is loaded."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_profile(command: argparse.ArgumentParser) -> None:
    """Where things are."""
    command.add_argument("--profile", type=Path, help="YAML file that says where things are; none is this machine")


def say(line: str) -> None:
    """One line of progress, to standard error."""
    print(line, file=sys.stderr, flush=True)


def on_signal() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; the second one kills."""
    stop = threading.Event()

    def handle(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return stop


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """While TensorFlow is loaded, which greets on the file descriptor whatever its log level; exceptions pass."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
