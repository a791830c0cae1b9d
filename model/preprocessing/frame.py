"""One frame at a time: crop, grey, blur, resize, region mask. Training and serving call the same function."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from model.config import Preprocessing
from model.errors import BadInput

MASK_COVER = 0.25  # share of a network pixel


def preprocess_frame(frame: np.ndarray, settings: Preprocessing) -> np.ndarray:
    """A camera frame, uint8 [H, W, C] in RGB order, as the network sees it: uint8 [height, width, channels].

    Raises:
        BadInput: another type or shape, or settings that make no picture.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] not in (1, 3):
        raise BadInput(f"expected a frame as uint8 [H, W, 1 or 3]. Received: {frame.dtype} {list(frame.shape)}")
    if min(settings.height, settings.width) < 1:
        size = f"{settings.height} x {settings.width}"
        raise BadInput(f"expected preprocessing.height and width of at least 1. Received: {size}")
    picture = _colours(_crop(frame, settings), settings.channels)
    if settings.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), settings.blur)
    picture = cv2.resize(picture, (settings.width, settings.height), interpolation=cv2.INTER_AREA)
    picture = picture.reshape(settings.height, settings.width, settings.channels)
    return picture * _region(settings) if settings.region_mask else picture


def preprocess_mask(mask: np.ndarray, settings: Preprocessing) -> np.ndarray:
    """A pixel mask [H, W], non-zero where anomalous, at the network's size: uint8 [height, width], 0 or 1.

    A network pixel counts from a quarter of its area on. Any cover at all would grow each outline by up to a pixel;
    half would lose limbs and distant figures thinner than one.
    """
    cropped = (_crop(mask, settings) > 0).astype(np.float32)
    cover = cv2.resize(cropped, (settings.width, settings.height), interpolation=cv2.INTER_AREA)
    small = (cover >= MASK_COVER).astype(np.uint8)
    return small * _region(settings)[..., 0] if settings.region_mask else small


def _crop(frame: np.ndarray, settings: Preprocessing) -> np.ndarray:
    height, width = frame.shape[:2]
    top, bottom, left, right = settings.crop
    rows = slice(round(top * height), round(bottom * height))
    columns = slice(round(left * width), round(right * width))
    cropped = frame[rows, columns] if min(settings.crop) >= 0 and max(settings.crop) <= 1 else frame[:0]
    if not cropped.size:
        raise BadInput(
            "expected preprocessing.crop as top < bottom, left < right, shares of the frame in [0, 1]."
            f" Received: {settings.crop} of {width} x {height} pixels"
        )
    return cropped


def _colours(frame: np.ndarray, channels: int) -> np.ndarray:
    if channels not in (1, 3):
        raise BadInput(f"expected preprocessing.channels as 1 or 3. Received: {channels}")
    if frame.shape[2] == channels:
        return frame
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY if channels == 1 else cv2.COLOR_GRAY2RGB))


@lru_cache(maxsize=8)
def _region(settings: Preprocessing) -> np.ndarray:
    """uint8 [height, width, 1], 1 inside any of the polygons."""
    region = np.zeros((settings.height, settings.width, 1), np.uint8)
    size = np.array([settings.width, settings.height])
    for polygon in settings.region_mask:
        corners = np.array(polygon)
        if len(corners) < 3 or corners.min() < 0 or corners.max() > 1:
            raise BadInput(
                "expected preprocessing.region_mask as polygons of three or more points in [0, 1]."
                f" Received: {list(polygon)}"
            )
        # Pixel centres lie at whole numbers; one call a polygon, because overlaps within a call cancel out.
        cv2.fillPoly(region, [np.rint(corners * size - 0.5).astype(np.int32)], 1)
    return region
