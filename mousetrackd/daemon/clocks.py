"""The clocks that the daemon goes by, and which time counts belong to when one of them is set or the machine sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mousetrackd.core.clock_guard import Known
from mousetrackd.system.files import read_own

if TYPE_CHECKING:
    from pathlib import Path

_CLOCK_STEP_S: Final = 2.0
"""The wall clock is slewed all the time; when it is off by this much, someone has set it."""


@dataclass(frozen=True)
class Moment:
    """One moment by all three clocks, in seconds."""

    wall_s: float
    monotonic_s: float
    boottime_s: float


def _boottime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Clocks:
    """The time of day (UTC), the clock that stops in suspend, and the one that goes on in it. All in seconds."""

    wall_s: Callable[[], float] = time.time
    monotonic_s: Callable[[], float] = time.monotonic
    boottime_s: Callable[[], float] = _boottime_s

    def now(self) -> Moment:
        """This moment."""
        return Moment(self.wall_s(), self.monotonic_s(), self.boottime_s())

    def now_utc(self) -> datetime:
        """This moment as a date and time."""
        return datetime.fromtimestamp(self.wall_s(), UTC)

    def now_iso(self) -> str:
        """This moment in local time, to the second: ``2026-11-22T10:00:00+01:00``."""
        return self.now_utc().astimezone().isoformat(timespec="seconds")


CLOCKS: Final = Clocks()
"""Those of the machine."""


def stretch_s(since: Moment, now: Moment) -> tuple[int, int]:
    """The UTC seconds between which something was counted, by the wall clock as it is set now.

    Time asleep is left out: a minute before a suspended weekend is still a minute.
    """
    start_s = now.wall_s - (now.boottime_s - since.boottime_s)
    if abs(start_s - since.wall_s) < _CLOCK_STEP_S:
        start_s = since.wall_s
    start_s = max(int(start_s), 0)
    return start_s, start_s + int(now.monotonic_s - since.monotonic_s)


def known_of_clock(clock_file: Path) -> Known:
    """What the last check of the clock has left; nothing where that cannot be read."""
    try:
        return Known.from_json(read_own(clock_file).decode("ascii", "replace"))
    except OSError:
        return Known()
