"""Frames, predictions and errors as pictures that a person can look at."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from model.report.content import Strip

PANEL_WIDTH = 220  # pixels
GAP = 6  # pixels between panels
FLOOR = 0.25  # share of the error scale under which heat is invisible


def error_scale(strips: Iterable[Strip]) -> float:
    """One scale for a set of error maps, so that their colours can be compared."""
    errors = [float(np.quantile(strip.error, 0.998)) for strip in strips]
    return max(errors, default=1.0) or 1.0


def strip_image(strip: Strip, scale: float) -> np.ndarray:
    """Frame, prediction, error and (where one exists) mask side by side.

    Args:
        scale: the error that gets the brightest colour.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    panels = [rgb(strip.picture), rgb(strip.prediction), heat(strip.error, scale)]
    if strip.mask is not None:
        panels.append(rgb(strip.mask * np.uint8(255)))
    height = max(1, round(PANEL_WIDTH * strip.picture.shape[0] / strip.picture.shape[1]))
    shrinks = strip.picture.shape[1] > PANEL_WIDTH
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    sized = [cv2.resize(panel, (PANEL_WIDTH, height), interpolation=method) for panel in panels]
    gap = np.full((height, GAP, 3), 255, np.uint8)
    return np.hstack([part for panel in sized for part in (panel, gap)][:-1])


def rgb(picture: np.ndarray) -> np.ndarray:
    """A grey or RGB picture as uint8 [H, W, 3]."""
    picture = picture if picture.ndim == 3 else picture[..., None]
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def heat(error: np.ndarray, scale: float) -> np.ndarray:
    """An error map as colours from black to bright: uint8 [H, W, 3], RGB."""
    level = np.clip(error * (255 / scale), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))


def png(picture: np.ndarray) -> bytes:
    """An RGB picture as a PNG file."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1])
