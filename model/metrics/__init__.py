"""Measures against what a person marked: of frames, pixels, regions and events."""

from model.metrics.events import EventCounts, count_events, delays
from model.metrics.frames import average_precision, equal_error_rate, frame_auroc, macro_auroc, roc
from model.metrics.pixels import PixelAuroc
from model.metrics.regions import RegionCriteria

__all__ = [
    "EventCounts",
    "PixelAuroc",
    "RegionCriteria",
    "average_precision",
    "count_events",
    "delays",
    "equal_error_rate",
    "frame_auroc",
    "macro_auroc",
    "roc",
]
