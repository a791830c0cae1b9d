"""How large an evidence is of what moves as it should, by the height in the picture.

Near the camera everything is larger, faster and further from its prediction. Divided by what is usual in its row, a
skater far away weighs as much as one nearby (Leyva, Sanchez, Li 2017 divide by the size of people instead).
"""

from __future__ import annotations

import numpy as np

QUANTILE = 0.9  # of the moving blocks' values
REACH = 0.07  # of the picture's height: rows further away count less
LOWEST = 0.3  # of the largest scale: far away and where nothing moved, errors and differences are mostly noise
LOWEST_SPEED = 0.1  # the same for speeds, which shrink with the distance for longer


def row_scales(values: np.ndarray, moving: np.ndarray, lowest: float = LOWEST) -> np.ndarray:
    """The usual value of moving blocks around each row, `float32 [h]`; ones where nothing moves.

    A row takes most of its neighbours' word, which flattens the slope; a second look at what is left mends that.

    Args:
        values: `float32 [T, h, w]`.
        moving: `bool [T, h, w]`.
        lowest: the smallest scale, a share of the largest.
    """
    first = _row_scales(values, moving, lowest)
    both = first * _row_scales(values / first[:, np.newaxis], moving, lowest)
    return np.maximum(both, np.float32(lowest) * both.max())


def _row_scales(values: np.ndarray, moving: np.ndarray, lowest: float) -> np.ndarray:
    height = values.shape[1]
    by_row = [np.sort(values[:, row][moving[:, row]]) for row in range(height)]
    pooled = np.concatenate(by_row)
    if not len(pooled):
        return np.ones(height, np.float32)
    rows = np.repeat(np.arange(height), [len(v) for v in by_row])
    order = np.argsort(pooled, kind="stable")
    pooled, rows = pooled[order], rows[order]
    scales = np.empty(height, np.float32)
    for row in range(height):
        distance = (rows - row) / (REACH * height)
        # In logarithms, so that a row far from all movement still has its nearest neighbours.
        weight = np.exp(-0.5 * (np.square(distance) - np.square(distance).min()))
        reached = np.cumsum(weight)
        scales[row] = pooled[np.searchsorted(reached, QUANTILE * reached[-1])]
    largest = scales.max()
    return np.maximum(scales, np.float32(lowest) * largest) if largest > 0 else np.ones(height, np.float32)
