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


def in_frame(
    region: tuple[int, int, int, int], shape: tuple[int, ...], crop: tuple[float, ...], frame_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """A box of a map of the network input as one of the camera frame.

    Args:
        shape: height and width of the map.
        crop: the part of the frame that the map covers: top, bottom, left, right, shares of the frame.
        frame_size: height and width of the frame, pixels.
    """
    top, bottom, left, right = crop
    height, width = frame_size

    def across(x: int) -> int:
        return round(width * (left + (right - left) * x / shape[1]))

    def down(y: int) -> int:
        return round(height * (top + (bottom - top) * y / shape[0]))

    return across(region[0]), down(region[1]), across(region[2]), down(region[3])
