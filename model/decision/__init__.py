"""From scores to alarms and events."""

from model.decision.events import Event, events
from model.decision.region import box
from model.decision.threshold import fit_threshold

__all__ = ["Event", "box", "events", "fit_threshold"]
