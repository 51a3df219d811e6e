"""What can be asked of a store, and what it answers: values that hold no connection. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.tiers import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

PATH = "path"
"""What ``Total`` calls the length of the pointer's path."""


@dataclass(frozen=True)
class Range:
    """What is asked for; None is all, and an open end.

    since_s, until_s: UTC seconds. monitor: as in ``monitors.selected``. hours: 0 to 23 of the local clock, weekdays:
    0 for Monday to 6. What is kept too coarsely to decide (a day, for hours; a month that reaches across an end of
    the range) is answered by the hours of it that are kept in cells; what there are none of is left out.
    application: "" for the sum of all. grid: 0 for pixels, else as ``series.Series``: the counts in its window.
    """

    since_s: int | None = None
    until_s: int | None = None
    monitor: str | None = None
    hours: Container[int] | None = None
    weekdays: Container[int] | None = None
    application: str = ""
    grid: int = 0

    def holds(self, first_s: int, last_s: int) -> bool:
        """Does it hold all of that time, whatever the hour or the day?"""
        return (
            (self.since_s is None or first_s >= self.since_s)
            and (self.until_s is None or last_s <= self.until_s)
            and self.hours is None
            and self.weekdays is None
        )

    def is_too_coarse(self, start_s: int, end_s: int) -> bool:
        """Can it not be decided whether what was counted between these seconds belongs to it?"""
        return (
            (self.since_s is not None and start_s < self.since_s)
            or (self.until_s is not None and end_s > self.until_s)
            or (self.hours is not None and end_s - start_s > HOUR.longest_s)
            or (self.weekdays is not None and end_s - start_s > DAY.longest_s)
        )

    def touches(self, start_s: int, end_s: int, zone: tzinfo | None) -> bool:
        """Are any of these seconds within it? Its hours and days are looked at only for what is no longer than they."""
        if (self.since_s is not None and end_s <= self.since_s) or (
            self.until_s is not None and start_s >= self.until_s
        ):
            return False
        if self.hours is None and self.weekdays is None:
            return True
        begin = datetime.fromtimestamp(start_s, zone)
        return (self.hours is None or begin.hour in self.hours) and (
            self.weekdays is None or begin.weekday() in self.weekdays
        )


ALL = Range()


@dataclass(frozen=True)
class Reading:
    """What the store holds of a range of time.

    counts: the sums per series; of an application too, as if it were of all. first_s, last_s: the UTC seconds between
    which they were counted, None when there is nothing. left_out: sentences about what could not be included, and why.
    from_cells: a sentence about what was taken from cells instead of pixels, or none. cell_px: how wide the widest of
    these are; 0 where all are pixels.
    """

    counts: Mapping[Series, Counts] = field(default_factory=dict)
    first_s: int | None = None
    last_s: int | None = None
    left_out: tuple[str, ...] = ()
    from_cells: str = ""
    cell_px: int = 0

    @property
    def remarks(self) -> tuple[str, ...]:
        """All sentences about it."""
        return (*self.left_out, *([self.from_cells] if self.from_cells else []))


@dataclass(frozen=True)
class Piece:
    """One chunk of one screen and layer, or an hour of one: ``span_s`` seconds from ``start_s`` (UTC).

    cell_px: how wide the cells are that it was taken from; 0 for pixels.
    """

    start_s: int
    span_s: int
    monitor: Monitor
    layer: str
    counts: Counts
    cell_px: int = 0


@dataclass(frozen=True)
class Total:
    """The sum of one chunk, or of an hour of one. what: a layer, or ``PATH`` for how far the pointer went, in px.

    application: "" for the sum of all.
    """

    start_s: int
    span_s: int
    monitor: Monitor
    what: str
    total: int
    application: str = ""


@dataclass(frozen=True)
class Held:
    """How much the store holds of a range: whole pieces, and between which UTC seconds they were counted.

    stretches: the times of the pieces, those that touch or overlap joined, oldest first. coarsened: the times of what
    stays of longer ones, only in cells.
    """

    pieces: int
    first_s: int | None
    last_s: int | None
    stretches: tuple[tuple[int, int], ...] = ()
    coarsened: tuple[tuple[int, int], ...] = ()
