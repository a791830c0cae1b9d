"""Where in the picture an alarm is."""

from __future__ import annotations

import cv2
import numpy as np


def box(anomaly_map: np.ndarray) -> tuple[int, int, int, int]:
    """Around what is at least half as strange as the strangest pixel and connected with it.

    Args:
        anomaly_map: `float32 [H, W]`.

    Returns:
        Left, top, right, bottom in pixels; right and bottom are not included.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((anomaly_map >= anomaly_map.max() / 2).astype(np.uint8))
    left, top, width, height, _ = stats[labels.flat[anomaly_map.argmax()]].tolist()
    return left, top, left + width, top + height
