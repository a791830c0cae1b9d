"""Frames of a source one after the other: files to their end and whole, cameras as they come and for ever.

Of a camera that is faster than whoever takes its frames, the newest frame wins and the older ones are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from model import config, footage
from model.clips import SourceClip, later

LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://")
OPEN_MS, READ_MS = 10_000, 5_000  # that a camera may take
LOOK_SECONDS = 0.2  # between two looks whether to stop
LONGEST_PAUSE = 30.0  # seconds between two tries to reach a camera
Say = Callable[[str], None]


class Taken(NamedTuple):
    """A frame on its way."""

    frame: np.ndarray  # uint8 [H, W, 3], RGB
    number: int  # since the source was opened, those included that were dropped
    first: bool = False  # nothing before it belongs to it
    last: bool = False
    hour: float | None = None  # of the day when it was taken


def is_live(source: str) -> bool:
    """Whether it is a camera's stream."""
    return source.startswith(LIVE)


def clips(source: str) -> list[SourceClip]:
    """Those of a video, of a folder of pictures, or of a folder of either.

    Raises:
        BadInput: no such source, or nothing in it.
    """
    return footage.read_clips(Path(source), None, config.Footage())


def recorded(clip: SourceClip, stop: threading.Event) -> Iterator[Taken]:
    """Every frame, until it is to stop; the first and the last one are marked."""
    for number, frame in enumerate(footage.frames(clip)):
        if stop.is_set():
            return
        yield Taken(frame, number, number == 0, number + 1 == clip.frames, later(clip.hour, number, clip.fps))


class Camera:
    """A stream that one thread reads and another takes from; `with` starts and ends it."""

    def __init__(self, address: str, say: Say, pause: float = 1.0) -> None:
        """Does not connect yet.

        Args:
            address: rtsp://... or http://...; what stands before an @ in it is not said.
            say: takes a line when the camera goes and when it is back.
            pause: seconds to the first try to reach it again; doubled up to 30.
        """
        self._address, self._say, self._pause = address, say, pause
        self._news = threading.Condition()
        self._newest: Taken | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self.dropped = 0  # frames that nobody took

    def __enter__(self) -> Camera:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._news:
            self._ending = True
            self._news.notify_all()
        self._thread.join((OPEN_MS + READ_MS) / 1000)

    def frames(self, stop: threading.Event) -> Iterator[Taken]:
        """The newest frame whenever one is wanted, until it is to stop."""
        while not stop.is_set():
            with self._news:
                self._news.wait_for(lambda: self._newest is not None, LOOK_SECONDS)
                taken, self._newest = self._newest, None
            if taken:
                yield taken

    def _run(self) -> None:
        pause, number = self._pause, 0
        while not self._ending:
            with _opened(self._address) as video:
                before = number
                while not self._ending and (frame := _read(video)) is not None:
                    self._offer(Taken(frame, number, number == before, hour=_now()))
                    number += 1
            if number > before:
                pause = self._pause
            self._say(f"the camera is away after {number} frames; next try in {pause:g} s")
            self._rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _offer(self, taken: Taken) -> None:
        with self._news:
            dropped = self._newest
            self.dropped += dropped is not None
            self._newest = taken._replace(first=True) if dropped and dropped.first else taken
            self._news.notify_all()

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._news:
            while not self._ending and (left := end - time.monotonic()) > 0:
                self._news.wait(left)


def _now() -> float:
    """The hour of the day here: a camera is taken to be in this time zone."""
    now = datetime.now()
    return now.hour + now.minute / 60 + now.second / 3600


@contextmanager
def _opened(address: str) -> Iterator[cv2.VideoCapture]:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    video = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    try:
        yield video
    finally:
        video.release()


def _read(video: cv2.VideoCapture) -> np.ndarray | None:
    there, picture = video.read()
    return np.ascontiguousarray(picture[..., ::-1]) if there else None
