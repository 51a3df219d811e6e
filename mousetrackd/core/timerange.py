"""From the words people use for a time to UTC seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from mousetrackd.core.errors import UsageError

_AGO = re.compile(r"(\d{1,5})\s*(minute|hour|day|week|month|year)s?\s+ago")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_STEP = re.compile(r"(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_DAY = timedelta(days=1)

HELP = '"2026-11-22", "2026-11-22 14:30", "14:30", "today", "yesterday", "now", "3 hours ago", "7 days ago"'


def moment_s(text: str, now: datetime, *, end: bool = False) -> int:
    """UTC seconds of what ``text`` says, on the local clock.

    A day is its beginning, or with ``end`` its end, so that "since yesterday until yesterday" is all of it.
    "7 days ago" is the beginning (end) of that day; "3 hours ago" is to the second. now: the present; its
    zone, or none for the local one, is that of the words. Raises UsageError with what can be said.
    """
    words = " ".join(text.lower().split())
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    try:
        moment, is_day = _parse(words, now, midnight)
        return int((moment + _DAY if end and is_day else moment).timestamp())
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f'cannot understand the time "{text}"', f"Say for example: {HELP}") from error


def _parse(words: str, now: datetime, midnight: datetime) -> tuple[datetime, bool]:
    """The moment, and whether a whole day was meant. Raises ValueError."""
    named = {"now": (now, False), "today": (midnight, True), "yesterday": (midnight - _DAY, True)}
    if words in named:
        return named[words]
    ago = _AGO.fullmatch(words)
    if ago:
        count, unit = int(ago[1]), ago[2]
        if unit in _DAYS:
            return midnight - count * _DAYS[unit] * _DAY, True
        # By the clock that never jumps: on a day of 23 hours, 3 hours ago is still 3 hours ago.
        return now.astimezone(UTC) - count * timedelta(minutes=60 if unit == "hour" else 1), False
    clock = _CLOCK.fullmatch(words)
    if clock:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return midnight.replace(hour=hour, minute=minute, second=second), False
    said = datetime.fromisoformat(words.upper())
    if said.tzinfo is None:
        said = said.replace(tzinfo=now.tzinfo)
    return said, len(words) <= len("2026-11-22")


def parse_hours(text: str) -> frozenset[int]:
    """Hours of the day: "9-17" is from 9:00 until 17:00, "22-6" goes past midnight, "8" is one hour, commas join.

    Raises UsageError.
    """
    hours: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})(?:\s*-\s*(\d{1,2}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or int(match[1]) + 1)) if match else (99, 99)
        if first > 23 or last > 24 or first == last:
            raise UsageError(f'"{text}" are no hours', "Say for example: 9-17, 22-6, or 8,12-14.")
        hours |= {hour % 24 for hour in range(first, last if last > first else last + 24)}
    return frozenset(hours)


def _weekday(name: str) -> int | None:
    """0 for "mon" or "monday"; None for what is no day."""
    whole = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return next((number for number, day in enumerate(whole) if name in (day, WEEKDAYS[number])), None)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_weekdays(text: str) -> frozenset[int]:
    """Days of the week, 0 for Monday: "mon-fri", "sat,sun", "fri-mon". Raises UsageError."""
    days: set[int] = set()
    for part in text.lower().split(","):
        ends = [_weekday(end.strip()) for end in part.split("-")]
        first, last = (ends[0], ends[-1]) if len(ends) <= 2 else (None, None)
        if first is None or last is None:
            raise UsageError(f'"{text}" are no days of the week', "Say for example: mon-fri, or sat,sun.")
        days |= {day % 7 for day in range(first, last + 1 if last >= first else last + 8)}
    return frozenset(days)


def parse_step_s(text: str) -> int:
    """Seconds of a step like "1h", "15m", "1d", "90s". Raises UsageError."""
    match = _STEP.fullmatch(text.strip().lower())
    step_s = int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2][0]] if match else 0
    if not 1 <= step_s <= 366 * 86400:
        raise UsageError(f'"{text}" is no step of time', "Say for example: 15m, 1h or 1d.")
    return step_s


def parse_range(
    since: str | None, until: str | None, now: datetime | None = None, zone: tzinfo | None = None
) -> tuple[int | None, int | None]:
    """UTC seconds of a range; None is open. Raises UsageError, also when it ends before it begins."""
    present = now or datetime.now(zone)
    since_s = None if since is None else moment_s(since, present)
    until_s = None if until is None else moment_s(until, present, end=True)
    if since_s is not None and until_s is not None and until_s <= since_s:
        raise UsageError(f'the range ends ("{until}") before it begins ("{since}")', "Swap them?")
    return since_s, until_s
