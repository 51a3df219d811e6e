"""Reading: what the store holds of a range, from chunks in pixels and, where those are too coarse, hours in cells."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, NamedTuple

from mousetrackd.core import cells
from mousetrackd.core.cells import Cells
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import TRAVEL
from mousetrackd.core.series import Series
from mousetrackd.core.validity import TIME_MIN_S
from mousetrackd.storage import chunks, hours, screens, summaries
from mousetrackd.storage.chunks import Where, of_series
from mousetrackd.storage.readings import ALL, PATH, Held, Piece, Range, Reading, Total
from mousetrackd.storage.tiers import BEYOND_S, HOUR_S, LONG_S, YEAR, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.chunks import Chunk, Key
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Hour

_HOURS_AT_ONCE = 64
"""So many hours are added up in cells before they become counts of pixels, which takes longer."""


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
        for key in chunks.keys(connection, _where(asked, layers)):
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
    where = replace(_where(asked, layers), since_s=asked.since_s, until_s=asked.until_s)
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
        where = replace(_where(asked), since_s=asked.since_s, until_s=asked.until_s)
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


def _where(asked: Range, layers: Iterable[str] | None = None) -> Where:
    """The chunks of all times that may hold something of a range."""
    return Where(layers=None if layers is None else tuple(layers), application=asked.application, grid=asked.grid)


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


class _Found(NamedTuple):
    """What lies within a range, between these UTC seconds.

    side_px: how wide its cells are; 0 for pixels. counted: the counts in parts, or the cells.
    """

    start_s: int
    end_s: int
    side_px: int
    counted: Iterator[Counts] | Cells


def _within(
    connection: Connection, chunk: Chunk, screen: Monitor, asked: Range, notes: _Notes, step_s: int | None = None
) -> Iterator[_Found]:
    """What of a chunk lies within the range: all of it in pixels, or hours of it in cells.

    step_s: as in ``pieces``. What cannot be decided is noted, by its span, and so is what is damaged.
    """
    zone = connection.zone
    is_short = step_s is None or chunk.span_s <= step_s
    may_reach_beyond = asked.is_too_coarse(chunk.start_s - HOUR_S, chunk.end_s + BEYOND_S)
    has_hours = chunk.span_s > HOUR_S and (may_reach_beyond or not is_short or not chunk.is_whole)
    of_it = hours.of_chunk(connection, chunk.row) if has_hours else []
    is_rest_unknown = sum(hour.total for hour in of_it) < chunk.total
    # In this order: a damaged chunk may be of an impossible time.
    is_inside = chunk.is_whole and not asked.is_too_coarse(*hours.stretch(chunk, of_it))
    if is_inside and (not of_it or is_rest_unknown or (is_short and _is_all_or_nothing(chunk, of_it, asked, zone))):
        if asked.touches(chunk.start_s, chunk.end_s, zone):
            yield from _in_pixels(chunk, screen, notes)
        return
    if is_rest_unknown:
        notes.coarse[chunk.span_s] += 1
    for hour in of_it:
        if hour.key == chunk.key and asked.touches(hour.start_s, hour.end_s, zone):
            yield from _in_cells(connection, hour, screen, asked, notes)


def _is_all_or_nothing(chunk: Chunk, of_it: Iterable[Hour], asked: Range, zone: tzinfo | None) -> bool:
    """Is a chunk asked for with all of its hours, or with none? Of a day of another zone it may be some."""
    stretches = [(chunk.start_s, chunk.end_s), *((hour.start_s, hour.end_s) for hour in of_it)]
    return len({asked.touches(*one, zone) for one in stretches}) == 1


def _in_pixels(chunk: Chunk, screen: Monitor, notes: _Notes) -> Iterator[_Found]:
    try:
        counted = chunk.decoded(screen)
    except ValueError as error:
        notes.left_out.append(f"left out chunk {chunk.row}: {error}")
        return
    yield _Found(chunk.start_s, chunk.end_s, 0, counted)


def _in_cells(connection: Connection, hour: Hour, screen: Monitor, asked: Range, notes: _Notes) -> Iterator[_Found]:
    if asked.is_too_coarse(hour.start_s, hour.end_s):
        notes.coarse[HOUR_S] += 1
        return
    try:
        side_px, counted = hours.read_cells(connection, hour, screen)
    except ValueError as error:
        notes.left_out.append(str(error))
        return
    notes.sides_px.add(side_px)
    notes.last_cells_s = max(notes.last_cells_s, hour.start_s)
    yield _Found(hour.start_s, hour.end_s, side_px, counted)


def _too_coarse(coarse: Mapping[int, int]) -> list[str]:
    """A sentence for each tier of which so many chunks were too coarse."""
    by_name: Counter[str] = Counter()
    for span_s, count in sorted(coarse.items()):
        by_name[name_of(span_s)] += count
    return [
        f"left out {'one piece' if count == 1 else f'{count} pieces'} kept only per {name}, too coarse for this range"
        for name, count in by_name.items()
    ]
