"""The tiers: how much time one chunk covers, and at which age it is rolled up into a longer one. Pure.

A checkpoint covers what the daemon saves at once, usually a minute. Hours, days, months and years are those of the
local clock, because people ask for "yesterday" and "9 to 17".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from mousetrackd.core.validity import TIME_MAX_S, TIME_MIN_S

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True)
class RollupAges:
    """After how many days hours become days, days become months, and months become years.

    hour_cells_days: how long each hour is kept in cells beside them; None is permanently, 0 is not at all.
    """

    hourly_days: int = 7
    daily_days: int = 14
    monthly_days: int = 400
    hour_cells_days: int | None = None

    def cells_from_s(self, now_s: int) -> int:
        """The hours that begin from this second on are kept in cells."""
        if self.hour_cells_days is None:
            return TIME_MIN_S
        return now_s - self.hour_cells_days * DAY_S if self.hour_cells_days else TIME_MAX_S


@dataclass(frozen=True)
class Tier:
    """A kind of period into which shorter chunks are rolled up.

    shortest_s, longest_s: how many seconds a period of this name may have. period_of: UTC seconds at which the period
    that holds a second of the local clock starts and ends. min_age_days: how old it must be to be rolled up.
    """

    name: str
    shortest_s: int
    longest_s: int
    period_of: Callable[[datetime], tuple[int, int]]
    min_age_days: Callable[[RollupAges], int]

    def period(self, moment_s: int, zone: tzinfo | None) -> tuple[int, int]:
        """UTC seconds at which the period that holds ``moment_s`` starts and ends. zone: None is the local clock's."""
        return self.period_of(datetime.fromtimestamp(moment_s, zone))


def _hour(moment: datetime) -> tuple[int, int]:
    # Not by replacing minutes: where the clock goes back by half an hour, the full hour may be before the change.
    start_s = int(moment.timestamp()) - moment.minute * 60 - moment.second
    return start_s, start_s + HOUR_S


def _day(moment: datetime) -> tuple[int, int]:
    start = _midnight(moment)
    return _utc_s(start, start + timedelta(days=1))


def _month(moment: datetime) -> tuple[int, int]:
    start = _midnight(moment).replace(day=1)
    return _utc_s(start, (start + timedelta(days=32)).replace(day=1))


def _year(moment: datetime) -> tuple[int, int]:
    start = _midnight(moment).replace(month=1, day=1)
    return _utc_s(start, start.replace(year=start.year + 1))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, fold=0)


def _utc_s(start: datetime, end: datetime) -> tuple[int, int]:
    return int(start.timestamp()), int(end.timestamp())


TIERS: Final = (
    Tier("hour", HOUR_S, HOUR_S, _hour, lambda _: 0),
    Tier("day", 23 * HOUR_S, 25 * HOUR_S, _day, lambda ages: ages.hourly_days),
    Tier("month", 27 * DAY_S, 32 * DAY_S, _month, lambda ages: ages.daily_days),
    Tier("year", 364 * DAY_S, 367 * DAY_S, _year, lambda ages: ages.monthly_days),
)
"""From the shortest to the longest. A new one is one more row. (The days on which the clocks change have 23 and 25
hours. The bounds of months and years leave a day for changes of zone.)"""
HOUR, DAY, MONTH, YEAR = TIERS

BEYOND_S: Final = MONTH.longest_s + DAY.longest_s + HOUR_S
"""No hour of a chunk ends later than this after the chunk. A roll-up takes what begins in its period. After a change
of zone the last hour, day or month of it may end after it."""

LONG_S: Final = MONTH.shortest_s
"""From here on a chunk is *long*, and part of the kept sum of its series. Longer than any day."""


def name_of(span_s: int) -> str:
    """What a chunk of so many seconds is called: the name of the longest tier that has so short periods."""
    names = [tier.name for tier in TIERS if tier.shortest_s <= span_s]
    return names[-1] if names else "checkpoint"


def fitting(span_s: int) -> Tier:
    """The shortest tier with periods of so many seconds or more; the longest where there is none."""
    return next((tier for tier in TIERS if span_s <= tier.longest_s), TIERS[-1])
