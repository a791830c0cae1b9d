"""From scores to alarms and events."""

from model.decision.events import Box, Changes, Event, EventTracker, TrackerState, events
from model.decision.region import box, in_frame
from model.decision.threshold import Threshold, fit_threshold

__all__ = [
    "Box",
    "Changes",
    "Event",
    "EventTracker",
    "Threshold",
    "TrackerState",
    "box",
    "events",
    "fit_threshold",
    "in_frame",
]
