"""An MP4 in memory as frames."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from model.errors import BadInput
from model.footage.decode import open_video, video_frames
from serving.errors import Refused

WHAT = "expected a whole MP4 with frames that can be decoded"


def decode(data: bytes, check: Callable[[int, int], None], take: Callable[[np.ndarray], None]) -> float | None:
    """Gives its frames/s, where the file says so.

    Args:
        data: the file.
        check: takes height and width before the frames are decoded.
        take: takes every frame, `uint8 [H, W, 3]`, as it is decoded.

    Raises:
        Refused: not an MP4, or one that cannot be opened.
    """
    # The kind is looked at here: left to itself, the decoder would take a play list that names other files.
    if data[4:8] != b"ftyp":
        raise Refused(f"{WHAT}. Received: {len(data)} bytes of another kind")
    with tempfile.NamedTemporaryFile(prefix="unforeseen-", suffix=".mp4") as file:
        file.write(data)
        file.flush()
        try:
            fps, height, width = _described(Path(file.name))
            check(height, width)
            for frame in video_frames(Path(file.name), 3):
                take(frame)
        except (BadInput, cv2.error) as e:
            raise Refused(f"{WHAT}. Received: {len(data)} bytes that cannot be opened as one") from e
    return fps


def _described(path: Path) -> tuple[float | None, int, int]:
    capture = open_video(path)
    try:
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        height, width = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
    finally:
        capture.release()
    return fps if 0 < fps <= 1000 else None, height, width
