"""When a clip was recorded, where its name says so, as recorders name their files."""

from __future__ import annotations

import re

# A date, and a time of day with or without seconds, each written apart in one way or not at all: 20260412083000,
# 2026-04-12T08-30, lobby_20260412_083000, 2026.04.12 08.30.00.
_RECORDED = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?P<a>[-_.]?)(?:0[1-9]|1[0-2])(?P=a)(?:0[1-9]|[12]\d|3[01])[-_. T]?"
    r"(?P<hour>[01]\d|2[0-3])(?P<b>[-_.:]?)(?P<minute>[0-5]\d)(?:(?P=b)(?P<second>[0-5]\d))?(?!\d)"
)


def recorded_hour(name: str) -> float | None:
    """The hour of the day, 0 to 24, at the first frame of what is named so; None where the name does not tell."""
    found = _RECORDED.search(name)
    if not found:
        return None
    return int(found["hour"]) + int(found["minute"]) / 60 + int(found["second"] or 0) / 3600
