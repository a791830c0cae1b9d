"""Detected regions against marked ones: RBDC and TBDC (Ramachandra & Jones 2020, Street Scene, arXiv 1902.05872)."""

from __future__ import annotations

import cv2
import numpy as np

ALPHA = 0.1  # share of a track's regions that make it detected
BETA = 0.1  # intersection over union that makes a region detected
LEVELS = np.geomspace(300.0, 0.4, 48)  # of an anomaly map, in surprise (powers of ten)


class RegionCriteria:
    """The region- and the track-based detection criterion, in memory that grows with the tracks alone.

    At every level, detected regions are the connected components of the anomaly map that reach it, as boxes. A marked
    region is detected where one of them overlaps it by BETA; a detected region that overlaps no marked one by BETA is a
    false positive. A track is detected where ALPHA of its regions are. Either criterion is the area under the curve of
    the share detected over false positives a frame, from 0 to 1.

    Masks carry no track ids. Marked regions are the connected components of a frame's mask, as boxes, and a region
    belongs to the track of the region in the frame before that it overlaps most; things that touch are one track.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._false = np.zeros(len(LEVELS), np.int64)
        self._sizes: list[int] = []  # regions of every track
        self._hits: list[np.ndarray] = []  # int64 [levels]: how many of them are detected
        self._last = (np.zeros((0, 4)), np.zeros(0, int))  # boxes and tracks of the frame before

    def add(self, mask: np.ndarray, scores: np.ndarray) -> None:
        """Takes the next frame: mask `uint8 [H, W]` (non-zero is anomalous) and scores `float32 [H, W]`."""
        self._frames += 1
        marked = boxes(mask)
        tracks = self._link(marked)
        for i in np.flatnonzero(scores.max() >= LEVELS):
            found = boxes(scores >= LEVELS[i])
            if not len(marked):
                self._false[i] += len(found)
                continue
            overlap = intersection_over_union(marked, found) >= BETA
            self._false[i] += np.sum(~overlap.any(axis=0))
            for track in tracks[overlap.any(axis=1)]:
                self._hits[track][i] += 1

    def end_clip(self) -> None:
        """No track goes on into the next clip."""
        self._last = (np.zeros((0, 4)), np.zeros(0, int))

    @property
    def rbdc(self) -> float | None:
        """None where nothing is marked."""
        return self._area(np.sum(self._hits, axis=0) / sum(self._sizes)) if self._sizes else None

    @property
    def tbdc(self) -> float | None:
        """None where nothing is marked."""
        detected = [hits >= ALPHA * size for hits, size in zip(self._hits, self._sizes, strict=True)]
        return self._area(np.mean(detected, axis=0)) if detected else None

    def _area(self, rates: np.ndarray) -> float:
        return area_to_one(self._false / self._frames, rates)

    def _link(self, marked: np.ndarray) -> np.ndarray:
        """The track of every region, `int [N]`; new ones are begun."""
        overlap = intersection_over_union(marked, self._last[0])
        tracks = np.zeros(len(marked), int)
        for region, row in enumerate(overlap):
            if row.max(initial=0.0) > 0:
                tracks[region] = self._last[1][row.argmax()]
            else:
                tracks[region] = len(self._sizes)
                self._sizes.append(0)
                self._hits.append(np.zeros(len(LEVELS), np.int64))
            self._sizes[tracks[region]] += 1
        self._last = (marked, tracks)
        return tracks


def boxes(mask: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of every connected component of a mask `[H, W]`: `float64 [N, 4]`."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask != 0).astype(np.uint8))
    corner, size = stats[1:, :2], stats[1:, 2:4]
    return np.hstack([corner, corner + size]).astype(np.float64)


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of every box in `[N, 4]` with every box in `[M, 4]`: `float64 [N, M]`."""
    corners = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.prod(np.maximum(corners[1] - corners[0], 0.0), axis=-1)
    areas = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    return inside / (next(areas)[:, None] + next(areas)[None, :] - inside)


def area_to_one(false_positives: np.ndarray, rates: np.ndarray) -> float:
    """Area from 0 to 1 under the rates `[K]` over the false positives a frame `[K]` of some levels.

    At a strict level a region is only the core of a thing, too small to overlap it enough; at a lenient one regions
    merge. So neither number falls or rises with the level throughout, and at every number of false positives the best
    rate of all levels that make no more counts. Between levels the curve is straight, beyond the last it is flat.
    """
    order = np.argsort(false_positives, kind="stable")
    x = np.concatenate([[0.0], false_positives[order], [np.inf]])
    y = np.maximum.accumulate(np.concatenate([[0.0], rates[order], [0.0]]))
    beyond = int(np.argmax(x > 1.0))
    share = 0.0 if np.isinf(x[beyond]) else (1.0 - x[beyond - 1]) / (x[beyond] - x[beyond - 1])
    at_one = y[beyond - 1] + share * (y[beyond] - y[beyond - 1])
    return float(np.trapezoid([*y[:beyond], at_one], [*x[:beyond], 1.0]))
