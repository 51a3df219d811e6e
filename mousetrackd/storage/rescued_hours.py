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
    from collections.abc import Mapping

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.damaged_database import DamagedDatabase, Row

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


def fill(
    old: DamagedDatabase, fresh: sqlite3.Connection, screens: Mapping[int, Monitor], renumbered: Mapping[int, int]
) -> int:
    """Put every hour that can be trusted into ``fresh``, within the transaction that is open.

    renumbered: the rows that the chunks of the old store have in the new one. The hours of a chunk that is lost become
    days of their own, unless what lies at their time is counted already. Returns how many days.
    """
    facts = {row[0]: row for row in old.rows("hour")}
    owners = {
        row: (start_s, start_s + span_s, Key(*key))
        for row, start_s, span_s, *key in fresh.execute(
            "SELECT id, start_s, span_s, monitor, layer, application, grid FROM chunk"
        )
    }
    orphans: dict[tuple[Key, int, int], list[_Whole]] = defaultdict(list)
    seen: set[int] = set()
    for row in old.rows("cells"):
        whole = _whole(facts.get(row[0]), row, screens)
        if whole is None or whole.hour.row in seen:
            continue
        seen.add(whole.hour.row)
        hour = whole.hour
        owner = renumbered.get(hour.chunk)
        start_s, end_s, key = owners.get(owner or 0, (0, 0, None))
        if owner is not None and key == hour.key and hours.may_be_of(hour, start_s, end_s):
            _put(fresh, whole, owner)
        elif not any(
            key == hour.key and start_s <= hour.start_s < end_s and end_s - start_s >= HOUR_S
            for start_s, end_s, key in owners.values()
        ):
            begin_s, end_s = DAY.period(hour.start_s, None)
            orphans[hour.key, begin_s, end_s].append(whole)
    for (key, begin_s, end_s), of_day in orphans.items():
        counts = Counts.merge(one.counts(screens) for one in of_day)
        chunk = Chunk(0, begin_s, end_s - begin_s, key, min(counts.total, COUNT_MAX), counts.encode())
        put = (None, begin_s, chunk.span_s, *key, chunk.total, chunk.counts, checksum_of(chunk))
        row_of_day = fresh.execute(PUT_CHUNK, put).lastrowid
        for one in of_day:
            _put(fresh, one, row_of_day)
    return len(orphans)


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
