"""A folder that grows: every video, or every picture, that appears in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from model import config, footage
from model.clips import SourceClip
from model.errors import BadInput
from model.footage.media import PICTURES, VIDEOS, files, natural, video_clip
from model.footage.recorded import recorded_hour
from serving.client.camera import Say, Taken, recorded

T = TypeVar("T")
LOOK_SECONDS = 0.5  # between two looks into the folder


def followed(folder: Path, say: Say, stop: threading.Event) -> Iterator[tuple[str, float, Iterator[Taken]]]:
    """Name, frames/s and frames of every video there, and of every one that comes; or of all pictures together.

    Files are taken in the order of their names; one that sorts before the last one that was taken comes too late. One
    that is not whole is being written: it is waited for, and left out when a later one is there.

    Raises:
        BadInput: no such folder.
    """
    if not folder.is_dir():
        raise BadInput("expected a folder beside --follow. Received: another source")
    while not stop.is_set() and not files(folder, VIDEOS + PICTURES):
        stop.wait(LOOK_SECONDS)
    if files(folder, VIDEOS):
        for clip in _come(folder, VIDEOS, video_clip, say, stop):
            yield clip.name, clip.fps, recorded(clip, stop)
    else:
        pictures = enumerate(_come(folder, PICTURES, _picture, say, stop))
        fps = config.Footage().picture_fps
        yield folder.name, fps, (Taken(frame, n, n == 0, hour=hour) for n, (frame, hour) in pictures)


def _come(
    folder: Path, suffixes: tuple[str, ...], read: Callable[[Path], T], say: Say, stop: threading.Event
) -> Iterator[T]:
    last: Path | None = None
    while not stop.is_set():
        new = [path for path in files(folder, suffixes) if last is None or natural(path) > natural(last)]
        for path in new:
            try:
                found = read(path)
            except BadInput as e:
                if path == new[-1]:
                    break
                say(f"left out: {e}")
            else:
                yield found
            last = path
        stop.wait(LOOK_SECONDS)


def _picture(path: Path) -> tuple[np.ndarray, float | None]:
    """The frame, and the hour of the day where the name tells it."""
    return next(footage.frames(SourceClip(path.stem, "train", 1.0, 1, pictures=(path,)))), recorded_hour(path.stem)
