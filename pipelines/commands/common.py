"""What commands share: options, progress, and quiet while TensorFlow is loaded."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.profile import Profile

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_profile(command: argparse.ArgumentParser) -> None:
    """Where things are."""
    command.add_argument("--profile", type=Path, help="YAML file that says where things are; none is this machine")


def add_places(command: argparse.ArgumentParser) -> None:
    """Where things are in a cluster."""
    command.add_argument("--profile", type=Path, required=True, help="YAML file that says where things are")
    command.add_argument(
        "--image", metavar="NAME", help="in place of the profile's, such as one just pushed, by digest"
    )


def read_places(given: argparse.Namespace) -> Profile:
    """The profile that these options mean.

    Raises:
        BadInput: as for a profile.
    """
    from pipelines import profile

    places = profile.read(given.profile)
    return dataclasses.replace(places, image=given.image) if given.image else places


def say(line: str) -> None:
    """One line of progress, to standard error."""
    print(line, file=sys.stderr, flush=True)


def on_signal() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; the second one kills."""
    stop = threading.Event()

    def handle(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=stop.set).start()  # this thread may hold the event's lock just now

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
