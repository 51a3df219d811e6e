"""The roll-up: chunks that are old enough become longer ones, tier by tier. It changes no sum. And pruning.

A period is rolled up only when it lies wholly in the past by the age given for it, and only what lies wholly in it:
else what is forgotten of the next period would miss a part of it. What was counted across its end, or in an hour or a
day of another zone, waits for a longer period, or stays as it is. An hour or a day is one
transaction, one series of a month or a year is one, and the file is locked only while that is written, so others can
save meanwhile. Killed at any moment, nothing is lost or counted twice.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mousetrackd.core.counts import Counts
from mousetrackd.storage import chunks, hours, screens, summaries
from mousetrackd.storage.chunks import ANY, Merged, of_series
from mousetrackd.storage.summaries import Sum
from mousetrackd.storage.tiers import DAY_S, HOUR, HOUR_S, LONG_S, TIERS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.chunks import Key, Where
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Encoded
    from mousetrackd.storage.tiers import RollupAges, Tier

    _Work = Callable[[list[Encoded]], int]
    """Rolls something up, within the transaction that is open; gets a list for the hours that it finds."""


def roll_up(connection: Connection, now_s: int, ages: RollupAges) -> int:
    """Roll up what is old enough at ``now_s`` (UTC). Returns how many rows that saved. Raises StoreError."""
    cells_from_s = ages.cells_from_s(now_s)
    saved = sum(
        _roll_up_into(connection, tier, now_s - tier.min_age_days(ages) * DAY_S, cells_from_s) for tier in TIERS
    )
    hours.drop_before(connection, cells_from_s)
    summaries.make_missing(connection)
    return saved


def prune(connection: Connection, before_s: int) -> int:
    """Delete every chunk that ended before ``before_s`` (UTC), its hours too; returns how many. Raises StoreError."""
    with connection.transaction():
        rows = connection.rows(
            "SELECT id FROM chunk WHERE start_s + span_s <= ?1"
            " AND NOT EXISTS (SELECT 1 FROM hour WHERE hour.chunk = chunk.id AND hour.start_s + ?2 > ?1)",
            (before_s, HOUR_S),
        )
        for (row,) in rows:
            hours.drop_of_chunk(connection, row)
        connection.executemany("DELETE FROM chunk WHERE id = ?", rows)
        connection.execute("DELETE FROM path WHERE start_s + span_s <= ?", (before_s,))
    return len(rows)


def _roll_up_into(connection: Connection, tier: Tier, cutoff_s: int, cells_from_s: int) -> int:
    """Roll up what lies in a whole period of ``tier`` before ``cutoff_s`` and is shorter than it.

    Lengths of path are small: those of an hour that is kept in cells are never rolled up any further.
    """
    paths_before_s = cutoff_s if tier is HOUR else min(cutoff_s, cells_from_s)
    starts = {
        start_s
        for table, before_s in (("chunk", cutoff_s), ("path", paths_before_s))
        for (start_s,) in connection.rows(
            f"SELECT DISTINCT start_s FROM {table} WHERE start_s >= 0 AND start_s < ? AND span_s < ?",  # noqa: S608 - our names
            (before_s, tier.shortest_s),
        )
    }
    saved = 0
    for begin_s, end_s in sorted({tier.period(start_s, connection.zone) for start_s in starts}):
        if end_s > cutoff_s:
            continue
        where = replace(
            ANY, starts_from_s=begin_s, starts_before_s=end_s, ends_by_s=end_s, shorter_than_s=end_s - begin_s
        )
        works: list[_Work] = [
            partial(_roll_up_series, connection, key, where, (begin_s, end_s), cells_from_s)
            for key in chunks.keys(connection, where)
        ]
        works.append(partial(_roll_up_paths, connection, begin_s, end_s, paths_before_s))
        # A day is soon done, and one transaction writes less than many.
        for together in [works] if end_s - begin_s < LONG_S else [[work] for work in works]:
            saved += connection.at_once(partial(_do, connection, together))
    return saved


def _do(connection: Connection, works: Iterable[_Work]) -> int:
    """All that is done in one transaction. Raises StoreError."""
    new: list[Encoded] = []
    saved = sum(work(new) for work in works)
    hours.put(connection, new)
    return saved


def _roll_up_series(
    connection: Connection, key: Key, where: Where, period_s: tuple[int, int], cells_from_s: int, new: list[Encoded]
) -> int:
    """Make one chunk of those of one series in one period. new: gets each hour of it, to be kept in cells."""
    begin_s, end_s = period_s
    span_s = end_s - begin_s
    screen = screens.monitors(connection)[key.monitor]
    where = of_series(where, key)
    fresh = chunks.merge(connection, replace(where, shorter_than_s=min(span_s, LONG_S)), screen)
    long = chunks.merge(connection, replace(where, at_least_s=LONG_S), screen) if span_s > LONG_S else Merged()
    both = [part.counts for part in (fresh, long) if part.counts is not None]
    rows = fresh.rows + long.rows
    if not both:
        return 0
    summed = summaries.find(connection, key) if span_s >= LONG_S else None
    already = None if summed is None else summed.decoded(screen)
    whole = chunks.insert(connection, begin_s, span_s, key, both[0] if len(both) == 1 else Counts.merge(both))
    if span_s > HOUR_S and cells_from_s < end_s:
        where = replace(where, starts_from_s=max(begin_s, cells_from_s))
        for start_s, of_hour in _by_hour(connection, where, screen, fresh.rows):
            if start_s >= cells_from_s:
                new.append(hours.encoded(whole, start_s, key, of_hour))
    hours.hand_over(connection, rows, whole)
    connection.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row in rows])
    if summed is not None and already is not None:  # the trigger has dropped it
        counts = summed.counts
        if fresh.counts is not None:
            counts = Counts.merge(itertools.chain([fresh.counts], already)).encode()
        first_s, last_s = min(summed.first_s, begin_s), max(summed.last_s, end_s)
        summaries.put(connection, key, Sum(first_s, last_s, summed.left_out, counts))
    return len(rows) - 1


def _by_hour(
    connection: Connection, where: Where, screen: Monitor, rows: Container[int]
) -> Iterator[tuple[int, Counts]]:
    """What chunks of an hour or less hold, by the hour: their own, or the local clock's. rows: only of these.

    One that ends after the hour of the local clock in which it begins is of no hour.
    """
    found: dict[int, list[Counts]] = {}
    for chunk in chunks.select(connection, replace(where, shorter_than_s=HOUR_S + 1), []):
        if chunk.row in rows:
            period = (chunk.start_s, chunk.end_s)
            begin_s, end_s = period if chunk.span_s == HOUR_S else HOUR.period(chunk.start_s, connection.zone)
            if chunk.end_s <= end_s:
                found.setdefault(begin_s, []).append(Counts.joined(chunk.decoded(screen)))
    return ((start_s, Counts.merge(parts)) for start_s, parts in sorted(found.items()))


def _roll_up_paths(connection: Connection, begin_s: int, end_s: int, before_s: int, _: list[Encoded]) -> int:
    shorter = "FROM path WHERE start_s >= ?1 AND start_s < ?2 AND start_s + span_s <= ?2 AND span_s < ?3"
    span = (begin_s, min(end_s, before_s), end_s - begin_s)
    rows = connection.rows(f"SELECT monitor, sum(length_px), count(*) {shorter} GROUP BY monitor", span)
    connection.executemany(
        "INSERT INTO path VALUES (?, ?, ?, ?)",
        [(begin_s, end_s - begin_s, monitor, length_px) for monitor, length_px, _ in rows],
    )
    connection.execute(f"DELETE {shorter}", span)  # afterwards, so that the new has the highest number: see given_up
    return sum(count - 1 for _, _, count in rows)
