"""Cron of a time zone as KFP takes it: six fields, seconds first, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from model.errors import BadInput

DAY = 24 * 60  # minutes
YEAR = 366  # days


class Utc(NamedTuple):
    """When a recurring run starts."""

    cron: str  # six fields
    until: datetime | None  # from when on the hours would be others, because the zone changes its clocks


def to_utc(cron: str, time_zone: str, now: datetime) -> Utc:
    """KFP's controller knows one zone for all; with its own default, UTC, this is right until the clocks change.

    Args:
        cron: five fields: minute, hour, day, month, weekday.
        time_zone: such as Europe/Zurich.
        now: with a zone.

    Raises:
        BadInput: there is no such zone, or the fields cannot be meant in UTC.
    """
    try:
        local = now.astimezone(ZoneInfo(time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise BadInput(f"expected schedule.time_zone such as Europe/Zurich. Received: {time_zone!r}") from e
    shift = _offset(local)
    minute, hour, *days = cron.split()
    if shift == 0:
        return Utc(f"0 {cron}", _change(local))
    if hour == "*" and shift % 60 == 0:
        return Utc(f"0 {cron}", None)  # every hour is every hour anywhere
    times = [60 * one + _number(minute, 60, cron, time_zone) - shift for one in _hours(hour, cron, time_zone)]
    if days != ["*", "*", "*"] and any(not 0 <= time < DAY for time in times):
        raise _not_meant(cron, time_zone, "the day is another one in UTC")
    hours = ",".join(str(time) for time in sorted(time % DAY // 60 for time in times))
    return Utc(f"0 {times[0] % 60} {hours} {' '.join(days)}", _change(local))


def _offset(local: datetime) -> int:
    """Minutes before UTC."""
    return round((local.utcoffset() or timedelta()).total_seconds() / 60)


def _change(local: datetime) -> datetime | None:
    for day in range(YEAR):
        later = local.replace(hour=12) + timedelta(days=day)  # of the wall clock, which changes at night
        if _offset(later) != _offset(local):
            return later
    return None


def _hours(text: str, cron: str, time_zone: str) -> list[int]:
    return [_number(one, 24, cron, time_zone) for one in text.split(",")]


def _number(text: str, below: int, cron: str, time_zone: str) -> int:
    if not (text.isdecimal() and int(text) < below):
        raise _not_meant(cron, time_zone, "only numbers can be moved")
    return int(text)


def _not_meant(cron: str, time_zone: str, why: str) -> BadInput:
    return BadInput(f"expected a cron that can be said in UTC, or time_zone: UTC; {why}. Received: {cron} {time_zone}")
