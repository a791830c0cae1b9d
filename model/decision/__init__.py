"""From scores to alarms and events."""

from model.decision.events import Box, Changes, Event, EventTracker, TrackerState, events
from model.decision.level import Level, LevelState, Usual, fit_usual, lifts
from model.decision.profile import HOURS, Profile
from model.decision.region import box, in_frame
from model.decision.threshold import Threshold, fit_threshold

__all__ = [
    "HOURS",
    "Box",
    "Changes",
    "Event",
    "EventTracker",
    "Level",
    "LevelState",
    "Profile",
    "Threshold",
    "TrackerState",
    "Usual",
    "box",
    "events",
    "fit_threshold",
    "fit_usual",
    "in_frame",
    "lifts",
]
