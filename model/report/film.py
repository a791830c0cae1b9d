"""A few frames of an event, chosen as it goes on: where it was, and how strange."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from model.decision import Box
from model.report.content import Still
from model.report.pictures import GAP, PANEL_WIDTH, heat, rgb

KEPT = 8  # frames while the event lasts
COLUMNS = 5  # frames that are shown
CAPTION = 18  # pixels
RED, INK = (192, 57, 43), (82, 96, 109)


def still(
    frame: int,
    score: float,
    picture: np.ndarray,
    anomaly_map: np.ndarray,
    box: Box,
    part: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0),
) -> Still:
    """A frame `uint8 [H, W, C]` with its box, made small."""
    share = min(1.0, PANEL_WIDTH / picture.shape[1])
    if share < 1:
        size = (PANEL_WIDTH, max(1, round(share * picture.shape[0])))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(share * side) for side in box)
    return Still(frame, score, np.array(picture), anomaly_map, (left, top, right, bottom), part)


class Film:
    """Takes every frame of an event and keeps at most `KEPT`, evenly spaced, the last one and the peak."""

    def __init__(self) -> None:
        self._kept: list[Still] = []
        self._stride = 1
        self._seen = 0
        self._peak: Still | None = None
        self._last: Still | None = None

    def add(self, still: Still) -> None:
        """Takes the next frame."""
        self._last = still
        if self._peak is None or still.score > self._peak.score:
            self._peak = still
        if self._seen % self._stride == 0:
            self._kept.append(still)
        self._seen += 1
        if len(self._kept) > KEPT:
            self._kept, self._stride = self._kept[::2], 2 * self._stride

    def stills(self) -> tuple[Still, ...]:
        """At most `COLUMNS`, in order: from the first to the last, the peak among them."""
        if self._peak is None or self._last is None:
            return ()
        peak = self._peak.frame
        known = {still.frame: still for still in (*self._kept, self._peak, self._last)}
        frames = np.array(sorted(known))
        wanted = np.linspace(frames[0], frames[-1], COLUMNS)
        chosen = {int(frames[np.abs(frames - t).argmin()]) for t in wanted}
        if peak not in chosen:  # takes the place of its neighbour, but of neither end
            chosen -= {min(sorted(chosen)[1:-1], key=lambda t: abs(t - peak))}
            chosen.add(peak)
        return tuple(known[t] for t in sorted(chosen))


def film_image(stills: Sequence[Still], peak: int, fps: float) -> np.ndarray:
    """Frames with their boxes, and below each its anomaly map on one scale: `uint8 [H, W, 3]`, RGB.

    Args:
        peak: the frame that is called so.
        fps: frames/s.
    """
    scale = max(float(still.anomaly_map.max()) for still in stills) or 1.0
    columns = [_column(still, scale, "peak" if still.frame == peak else "", fps) for still in stills]
    gap = np.full((len(columns[0]), GAP, 3), 255, np.uint8)
    return np.hstack([part for column in columns for part in (column, gap)][:-1])


def _column(still: Still, scale: float, word: str, fps: float) -> np.ndarray:
    height = max(1, round(PANEL_WIDTH * still.picture.shape[0] / still.picture.shape[1]))
    share = PANEL_WIDTH / still.picture.shape[1]
    picture = cv2.resize(rgb(still.picture), (PANEL_WIDTH, height), interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = (round(share * side) for side in still.box)
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), RED, 2)
    caption = np.full((CAPTION, PANEL_WIDTH, 3), 255, np.uint8)
    said = f"{still.frame / fps:.1f} s   score {still.score:.1f}   {word}"
    cv2.putText(caption, said, (0, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    warm = np.zeros_like(picture)
    rows, columns = _part(still.part[:2], height), _part(still.part[2:], PANEL_WIDTH)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    warm[rows, columns] = cv2.resize(heat(still.anomaly_map, scale), size, interpolation=cv2.INTER_LINEAR)
    return np.vstack([caption, picture, np.full((GAP, PANEL_WIDTH, 3), 255, np.uint8), warm])


def _part(shares: tuple[float, ...], length: int) -> slice:
    start = min(round(shares[0] * length), length - 1)
    return slice(start, max(round(shares[1] * length), start + 1))
