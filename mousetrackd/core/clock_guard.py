"""Whether the clock can be believed when something is to be done that cannot be undone. Pure: no clock, no file.

Rolling up, pruning and the removal of copies go by the age of counts, and one wrong reading of the clock makes
everything old. So a clock that leaps past all that is known has to wait: until it has run on for a day, or until a
start on another day finds it near the same time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

HOUR_S = 3600
DAY_S = 24 * HOUR_S
LEAP_S = 60 * DAY_S
"""Farther than this beyond the newest counts the clock has leapt. Who was away for longer waits for a day."""
_SHORTEST_LEAP_S = 3 * DAY_S
_OTHER_DAY_S = 12 * HOUR_S
"""A start this much later by the clock is one of another day."""
_DRIFT_S = HOUR_S
"""A clock that differs by more than this from the time that passed was set meanwhile."""
_END_OF_TIME_S = 1 << 40


@dataclass(frozen=True)
class Moment:
    """A look at the clocks, in whole seconds: UTC, and since the boot, time in suspend included.

    start: distinguishes one run of the daemon from the next.
    """

    wall_s: int
    boottime_s: int
    start: str


@dataclass(frozen=True)
class Known:
    """What is known of the clock, kept between two looks.

    trusted_s: UTC seconds that were believed last; None before the first look. leap: the first look after a leap past
    them; None where the clock can be believed.
    """

    trusted_s: int | None = None
    leap: Moment | None = None

    def to_json(self) -> str:
        """For ``from_json``."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Known:
        """What ``to_json`` wrote; of anything else, nothing is known."""
        try:
            fields = json.loads(text)
            leap = fields["leap"]
            known = cls(fields["trusted_s"], None if leap is None else Moment(**leap))
        except (ValueError, TypeError, KeyError, RecursionError):
            return cls()
        numbers = [0 if known.trusted_s is None else known.trusted_s]
        if known.leap is not None:
            numbers += [known.leap.wall_s, known.leap.boottime_s]
        return known if all(type(one) is int and 0 <= one < _END_OF_TIME_S for one in numbers) else cls()

    def problem(self) -> str:
        """What is reported while a leap is waited for; empty otherwise."""
        if self.leap is None or self.trusted_s is None:
            return ""
        days = (self.leap.wall_s - self.trusted_s) // DAY_S
        return (
            f"the clock is {days} days ahead of what was counted before: nothing old is added up or removed until it"
            " has run like that for a day, or mousetrackd is started on another day"
        )


def limit_s(keep_days: int) -> int:
    """How far beyond what was trusted the clock may be. Less where counts are kept only for a short time."""
    return max(min(LEAP_S, keep_days * DAY_S // 2), _SHORTEST_LEAP_S) if keep_days else LEAP_S


def looked(known: Known, now: Moment, newest_s: int | None, limit_s: int = LEAP_S) -> Known:
    """What is known after a look at the clocks; ``leap`` says whether they can be believed.

    newest_s: UTC seconds of the newest counts that are a day old or more; None where there are none, and nothing can
    be lost. limit_s: as of ``limit_s``, for what was trusted; counts may be ``LEAP_S`` old.
    """
    if known.leap is not None and _is_confirmed(known.leap, now):
        return Known(now.wall_s)
    trusted_s = known.trusted_s
    if trusted_s is not None and trusted_s > now.wall_s + DAY_S:
        trusted_s = None  # the clock was ahead then, or is behind now
    if trusted_s is None:
        trusted_s, limit_s = newest_s, LEAP_S
    if trusted_s is None:
        return Known()  # nothing is older, so nothing can be lost; and nothing vouches for this clock
    if now.wall_s - trusted_s <= limit_s:
        return Known(now.wall_s)
    is_same = known.leap is not None and _is_same_leap(known.leap, now)
    return Known(trusted_s, known.leap if is_same else now)


def _is_confirmed(leap: Moment, now: Moment) -> bool:
    wall_s, passed_s = now.wall_s - leap.wall_s, now.boottime_s - leap.boottime_s
    if now.start != leap.start and _OTHER_DAY_S <= wall_s <= LEAP_S:
        return True
    return passed_s >= DAY_S and abs(wall_s - passed_s) <= _DRIFT_S


def _is_same_leap(leap: Moment, now: Moment) -> bool:
    """Has the clock only gone on since, as far as can be known?"""
    wall_s, passed_s = now.wall_s - leap.wall_s, now.boottime_s - leap.boottime_s
    if now.start == leap.start:
        return abs(wall_s - passed_s) <= _DRIFT_S
    return 0 <= wall_s <= LEAP_S
