"""Reading: what is asked for, and what the store holds of it."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from mousetrackd.core import cells
from mousetrackd.core.cells import Cells
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import TRAVEL
from mousetrackd.core.series import Series
from mousetrackd.core.validity import TIME_MIN_S
from mousetrackd.storage import chunks, hours, screens, summaries
from mousetrackd.storage.chunks import Where, of_series
from mousetrackd.storage.tiers import BEYOND_S, DAY, HOUR, HOUR_S, LONG_S, YEAR, name_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.chunks import Chunk, Key
    from mousetrackd.storage.connection import Connection

_HOURS_AT_ONCE = 64
"""So many hours are added up in cells before they become counts of pixels, which takes longer."""
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

    def where(self, layers: Iterable[str] | None = None) -> Where:
        """The chunks of all times that may hold something of it."""
        return Where(layers=None if layers is None else tuple(layers), application=self.application, grid=self.grid)

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


@dataclass
class _Notes:
    """What was met while reading beside counts.

    coarse: how many chunks of each span were too coarse. sides_px, last_cells_s: how wide the cells were that counts
    were taken from, and when the last of them begin.
    """

    left_out: list[str] = field(default_factory=list)
    coarse: Counter[int] = field(default_factory=Counter)
    spans: list[tuple[int, int]] = field(default_factory=list)
    sides_px: set[int] = field(default_factory=set)
    last_cells_s: int = TIME_MIN_S

    @property
    def cell_px(self) -> int:
        """How wide the widest cells are; 0 where there are none."""
        return max(self.sides_px, default=0)

    def all_left_out(self) -> tuple[str, ...]:
        """A sentence for all that was left out."""
        return (*self.left_out, *_too_coarse(self.coarse))

    def from_cells(self, zone: tzinfo | None) -> str:
        """A sentence about what was taken from cells; empty where nothing was."""
        if not self.sides_px:
            return ""
        next_day = datetime.fromtimestamp(self.last_cells_s, zone) + timedelta(days=1)
        sides = " and ".join(str(side) for side in sorted(self.sides_px))
        return f"drawn from {sides} px cells before {next_day:%-d %B %Y}"


def read(connection: Connection, layers: Iterable[str], asked: Range = ALL) -> Reading:
    """Sum the chunks of ``layers`` that lie within the range, per series. What had to be left out is named.

    Raises StoreError, as all that follow.
    """
    notes = _Notes()
    layers = tuple(layers)
    if asked.application and TRAVEL in layers:
        notes.left_out.append("travel is not kept by application")
    merged: dict[Series, Counts] = {}
    with connection.snapshot():
        known = screens.monitors(connection)
        wanted = screens.rows_of(connection, asked.monitor)
        for key in chunks.keys(connection, asked.where(layers)):
            if key.monitor not in wanted:
                continue
            screen = known[key.monitor]
            spans_before = len(notes.spans)
            # With nothing to begin with, a sum of no parts would have no size.
            nothing = Counts.empty(*key.size(screen))
            counts = Counts.merge(itertools.chain([nothing], _parts(connection, key, screen, asked, notes)))
            if len(notes.spans) > spans_before:
                merged[Series(screen, key.layer, grid=key.grid)] = counts
    first_s = min((start_s for start_s, _ in notes.spans), default=None)
    last_s = max((end_s for _, end_s in notes.spans), default=None)
    return Reading(merged, first_s, last_s, notes.all_left_out(), notes.from_cells(connection.zone), notes.cell_px)


def pieces(
    connection: Connection,
    layers: Iterable[str],
    remarks: list[str],
    asked: Range = ALL,
    step_s: int | None = None,
) -> Iterator[Piece]:
    """The chunks of ``layers`` that lie within the range, by their beginning, the oldest first.

    step_s: of those that are longer, each hour instead, where all of them are kept. What is too coarse for the range,
    or damaged, is left out; when all is read, ``remarks`` has sentences as ``Reading.remarks``.
    """
    known = screens.monitors(connection)
    wanted = screens.rows_of(connection, asked.monitor)
    notes = _Notes(left_out=remarks)
    where = replace(asked.where(layers), since_s=asked.since_s, until_s=asked.until_s)
    for chunk in chunks.select(connection, where, remarks, with_damaged=True):
        if chunk.key.monitor not in wanted:
            continue
        screen = known[chunk.key.monitor]
        for start_s, end_s, side_px, found in _within(connection, chunk, screen, asked, notes, step_s):
            whole = _joined([found], chunk.key, screen, side_px) if isinstance(found, Cells) else Counts.joined(found)
            yield Piece(start_s, end_s - start_s, screen, chunk.key.layer, whole, side_px)
    remarks += _too_coarse(notes.coarse)
    remarks += [sentence for sentence in [notes.from_cells(connection.zone)] if sentence]


def totals(connection: Connection, asked: Range = ALL, left_out: list[str] | None = None) -> list[Total]:
    """The sums of all chunks within the range, by the hour where that is known, and the length of the path.

    Oldest first. left_out: gets a sentence for what is too coarse for the range, or damaged.
    """
    notes = _Notes()
    found: list[Total] = []
    zone = connection.zone
    with connection.snapshot():
        known = screens.monitors(connection)
        wanted = screens.rows_of(connection, asked.monitor)
        where = replace(asked.where(), since_s=asked.since_s, until_s=asked.until_s)
        condition, values = where.condition()
        by_hour = hours.totals(connection, where)
        rows = connection.execute(
            f"SELECT id, start_s, span_s, monitor, layer, total FROM chunk WHERE {condition}"  # noqa: S608 - ours
            " UNION ALL SELECT NULL, start_s, span_s, monitor, ?, length_px FROM path WHERE start_s >= ?",
            (*values, PATH, TIME_MIN_S if asked.since_s is None else asked.since_s - YEAR.longest_s),
        )
        for chunk, start_s, span_s, monitor, what, total in rows:
            if monitor not in wanted or (what == PATH and asked.application):  # no path is kept by application
                continue
            of_it = by_hour.get(chunk, [])
            rest = total - sum(part for _, part in of_it)
            if rest < 0:  # its hours are damaged, and which of them is known only to their cells
                when = chunks.local_time(start_s, zone)
                if replace(asked, hours=None, weekdays=None).touches(start_s, start_s + span_s, zone):
                    notes.left_out.append(f"left out the hours of chunk {chunk} ({what} of {when}): their sum is wrong")
                of_it, rest = [], total
            first_s = min([start_s, *(hour_s for hour_s, _ in of_it)])
            last_s = max([start_s + span_s, *(hour_s + HOUR_S for hour_s, _ in of_it)])
            found += [
                Total(hour_s, HOUR_S, known[monitor], what, part, asked.application)
                for hour_s, part in of_it
                if asked.touches(hour_s, hour_s + HOUR_S, zone) and not asked.is_too_coarse(hour_s, hour_s + HOUR_S)
            ]
            if rest > 0 and asked.is_too_coarse(first_s, last_s):
                if what != PATH and replace(asked, hours=None, weekdays=None).touches(first_s, last_s, zone):
                    notes.coarse[span_s] += 1
            elif (rest > 0 or not of_it) and asked.touches(start_s, start_s + span_s, zone):
                found.append(Total(start_s, span_s, known[monitor], what, rest, asked.application))
    if left_out is not None:
        left_out += notes.all_left_out()
    return sorted(found, key=lambda total: total.start_s)


def applications(connection: Connection) -> list[str]:
    """The identity of every application of which there are counts, in order. Raises StoreError."""
    rows = connection.rows("SELECT DISTINCT application FROM chunk WHERE application != '' ORDER BY application")
    return [name for (name,) in rows]


def newest_s(connection: Connection, until_s: int) -> int | None:
    """UTC seconds of the newest counts from before ``until_s``; None where there are none. Costs one look-up."""
    rows = connection.rows(
        "SELECT min(start_s + span_s, ?1) FROM chunk WHERE start_s < ?1 ORDER BY start_s DESC LIMIT 1", (until_s,)
    )
    return int(rows[0][0]) if rows else None


def ahead_of(connection: Connection, now_s: int) -> Held:
    """The chunks that begin after ``now_s`` (UTC)."""
    rows = connection.rows(
        "SELECT count(*), min(start_s), max(start_s + span_s) FROM chunk WHERE start_s > ?", (now_s,)
    )
    return Held(*rows[0])


def _parts(connection: Connection, key: Key, screen: Monitor, asked: Range, notes: _Notes) -> Iterator[Counts]:
    """The counts of one series in parts; into ``notes.spans`` between which seconds each was counted."""
    where = of_series(Where(since_s=asked.since_s, until_s=asked.until_s), key)
    summed = summaries.find(connection, key)
    # A sum that leaves out a damaged chunk leaves out its hours too.
    is_all = summed is not None and not summed.left_out and asked.holds(summed.first_s, summed.last_s)
    if summed is not None and is_all and not _reach_beyond(connection, key, asked):
        summed_parts = summed.decoded(screen)
        if summed_parts is not None:
            notes.spans.append((summed.first_s, summed.last_s))
            where = replace(where, shorter_than_s=LONG_S)
            del summed  # its bytes are not needed any more
            yield from summed_parts
    of_hours: dict[int, list[Cells]] = {}
    for chunk in chunks.select(connection, where, notes.left_out, with_damaged=True):
        for start_s, end_s, side_px, found in _within(connection, chunk, screen, asked, notes):
            notes.spans.append((start_s, end_s))
            if isinstance(found, Cells):
                of_hours.setdefault(side_px, []).append(found)
                if len(of_hours[side_px]) == _HOURS_AT_ONCE:
                    yield _joined(of_hours.pop(side_px), key, screen, side_px)
            else:
                yield from found
    for side_px, rest in of_hours.items():
        yield _joined(rest, key, screen, side_px)


def _joined(of_hours: Sequence[Cells], key: Key, screen: Monitor, side_px: int) -> Counts:
    return cells.joined(of_hours, size=key.size(screen), side_px=side_px)


def _reach_beyond(connection: Connection, key: Key, asked: Range) -> bool:
    """Have long chunks of a series hours that lie outside the range, though the chunks themselves do not?"""
    after = Where(since_s=asked.until_s, at_least_s=LONG_S)
    before = Where(until_s=asked.since_s, at_least_s=LONG_S)
    return any(
        chunks.keys(connection, of_series(where, key))
        for where, end_s in ((after, asked.until_s), (before, asked.since_s))
        if end_s is not None
    )


def _within(
    connection: Connection, chunk: Chunk, screen: Monitor, asked: Range, notes: _Notes, step_s: int | None = None
) -> Iterator[tuple[int, int, int, Iterator[Counts] | Cells]]:
    """What of a chunk lies within the range, it or hours of it.

    Between which seconds, how wide its cells are (0 for pixels), and the counts in parts, or the cells. step_s: as in
    ``pieces``. What cannot be decided is noted, by its span.
    """
    zone = connection.zone
    is_short = step_s is None or chunk.span_s <= step_s
    may_reach_beyond = asked.is_too_coarse(chunk.start_s - HOUR_S, chunk.end_s + BEYOND_S)
    needs_hours = chunk.span_s > HOUR_S and (may_reach_beyond or not is_short or not chunk.is_whole)
    of_it = hours.of_chunk(connection, chunk.row) if needs_hours else []
    is_inside = chunk.is_whole and not asked.is_too_coarse(*hours.stretch(chunk, of_it))
    stretches = [(chunk.start_s, chunk.end_s), *((hour.start_s, hour.end_s) for hour in of_it)]
    # Only some hours of a day of another zone are of a day of the week. A damaged chunk may be of an impossible time.
    is_whole = is_inside and is_short and len({asked.touches(*one, zone) for one in stretches}) == 1
    if is_inside and (is_whole or not of_it or sum(hour.total for hour in of_it) < chunk.total):
        if asked.touches(chunk.start_s, chunk.end_s, zone):
            try:
                yield chunk.start_s, chunk.end_s, 0, chunk.decoded(screen)
            except ValueError as error:
                notes.left_out.append(f"left out chunk {chunk.row}: {error}")
        return
    if sum(hour.total for hour in of_it) < chunk.total:
        notes.coarse[chunk.span_s] += 1
    for hour in of_it:
        if hour.key != chunk.key or not asked.touches(hour.start_s, hour.end_s, zone):
            continue
        if asked.is_too_coarse(hour.start_s, hour.end_s):
            notes.coarse[HOUR_S] += 1
            continue
        try:
            side_px, found = hours.read_cells(connection, hour, screen)
        except ValueError as error:
            notes.left_out.append(str(error))
            continue
        notes.sides_px.add(side_px)
        notes.last_cells_s = max(notes.last_cells_s, hour.start_s)
        yield hour.start_s, hour.end_s, side_px, found


def _too_coarse(coarse: Mapping[int, int]) -> list[str]:
    """A sentence for each tier of which so many chunks were too coarse."""
    by_name: Counter[str] = Counter()
    for span_s, count in sorted(coarse.items()):
        by_name[name_of(span_s)] += count
    return [
        f"left out {'one piece' if count == 1 else f'{count} pieces'} kept only per {name}, too coarse for this range"
        for name, count in by_name.items()
    ]
