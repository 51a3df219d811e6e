"""Numbers instead of pictures: distance, active time, clicks, scroll, per day and in all. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from mousetrackd.core.layers import CLICK_LAYERS, DWELL, SCROLL
from mousetrackd.core.wording import printable
from mousetrackd.storage import tiers
from mousetrackd.storage.readings import PATH
from mousetrackd.storage.tiers import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.readings import Total


@dataclass(frozen=True)
class OfApplication:
    """What was done in one application. share: of the time in all of them, 0 to 1."""

    application: str
    active_ms: int
    clicks: int
    scroll: int
    share: float


def by_application(totals: Iterable[Total]) -> list[OfApplication]:
    """Add up what ``Store.totals`` gave of several applications; the most used first."""
    sums: dict[str, Sums] = {}
    for one in totals:
        sums.setdefault(one.application, Sums()).add(one, 0.0)
    all_ms = sum(one.active_ms for one in sums.values())
    found = [
        OfApplication(name, one.active_ms, sum(one.clicks.values()), one.scroll, one.active_ms / max(all_ms, 1))
        for name, one in sums.items()
    ]
    return sorted(found, key=lambda one: (-one.active_ms, one.application))


def application_lines(found: Iterable[OfApplication]) -> list[str]:
    """The table of applications for a terminal."""
    rows = [
        (printable(one.application), time_text(one.active_ms), f"{one.clicks:,}", f"{one.scroll:,}", f"{one.share:.1%}")
        for one in found
    ]
    if not rows:
        return [
            "Nothing was counted by application. To count them: [applications] enabled = true in the configuration."
        ]
    table = [("application", "active", "clicks", "scroll", "share"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in table
    ]


_BARS = " ▁▂▃▄▅▆▇█"


@dataclass
class Sums:
    """What was done in a stretch of time.

    distance_m counts only screens whose size in millimetres is known, distance_px all of them.
    unmeasured_px is the part of distance_px that distance_m leaves out.
    """

    active_ms: int = 0
    distance_px: int = 0
    distance_m: float = 0.0
    unmeasured_px: int = 0
    scroll: int = 0
    clicks: dict[str, int] = field(default_factory=lambda: {layer.partition(".")[2]: 0 for layer in CLICK_LAYERS})

    def add(self, total: Total, metres_per_px: float) -> None:
        """Add one chunk's sum."""
        if total.what == DWELL:
            self.active_ms += total.total
        elif total.what == PATH:
            self.distance_px += total.total
            self.distance_m += total.total * metres_per_px
            self.unmeasured_px += 0 if metres_per_px else total.total
        elif total.what == SCROLL:
            self.scroll += total.total
        elif total.what in CLICK_LAYERS:
            self.clicks[total.what.partition(".")[2]] += total.total

    def add_all(self, other: Sums) -> None:
        """Add another's."""
        self.active_ms += other.active_ms
        self.distance_px += other.distance_px
        self.distance_m += other.distance_m
        self.unmeasured_px += other.unmeasured_px
        self.scroll += other.scroll
        for button, count in other.clicks.items():
            self.clicks[button] += count


@dataclass(frozen=True)
class Stats:
    """Sums in all, by local day (or longer, where days are no longer kept apart), and active ms by hour of day."""

    total: Sums
    days: Mapping[str, Sums]
    active_ms_by_hour: Sequence[int]
    hours_unknown_ms: int
    """Active time that is no longer kept per hour."""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def summarise(
    totals: Iterable[Total], sizes_mm: Mapping[Monitor, tuple[int, int]], zone: tzinfo | None = None
) -> Stats:
    """Add up what ``Store.totals`` gave. zone: whose days and hours; None is the local clock's."""
    total = Sums()
    days: dict[str, Sums] = {}
    hours: Counter[int] = Counter()
    unknown_ms = 0
    for one in totals:
        begin = datetime.fromtimestamp(one.start_s, zone)
        # The mean of both directions: pixels are square on all but the oddest screens.
        width_mm, height_mm = sizes_mm.get(one.monitor, (0, 0))
        metres_per_px = (width_mm / one.monitor.width_px + height_mm / one.monitor.height_px) / 2 / 1000
        total.add(one, metres_per_px)
        days.setdefault(_stretch(begin, one.span_s), Sums()).add(one, metres_per_px)
        if one.what == DWELL:
            if one.span_s <= HOUR.longest_s:
                hours[begin.hour] += one.total
            else:
                unknown_ms += one.total
    return Stats(total, days, [hours[hour] for hour in range(24)], unknown_ms)


def _stretch(begin: datetime, span_s: int) -> str:
    return f"{begin:{_DATES.get(tiers.fitting(span_s).name, '%Y-%m-%d')}}"


_DATES = {"month": "%Y-%m", "year": "%Y"}
"""How what is no longer kept per day is called."""


def lines(stats: Stats) -> list[str]:
    """The statistics for a terminal."""
    table = [_HEAD, *(_row(day, sums) for day, sums in _for_a_screen(stats.days).items()), _row("in all", stats.total)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    peak = max(stats.active_ms_by_hour)
    if peak:
        bars = [_BARS[-(-ms * (len(_BARS) - 1) // peak)] for ms in stats.active_ms_by_hour]
        text += [
            "",
            "busiest hours  " + "".join(bar * 2 for bar in bars),
            " " * 15 + "0     3     6     9     12    15    18    21",
        ]
    if stats.hours_unknown_ms:
        text.append(f"{time_text(stats.hours_unknown_ms)} of it are no longer kept per hour, and not in the chart.")
    return text


_DAYS_SHOWN = 62
"""So many days are listed; of more, each month is, and of more months than that, each year."""


def _for_a_screen(days: Mapping[str, Sums]) -> Mapping[str, Sums]:
    """The sums by day, month or year, as many as can be read."""
    for length in (len("2026-11-27"), len("2026-11"), len("2026")):
        found: dict[str, Sums] = {}
        for day, sums in days.items():
            found.setdefault(day[:length], Sums()).add_all(sums)
        if len(found) <= _DAYS_SHOWN:
            break
    return found


_HEAD = ("day", "active", "distance", "left", "middle", "right", "other", "scroll")


def _row(day: str, sums: Sums) -> tuple[str, ...]:
    clicks = tuple(f"{count:,}" for count in sums.clicks.values())
    return (day, time_text(sums.active_ms), _distance(sums), *clicks, f"{sums.scroll:,}")


def time_text(time_ms: int) -> str:
    """A time like ``2 h 19 min`` or ``1 min 05 s``."""
    minutes, seconds = divmod(round(time_ms / 1000), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {seconds:02} s"


def _distance(sums: Sums) -> str:
    if not sums.distance_m:
        return f"{sums.distance_px:,} px"
    metres = f"{sums.distance_m / 1000:.2f} km" if sums.distance_m >= 1000 else f"{sums.distance_m:.1f} m"
    return f"{metres} + {sums.unmeasured_px:,} px" if sums.unmeasured_px else metres
