"""A video file that appears whole or not at all.

MPEG-4 Part 2 in an MP4 file: VLC, mpv, QuickTime and Windows play it, browsers do not.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from model.errors import BadInput


class VideoFile:
    """Takes frames as they come, under a hidden name; `publish` gives the file its own."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        """Opens the file.

        Args:
            path: its name, ending in .mp4.
            fps: frames/s.
            size: width and height, pixels; even, because chroma is stored for two by two.

        Raises:
            BadInput: the video cannot be written there.
        """
        self._path = path
        self._partial = path.with_name(f".{path.stem}.partial{path.suffix}")
        self._frames = 0
        if path.suffix != ".mp4" or not path.parent.is_dir():
            raise BadInput(f"expected an .mp4 file in a directory that exists. Received: {path}")
        # Of the codecs that OpenCV's wheel can write into an MP4, browsers play VP9 alone, which is forty times slower.
        # This one counts time in at most 65,535 parts of a second, too few for three decimals of a high rate.
        rate = fps if fps < 65 else round(fps, 2)
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._video = cv2.VideoWriter(str(self._partial), cv2.CAP_FFMPEG, code, rate, size)
        if not self._video.isOpened():
            self._partial.unlink(missing_ok=True)
            raise BadInput(f"{path}: expected a video that can be written. Received: {fps:g} frames/s of {size} pixels")

    def write(self, frame: np.ndarray) -> None:
        """Appends a frame `uint8 [H, W, 3]`, BGR."""
        self._video.write(frame)
        self._frames += 1

    def publish(self) -> None:
        """Gives the video its name, after a look at whether all of it is there: OpenCV does not report a full disk.

        Raises:
            BadInput: no frames, or fewer than were written.
        """
        self._video.release()
        try:
            video = cv2.VideoCapture(str(self._partial)) if self._frames else None
            written = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video else 0
            if not self._frames or written != self._frames:
                raise BadInput(
                    f"{self._path}: expected frames and room to write them. Received: {written} of {self._frames}"
                )
            self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)

    def discard(self) -> None:
        """Leaves no file."""
        self._video.release()
        self._partial.unlink(missing_ok=True)
