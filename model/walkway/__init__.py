"""The built-in synthetic footage: a campus walkway, and now and then something that does not belong there."""

from model.walkway.clip import WalkwayClip, render_clip
from model.walkway.day import Moment, render_day
from model.walkway.files import write

__all__ = ["Moment", "WalkwayClip", "render_clip", "render_day", "write"]
