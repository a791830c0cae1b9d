"""Moving things cut out of normal clips, each over a few frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from model.pasting.backdrop import Backdrop

LONGEST, SHORTEST = 16, 8  # frames of a cut-out
OVERLAP = 0.2  # of the boxes of one thing in neighbouring frames
STEADY = (0.6, 1.6)  # areas against their median; outside it has merged or parted
EDGE, MARGIN = 0.7, 3  # pixels: standard deviation of a soft edge, and the room it takes
LEAST_WAY = 0.15  # of its own height; what moves less is a flicker


@dataclass(frozen=True)
class Cutout:
    """One thing over `K` frames; its foot is the middle of its lower edge."""

    pixels: np.ndarray  # float32 [K, h, w, C], grey levels
    alpha: np.ndarray  # float32 [K, h, w] in [0, 1], soft at the edge
    feet: np.ndarray  # float64 [K, 2], x and y in the patch, smooth in time
    foot: tuple[float, float]  # x and y in the picture, pixels, at mid-time
    velocity: tuple[float, float]  # pixels a frame
    height: float  # pixels
    width: float  # pixels
    light: float  # brightness of the place it was cut from, grey levels

    @property
    def pace(self) -> float:
        """Own heights a frame."""
        return float(np.hypot(*self.velocity)) / self.height


@dataclass(eq=False)
class _Track:
    first: int
    boxes: list[np.ndarray]  # left, top, width, height, area
    masks: list[np.ndarray]  # bool [height, width] each


def cut_out(frames: np.ndarray, backdrop: Backdrop) -> tuple[list[Cutout], np.ndarray]:
    """The moving things of a clip `uint8 [T, H, W, C]`, and how often each pixel was covered, `int32 [H, W]`."""
    covered = np.zeros(frames.shape[1:3], np.int32)
    found = []
    for track in _tracks(frames, backdrop, covered):
        for start in range(0, len(track.boxes) - SHORTEST + 1, LONGEST):
            piece = slice(start, start + LONGEST)
            part = _Track(track.first + start, track.boxes[piece], track.masks[piece])
            cutout = _cut(frames, backdrop, part)
            if cutout:
                found.append(cutout)
    return found, covered


def _tracks(frames: np.ndarray, backdrop: Backdrop, covered: np.ndarray) -> Iterator[_Track]:
    """Things that are seen in frame after frame; `covered` is counted on the way."""
    live: list[_Track] = []
    for t, frame in enumerate(frames):
        parts, boxes = backdrop.things(frame)
        going: list[_Track] = []
        for number in np.flatnonzero(boxes[:, 4]):
            left, top, width, height, _ = box = boxes[number]
            mask = parts[top : top + height, left : left + width] == number + 1
            covered[top : top + height, left : left + width] += mask
            shared = _overlaps(np.array([track.boxes[-1] for track in live]), box) if live else np.zeros(1)
            track = live.pop(int(shared.argmax())) if shared.max() >= OVERLAP else _Track(t, [], [])
            track.boxes.append(box)
            track.masks.append(mask)
            going.append(track)
        yield from live
        live = going
    yield from live


def _overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Intersection over union of each of `boxes [N, 5]` with one."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:4], box[:2] + box[2:4])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    return np.asarray(shared / (boxes[:, 2] * boxes[:, 3] + box[2] * box[3] - shared))


def _cut(frames: np.ndarray, backdrop: Backdrop, track: _Track) -> Cutout | None:
    """The thing of a track, or None where it is not whole, steady and moving."""
    boxes = np.array(track.boxes, np.float64)
    if len(boxes) < SHORTEST or not _whole(boxes, frames.shape[1:3]):
        return None
    steady = boxes[:, 4] / np.median(boxes[:, 4])
    height, width = np.median(boxes[:, 3]), np.median(boxes[:, 2])
    feet, velocity = _straight(np.stack([boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3]], 1))
    way = np.hypot(*velocity) * (len(boxes) - 1)
    if steady.min() < STEADY[0] or steady.max() > STEADY[1] or way < LEAST_WAY * height:
        return None
    pixels, alpha, inside = _patches(frames[track.first :], backdrop, track, feet)
    x, y = feet.mean(0)
    light = backdrop.light[min(int(y), frames.shape[1] - 1), int(x)]
    return Cutout(pixels, alpha, inside, (x, y), velocity, float(height), float(width), float(light))


def _whole(boxes: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether no box touches the edge of the picture."""
    right, low = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    return bool(boxes[:, :2].min() > 0 and right.max() < shape[1] and low.max() < shape[0])


def _straight(points: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Points `[K, 2]` on the line that fits them best at constant speed, and that speed a frame."""
    time = np.arange(len(points)) - (len(points) - 1) / 2
    speed = time @ points / (time @ time)
    return points.mean(0) + time[:, None] * speed, (float(speed[0]), float(speed[1]))


def _patches(
    frames: np.ndarray, backdrop: Backdrop, track: _Track, feet: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, alpha and feet within patches of one size, which hold every box and a soft edge."""
    boxes = np.array(track.boxes)
    left, top = np.floor((boxes[:, :2] - feet).min(0)).astype(int) - MARGIN
    right, low = np.ceil((boxes[:, :2] + boxes[:, 2:4] - feet).max(0)).astype(int) + MARGIN
    corners = np.floor(feet).astype(int) + (left, top)
    size = (low - top + 1, right - left + 1)
    pixels = np.empty((len(boxes), *size, frames.shape[3]), np.float32)
    alpha = np.zeros((len(boxes), *size), np.float32)
    for k, ((left, top), box, mask) in enumerate(zip(corners, boxes, track.masks, strict=True)):
        rows = np.clip(np.arange(top, top + size[0]), 0, frames.shape[1] - 1)
        columns = np.clip(np.arange(left, left + size[1]), 0, frames.shape[2] - 1)
        pixels[k] = frames[k][np.ix_(rows, columns)]
        y, x = box[1] - top, box[0] - left
        alpha[k, y : y + box[3], x : x + box[2]] = mask
        alpha[k] = soft(_without_halo(alpha[k], backdrop.apart(pixels[k], rows, columns)))
    return pixels, alpha, feet - corners


def _without_halo(mask: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """A mask `[h, w]` of 0 and 1 less its rim of old ground, which another ground would show."""
    core = cv2.erode(mask, np.ones((5, 5), np.uint8))
    return cv2.morphologyEx(np.maximum(core, mask * apart), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))


def soft(mask: np.ndarray) -> np.ndarray:
    """A mask `float32 [h, w]` of 0 and 1 with a Gaussian edge about a pixel wide."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), EDGE)
