"""Drawing small things smoothly: metric points onto a supersampled patch, averaged down to a sprite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

SUPERSAMPLING = 4
BITS = 4  # fractional bits of cv2's drawing coordinates
TILT = 0.38  # how far up the picture a metre away from the camera moves, against a metre upwards

Colour = tuple[float, float, float]  # RGB, 0 to 255
Point = tuple[float, float, float]  # metres forward, to the left, up; from the point on the ground


class Sprite(NamedTuple):
    """A drawn thing: where it stands and what it covers."""

    left: int  # column of the patch in the picture
    top: int  # row of the patch in the picture
    foot: float  # row where it touches the ground; nearer things have larger rows
    pixels: np.ndarray  # float32 [h, w, 4]: RGB times coverage, coverage; 0 to 255


def shade(colour: Colour, factor: float) -> Colour:
    """The colour in more or less light."""
    red, green, blue = colour
    return min(255.0, red * factor), min(255.0, green * factor), min(255.0, blue * factor)


class Canvas:
    """A patch around one thing that stands at `foot` and looks along `heading`."""

    def __init__(
        self,
        foot: tuple[float, float],
        scale: float,
        heading: tuple[float, float] = (1.0, 0.0),
        reach: tuple[float, float, float] = (0.9, 2.1, 0.4),
    ):
        """Makes an empty patch.

        Args:
            foot: column and row in the picture, pixels.
            scale: pixels a metre.
            heading: unit vector (X, Z).
            reach: metres beside, above and below the foot.
        """
        beside, up, down = (metres * scale for metres in reach)
        self.left, self.top = int(np.floor(foot[0] - beside)), int(np.floor(foot[1] - up))
        width, height = int(np.ceil(2 * beside)) + 2, int(np.ceil(up + down)) + 2
        self.foot = foot
        self.heading = heading
        self.far = 1.0 if heading[0] >= 0 else -1.0  # the side (positive left) that is away from the camera
        self._scale = scale * SUPERSAMPLING
        self._unit = self._scale * 2**BITS  # of cv2's fixed-point coordinates a metre
        self._origin = ((foot[0] - self.left) * SUPERSAMPLING * 2**BITS, (foot[1] - self.top) * SUPERSAMPLING * 2**BITS)
        self._pixels = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 4), np.uint8)

    def line(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """A stroke with round ends, `width` metres thick."""
        cv2.line(self._pixels, self._place(start), self._place(end), (*colour, 255), self._thick(width), shift=BITS)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """A ball of `radius` metres."""
        size = round(radius * self._unit)
        cv2.circle(self._pixels, self._place(centre), size, (*colour, 255), cv2.FILLED, shift=BITS)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled convex face."""
        corners = np.array([self._place(point) for point in points], np.int32)
        cv2.fillConvexPoly(self._pixels, corners, (*colour, 255), shift=BITS)

    def outline(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A closed stroke."""
        corners = np.array([self._place(point) for point in points], np.int32)
        cv2.polylines(self._pixels, [corners], True, (*colour, 255), self._thick(width), shift=BITS)

    def sprite(self) -> Sprite:
        """What was drawn, at the picture's resolution."""
        height, width = self._pixels.shape[:2]
        small = cv2.resize(
            self._pixels, (width // SUPERSAMPLING, height // SUPERSAMPLING), interpolation=cv2.INTER_AREA
        )
        return Sprite(self.left, self.top, self.foot[1], small.astype(np.float32))

    def _thick(self, width: float) -> int:
        return max(1, round(width * self._scale))

    def _place(self, point: Point) -> tuple[int, int]:
        forward, left, up = point
        right = forward * self.heading[0] - left * self.heading[1]
        away = forward * self.heading[1] + left * self.heading[0]
        return round(self._origin[0] + right * self._unit), round(self._origin[1] - (up + TILT * away) * self._unit)
