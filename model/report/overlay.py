"""A video of what the detector thinks: heat where it is strange, and the score over the last seconds."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from model.decision import Box
from model.report.pictures import FLOOR, rgb
from model.report.video import VideoFile

Colour = tuple[int, int, int]  # blue, green, red: OpenCV's order

MIN_WIDTH = 480  # pixels; smaller frames are enlarged so that the text can be read
STRIP_HEIGHT = 76  # pixels, of which the first TEXT_HEIGHT hold the text
TEXT_HEIGHT = 24
SECONDS = 20.0  # of score that the timeline shows
OPACITY = 0.7  # of the heat where the error reaches its scale
INK: Colour = (51, 41, 31)
PAPER: Colour = (250, 247, 245)
WARM_UP: Colour = (235, 231, 228)
BLUE: Colour = (139, 111, 31)
RED: Colour = (43, 57, 192)
PALE_RED: Colour = (205, 210, 243)


class OverlayWriter:
    """Writes frames as they come; needs only the past.

    The file appears under its name when the `with` block ends well and not at all when it does not.
    """

    def __init__(
        self,
        path: Path,
        *,
        fps: float,
        frame_size: tuple[int, int],
        threshold: float,
        error_scale: float,
        crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0),
    ) -> None:
        """Opens the video.

        Args:
            fps: frames/s.
            frame_size: height and width of the frames, pixels.
            error_scale: the error that gets full heat; one for the whole video, so that quiet frames stay clear.
            crop: the part of the frame that error maps cover: top, bottom, left, right, shares of the frame.

        Raises:
            BadInput: the video cannot be written there.
        """
        self._fps, self._threshold, self._error_scale = fps, threshold, error_scale
        height, width = frame_size
        zoom = max(1.0, MIN_WIDTH / width)
        # Both sides are even, as a video file wants them.
        self._height, self._width = 2 * round(height * zoom / 2), 2 * round(width * zoom / 2)
        top, bottom, left, right = crop
        self._region = (
            slice(round(top * self._height), round(bottom * self._height)),
            slice(round(left * self._width), round(right * self._width)),
        )
        self._past: deque[tuple[float, bool, float]] = deque(maxlen=max(2, min(round(SECONDS * fps), self._width)))
        self._frames = 0
        self._video = VideoFile(path, fps, (self._width, self._height + STRIP_HEIGHT))

    def __enter__(self) -> OverlayWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._video.publish()
        else:
            self._video.discard()

    def add(
        self,
        frame: np.ndarray,
        error_map: np.ndarray | None,
        score: float,
        *,
        alarm: bool,
        threshold: float | None = None,
        box: Box | None = None,
    ) -> np.ndarray:
        """Appends one frame.

        Args:
            frame: uint8 [H, W, C] in its original size.
            error_map: float32 [h, w] in any size, or None.
            score: NaN during warm-up.
            threshold: in force at this frame; None is the one of the whole video.
            box: where it is strange, in pixels of the frame.

        Returns:
            What was drawn: uint8 [height, width, 3], BGR.
        """
        threshold = self._threshold if threshold is None else threshold
        self._past.append((score, alarm, threshold))
        canvas = np.empty((self._height + STRIP_HEIGHT, self._width, 3), np.uint8)
        picture = canvas[: self._height]
        cv2.resize(rgb(frame)[..., ::-1], (self._width, self._height), picture, interpolation=cv2.INTER_LINEAR)
        if error_map is not None:
            blend_heat(picture[self._region], error_map, self._error_scale)
        if alarm:
            cv2.rectangle(picture, (2, 2), (self._width - 3, self._height - 3), RED, 5)
        if box:
            share = np.array([self._width / frame.shape[1], self._height / frame.shape[0]] * 2)
            left, top, right, bottom = (share * box).round().astype(int).tolist()
            cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), RED, 2)
        self._draw_strip(canvas[self._height :], score, alarm, threshold)
        self._video.write(canvas)
        self._frames += 1
        return canvas

    def _draw_strip(self, strip: np.ndarray, score: float, alarm: bool, threshold: float) -> None:
        strip[:] = PAPER
        minutes, seconds = divmod(self._frames / self._fps, 60)
        said = "warming up" if math.isnan(score) else f"score {score:.2f}  threshold {threshold:.2f}"
        _write(strip, f"{int(minutes):02d}:{seconds:04.1f}   {said}", 8, INK)
        if alarm:
            _write(strip, "ALARM", self._width - 62, RED)
        draw_timeline(strip[TEXT_HEIGHT:], list(self._past), self._past.maxlen or 2)


def blend_heat(picture: np.ndarray, error_map: np.ndarray, scale: float) -> None:
    """Lays the error over `picture` (uint8 [H, W, 3], BGR) in place; nothing shows under a share FLOOR of `scale`."""
    level = np.clip(error_map.astype(np.float32) / scale, 0, 1)
    if level.max(initial=0) <= FLOOR:
        return
    size = (picture.shape[1], picture.shape[0])
    colours = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = cv2.resize((level - FLOOR).clip(0) * (OPACITY / (1 - FLOOR)), size, interpolation=cv2.INTER_LINEAR)
    colours = cv2.resize(colours, size, interpolation=cv2.INTER_LINEAR)
    picture[:] = cv2.blendLinear(colours, np.ascontiguousarray(picture), opacity, 1 - opacity)


def draw_timeline(plot: np.ndarray, past: list[tuple[float, bool, float]], slots: int) -> None:
    """Draws the scores, newest at the right, alarms red and warm-up grey; each threshold stands half way up."""
    height, width = plot.shape[:2]
    scores, alarms, thresholds = (np.array(column) for column in zip(*past, strict=True))
    share = np.clip(0.5 + 0.5 * (scores - thresholds) / np.maximum(np.abs(thresholds), 1e-6), 0, 1)
    edges = np.linspace(0, width, slots + 1).round().astype(int)[slots - len(past) :]
    for left, right, score, alarm in zip(edges, edges[1:], scores, alarms, strict=False):
        if alarm or np.isnan(score):
            plot[:, left:right] = PALE_RED if alarm else WARM_UP
    cv2.line(plot, (0, height // 2), (width, height // 2), RED, 1)
    known = np.isfinite(scores)
    points = np.stack([edges[1:][known] - 1, (height - 3 - share[known] * (height - 6)).astype(int)], axis=1)
    cv2.polylines(plot, [points.astype(np.int32)], isClosed=False, color=BLUE, thickness=2, lineType=cv2.LINE_AA)


def _write(strip: np.ndarray, text: str, left: int, colour: Colour) -> None:
    cv2.putText(strip, text, (left, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.48, colour, 1, cv2.LINE_AA)
