"""Reading: what is asked for, and what the store holds of it."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mousetrackd.core.counts import Counts
from mousetrackd.core.series import Series
from mousetrackd.storage import chunks, screens, summaries
from mousetrackd.storage.chunks import Where, of_series
from mousetrackd.storage.tiers import DAY, HOUR, LONG_S, name_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.chunks import Chunk, Key
    from mousetrackd.storage.connection import Connection

PATH = "path"
"""What ``Total`` calls the length of the pointer's path."""


@dataclass(frozen=True)
class Range:
    """What is asked for; None is all, and an open end.

    since_s, until_s: UTC seconds. monitor: as in ``monitors.selected``. hours: 0 to 23 of the local clock, weekdays:
    0 for Monday to 6. What is kept too coarsely to decide (a day, for hours; a month that reaches across an end of
    the range) is left out.
    """

    since_s: int | None = None
    until_s: int | None = None
    monitor: str | None = None
    hours: Container[int] | None = None
    weekdays: Container[int] | None = None

    def holds(self, first_s: int, last_s: int) -> bool:
        """Does it hold all of that time, whatever the hour or the day?"""
        return (
            (self.since_s is None or first_s >= self.since_s)
            and (self.until_s is None or last_s <= self.until_s)
            and self.hours is None
            and self.weekdays is None
        )

    def is_too_coarse(self, chunk: Chunk) -> bool:
        """Can it not be decided whether the chunk belongs to it?"""
        return (
            (self.since_s is not None and chunk.start_s < self.since_s)
            or (self.until_s is not None and chunk.end_s > self.until_s)
            or (self.hours is not None and chunk.span_s > HOUR.longest_s)
            or (self.weekdays is not None and chunk.span_s > DAY.longest_s)
        )


ALL = Range()


@dataclass(frozen=True)
class Reading:
    """What the store holds of a range of time.

    counts: the sums per series. first_s, last_s: the UTC seconds between which they were counted, None when there is
    nothing. left_out: sentences about what could not be included, and why.
    """

    counts: Mapping[Series, Counts] = field(default_factory=dict)
    first_s: int | None = None
    last_s: int | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One chunk of one screen and layer: ``span_s`` seconds from ``start_s`` (UTC)."""

    start_s: int
    span_s: int
    monitor: Monitor
    layer: str
    counts: Counts


@dataclass(frozen=True)
class Total:
    """The sum of one chunk. what: a layer, or ``PATH`` for how far the pointer went, in px."""

    start_s: int
    span_s: int
    monitor: Monitor
    what: str
    total: int


@dataclass(frozen=True)
class Held:
    """How much the store holds of a range: whole pieces, and between which UTC seconds they were counted.

    stretches: the times of the pieces, those that touch or overlap joined, oldest first.
    """

    pieces: int
    first_s: int | None
    last_s: int | None
    stretches: tuple[tuple[int, int], ...] = ()


@dataclass
class _Notes:
    """What was met while reading beside counts. coarse: how many chunks of each span were too coarse."""

    left_out: list[str] = field(default_factory=list)
    coarse: Counter[int] = field(default_factory=Counter)
    spans: list[tuple[int, int]] = field(default_factory=list)


def read(connection: Connection, layers: Iterable[str], asked: Range = ALL) -> Reading:
    """Sum the chunks of ``layers`` that lie within the range, per series. What had to be left out is named.

    Raises StoreError, as all that follow.
    """
    notes = _Notes()
    merged: dict[Series, Counts] = {}
    with connection.snapshot():
        known = screens.monitors(connection)
        wanted = screens.rows_of(connection, asked.monitor)
        for key in chunks.keys(connection, Where(layers=tuple(layers))):
            if key.monitor not in wanted:
                continue
            screen = known[key.monitor]
            spans_before = len(notes.spans)
            # With nothing to begin with, a sum of no parts would have no size.
            nothing = Counts.empty(screen.width_px, screen.height_px)
            counts = Counts.merge(itertools.chain([nothing], _parts(connection, key, screen, asked, notes)))
            if len(notes.spans) > spans_before:
                merged[Series(screen, key.layer)] = counts
    first_s = min((start_s for start_s, _ in notes.spans), default=None)
    last_s = max((end_s for _, end_s in notes.spans), default=None)
    return Reading(merged, first_s, last_s, (*notes.left_out, *_too_coarse(notes.coarse)))


def pieces(connection: Connection, layers: Iterable[str], left_out: list[str], asked: Range = ALL) -> Iterator[Piece]:
    """The chunks of ``layers`` that lie within the range, oldest first.

    What is too coarse for it, or damaged, is left out; when all is read, ``left_out`` has a sentence for it.
    """
    known = screens.monitors(connection)
    wanted = screens.rows_of(connection, asked.monitor)
    coarse: Counter[int] = Counter()
    where = Where(layers=tuple(layers), since_s=asked.since_s, until_s=asked.until_s)
    for chunk in chunks.select(connection, where, left_out):
        if chunk.key.monitor not in wanted or not _is_asked_for(connection, chunk, asked, coarse):
            continue
        screen = known[chunk.key.monitor]
        try:
            counts = Counts.joined(chunk.decoded(screen))
        except ValueError as error:
            left_out.append(f"left out chunk {chunk.row}: {error}")
            continue
        yield Piece(chunk.start_s, chunk.span_s, screen, chunk.key.layer, counts)
    left_out += _too_coarse(coarse)


def totals(connection: Connection, since_s: int | None = None, until_s: int | None = None) -> list[Total]:
    """The sums of all chunks that begin within the range, and the length of the path, oldest first."""
    known = screens.monitors(connection)
    with connection.reading():
        rows = connection.execute(
            "SELECT start_s, span_s, monitor, layer, total FROM chunk WHERE application = '' AND grid = 0"
            " AND (?1 IS NULL OR start_s >= ?1) AND (?2 IS NULL OR start_s < ?2)"
            " UNION ALL SELECT start_s, span_s, monitor, ?3, length_px FROM path"
            " WHERE (?1 IS NULL OR start_s >= ?1) AND (?2 IS NULL OR start_s < ?2) ORDER BY start_s",
            (since_s, until_s, PATH),
        )
        return [Total(start_s, span_s, known[row], what, total) for start_s, span_s, row, what, total in rows]


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
    if summed is not None and asked.holds(summed.first_s, summed.last_s):
        summed_parts = summed.decoded(screen)
        if summed_parts is not None:
            notes.left_out += summed.left_out.splitlines()
            notes.spans.append((summed.first_s, summed.last_s))
            where = replace(where, shorter_than_s=LONG_S)
            del summed  # its bytes are not needed any more
            yield from summed_parts
    for chunk in chunks.select(connection, where, notes.left_out):
        if not _is_asked_for(connection, chunk, asked, notes.coarse):
            continue
        try:
            parts = chunk.decoded(screen)
        except ValueError as error:
            notes.left_out.append(f"left out chunk {chunk.row}: {error}")
            continue
        notes.spans.append((chunk.start_s, chunk.end_s))
        yield from parts


def _is_asked_for(connection: Connection, chunk: Chunk, asked: Range, coarse: Counter[int]) -> bool:
    """Does it belong to the range? What cannot be decided is noted in ``coarse``, by its span."""
    if asked.is_too_coarse(chunk):
        coarse[chunk.span_s] += 1
        return False
    begin = datetime.fromtimestamp(chunk.start_s, connection.zone)
    return (asked.hours is None or begin.hour in asked.hours) and (
        asked.weekdays is None or begin.weekday() in asked.weekdays
    )


def _too_coarse(coarse: Mapping[int, int]) -> list[str]:
    """A sentence for each tier of which so many chunks were too coarse."""
    by_name: Counter[str] = Counter()
    for span_s, count in sorted(coarse.items()):
        by_name[name_of(span_s)] += count
    return [
        f"left out {'one piece' if count == 1 else f'{count} pieces'} kept only per {name}, too coarse for this range"
        for name, count in by_name.items()
    ]
