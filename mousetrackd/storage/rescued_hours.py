"""The hours of a damaged store, put into the new one: each that is whole, with what its chunk holds or without it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core import validity
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.storage import hours
from mousetrackd.storage.chunks import COLUMNS, Chunk, Key, checksum_of
from mousetrackd.storage.hours import Hour
from mousetrackd.storage.tiers import DAY, HOUR_S

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable, Mapping, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.damaged_database import DamagedDatabase, Row
    from mousetrackd.storage.given_up import Found

PUT_CHUNK = f"INSERT INTO chunk ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our names


@dataclass(frozen=True)
class _Whole:
    """An hour that has passed its checksum, and its row of ``cells``: encoded, a lost year has thousands of them."""

    hour: Hour
    cells: Row

    def counts(self, screens: Mapping[int, Monitor]) -> Counts:
        """Its counts. Raises ValueError where they are not those of the hour, and KeyError without such a screen."""
        _, side_px, blob, checksum = self.cells
        return hours.decoded(self.hour, screens[self.hour.key.monitor], side_px, blob, checksum)


def fill(old: DamagedDatabase, fresh: sqlite3.Connection, screens: Mapping[int, Monitor], kept: Sequence[Found]) -> int:
    """Put every hour that can be trusted into ``fresh``, within the transaction that is open.

    kept: the chunks that are there. The hours of a chunk that is lost become days of their own, unless what they count
    is there already. Returns how many days.
    """
    facts = {row[0]: row for row in old.rows("hour")}
    owners = {one.number: one for one in reversed(kept)}
    alone: list[_Whole] = []
    without_hours = dict(fresh.execute("SELECT id, total FROM chunk WHERE span_s > ?", (HOUR_S,)).fetchall())
    seen: set[int] = set()
    for row in old.rows("cells"):
        whole = _whole(facts.get(row[0]), row, screens)
        if whole is None or whole.hour.row in seen:
            continue
        seen.add(whole.hour.row)
        owner = owners.get(whole.hour.chunk)
        if (
            owner is None
            or owner.series != whole.hour.key
            or not hours.may_be_of(whole.hour, owner.start_s, owner.end_s)
        ):
            alone.append(whole)
            continue
        _put(fresh, whole, owner.row)
        without_hours[owner.row] = without_hours.get(owner.row, 0) - whole.hour.total
    by_series: dict[Hashable, list[Found]] = defaultdict(list)
    for one in kept:
        by_series[one.series].append(one)
    orphans: dict[tuple[Key, int, int], list[_Whole]] = defaultdict(list)
    for whole in alone:
        hour, same = whole.hour, by_series[whole.hour.key]
        if not any(_counts_it(one, hour, without_hours) for one in same):
            begin_s, end_s = DAY.period(hour.start_s, None)
            orphans[hour.key, begin_s, end_s].append(whole)
            # What was rolled up into the lost chunk, and lies on pages that were given up.
            parts = [
                (one.row,)
                for one in same
                if one.number < hour.chunk and hour.start_s <= one.start_s and one.end_s <= hour.end_s
            ]
            fresh.executemany("DELETE FROM chunk WHERE id = ?", parts)
    for (key, begin_s, end_s), of_day in orphans.items():
        counts = Counts.merge(one.counts(screens) for one in of_day)
        # A second less than a day, until the next roll-up: it is no sum of what else was counted then.
        chunk = Chunk(0, begin_s, end_s - begin_s - 1, key, min(counts.total, COUNT_MAX), counts.encode())
        put = (None, begin_s, chunk.span_s, *key, chunk.total, chunk.counts, checksum_of(chunk))
        row_of_day = fresh.execute(PUT_CHUNK, put).lastrowid
        for whole in of_day:
            _put(fresh, whole, row_of_day)
    return len(orphans)


def _counts_it(one: Found, hour: Hour, without_hours: Mapping[int, int]) -> bool:
    """Does a chunk hold an hour whose own chunk is not there?

    One of an hour does where it was part of the lost chunk. A longer one may have taken that in, if some of it is in
    none of its hours.
    """
    if not one.start_s <= hour.start_s < one.end_s:
        return False
    if one.span_s > HOUR_S:
        return without_hours.get(one.row, 0) >= hour.total
    return one.span_s == HOUR_S and one.number < hour.chunk


def _whole(facts: Row | None, row: Row, screens: Mapping[int, Monitor]) -> _Whole | None:
    if facts is None:
        return None
    number, chunk, start_s, monitor, layer, application, grid, total = facts
    hour = Hour(number, chunk, start_s, Key(monitor, layer, application, grid), total)
    if (
        not validity.is_chunk(start_s, HOUR_S, layer, total)
        or not validity.is_part(application, grid)
        or monitor not in screens
    ):
        return None
    whole = _Whole(hour, row)
    try:
        whole.counts(screens)
    except ValueError:
        return None
    return whole


def _put(fresh: sqlite3.Connection, whole: _Whole, chunk: int | None) -> None:
    hour = whole.hour
    fresh.execute(
        f"INSERT INTO hour ({hours.COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our names
        (hour.row, chunk, hour.start_s, *hour.key, hour.total),
    )
    fresh.execute("INSERT INTO cells (hour, cell_px, counts, checksum) VALUES (?, ?, ?, ?)", whole.cells)
