"""Whether frames are within the limits: asked before they are decoded, and as they are gathered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from serving.errors import Refused, TooLarge
from serving.limits import Limits

BODY = 64 << 20  # bytes of one request on the wire


def check(limits: Limits, frames: int, height: int, width: int, channels: int) -> None:
    """Before anything is decoded.

    Raises:
        Refused: no frames, or frames without pixels.
        TooLarge: past one of the limits.
    """
    if frames < 1 or height < 1 or width < 1:
        raise Refused(f"expected at least one frame of at least one pixel. Received: {frames} of {width} x {height}")
    if frames > limits.frames:
        raise TooLarge(f"expected at most {limits.frames} frames a request. Received: {frames}")
    if height * width > limits.pixels:
        raise TooLarge(f"expected frames of at most {limits.pixels} pixels. Received: {width} x {height}")
    size = frames * height * width * channels
    if size > limits.request_bytes:
        raise TooLarge(f"expected at most {limits.request_bytes} bytes of decoded frames. Received: {size}")


class Gathering:
    """Frames of one clip as they are decoded, one size all."""

    def __init__(self, limits: Limits, take: Callable[[int], None]) -> None:
        self._limits, self._take = limits, take
        self._frames: list[np.ndarray] = []

    def foresee(self, frames: int, height: int, width: int) -> None:
        """Refuses what a header promises, before it is decoded."""
        check(self._limits, frames, height, width, 3)

    def add(self, frame: np.ndarray) -> None:
        """Takes the next frame `uint8 [H, W, C]`.

        Raises:
            Refused: a frame of another size than the first one's.
            TooLarge: one frame too many.
        """
        if self._frames and frame.shape != self._frames[0].shape:
            first, other = list(self._frames[0].shape), list(frame.shape)
            raise Refused(f"expected frames of one size in a request, {first}. Received: {other}")
        height, width, channels = frame.shape
        check(self._limits, len(self._frames) + 1, height, width, channels)
        self._take(frame.nbytes)
        self._frames.append(frame)

    def frames(self) -> tuple[np.ndarray, ...]:
        """All of them.

        Raises:
            Refused: there is none.
        """
        if not self._frames:
            raise Refused("expected at least one frame. Received: none")
        return tuple(self._frames)
