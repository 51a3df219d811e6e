"""All that a store holds, as finely in time as it is kept: by the hour where that is known, in cells.

What lies here is small until it is read: a ``Part`` names counts, and ``ByHour.cells`` reads those of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.core import cells, validity
from mousetrackd.core.cells import Cells, Gathering
from mousetrackd.core.counts import Counts
from mousetrackd.storage import chunks, hours, screens
from mousetrackd.storage.chunks import Chunk, Key, Where
from mousetrackd.storage.hours import Hour
from mousetrackd.storage.readings import PATH
from mousetrackd.storage.tiers import HOUR_S, YEAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Alike
    from mousetrackd.storage.readings import Range


@dataclass(frozen=True)
class Part:
    """What was counted of one series in ``span_s`` seconds from ``start_s`` (UTC), or how far the pointer went then.

    what: a layer, or ``PATH``, whose total is in px. hour: where it is an hour in cells. chunk: the row that it is, or
    is a part of; 0 for a path. has_hours: some of the chunk is in hours, and this is the rest of it.
    """

    start_s: int
    span_s: int
    monitor: Monitor
    what: str
    total: int
    chunk: int = 0
    hour: Hour | None = None
    has_hours: bool = False


class ByHour:
    """The parts of what lies within a range, oldest first; together they are what ``query.totals`` sums.

    left_out: a sentence for each part whose counts are damaged, once it was read. Every method raises StoreError.
    """

    def __init__(self, connection: Connection, asked: Range) -> None:
        self._connection = connection
        self._asked = asked
        self.left_out: list[str] = []
        with connection.reading():
            self.parts = sorted(self._found(asked), key=lambda part: (part.start_s, part.monitor, part.what))

    def of(self, application: str) -> ByHour:
        """The same range of one application, of the same moment."""
        return ByHour(self._connection, replace(self._asked, application=application))

    def _found(self, asked: Range) -> list[Part]:
        connection = self._connection
        known = screens.monitors(connection)
        wanted = screens.rows_of(connection, asked.monitor)
        condition, values = Where(
            since_s=asked.since_s, until_s=asked.until_s, application=asked.application
        ).condition()
        by_chunk: dict[int, list[Hour]] = {}
        of_them = f"SELECT id FROM chunk WHERE {condition}"  # noqa: S608 - our names
        rows = f"SELECT {hours.COLUMNS} FROM hour WHERE chunk IN ({of_them})"  # noqa: S608 - our names
        for row, chunk, start_s, *key, total in connection.execute(rows, values):
            if validity.is_chunk(start_s, HOUR_S, key[1], total):
                by_chunk.setdefault(chunk, []).append(Hour(row, chunk, start_s, Key(*key), total))
        found: list[Part] = []
        zone = connection.zone
        for chunk, start_s, span_s, monitor, what, total in connection.execute(
            f"SELECT id, start_s, span_s, monitor, layer, total FROM chunk WHERE {condition}"  # noqa: S608 - ours
            " UNION ALL SELECT 0, start_s, span_s, monitor, ?, length_px FROM path WHERE start_s >= ?",
            (*values, PATH, validity.TIME_MIN_S if asked.since_s is None else asked.since_s - YEAR.longest_s),
        ):
            if monitor not in wanted or (what == PATH and asked.application):  # no path is kept by application
                continue
            screen = known[monitor]
            key = Key(monitor, what, asked.application)
            of_it = [hour for hour in by_chunk.get(chunk, []) if chunk and hour.key == key]
            rest = total - sum(hour.total for hour in of_it)
            if rest < 0:  # its hours are damaged
                of_it, rest = [], total
            found += [
                Part(hour.start_s, HOUR_S, screen, what, hour.total, chunk, hour)
                for hour in of_it
                if asked.touches(hour.start_s, hour.end_s, zone) and not asked.is_too_coarse(hour.start_s, hour.end_s)
            ]
            stretch = (
                min([start_s, *(hour.start_s for hour in of_it)]),
                max([start_s + span_s, *(hour.end_s for hour in of_it)]),
            )
            if (rest > 0 or not of_it) and asked.touches(start_s, start_s + span_s, zone):
                if not asked.is_too_coarse(*stretch):
                    found.append(Part(start_s, span_s, screen, what, rest, chunk, None, bool(of_it)))
                elif chunk:
                    when = chunks.local_time(start_s, zone)
                    self.left_out.append(f"left out {what} of {when}: kept too coarsely for this range")
        return found

    def cells(self, part: Part, side_px: int) -> tuple[int, Cells]:
        """The cells of a part, and how wide they are: those of hours as they are kept, else ``side_px``.

        None of what is damaged.
        """
        try:
            if part.hour is not None:
                return hours.read_cells(self._connection, part.hour, part.monitor)
            if part.has_hours:
                return self._without_hours(part)
            return side_px, self._cells_of_chunk(part, side_px)
        except ValueError as error:
            self.left_out.append(str(error))
            return side_px, cells.split(Counts.empty(part.monitor.width_px, part.monitor.height_px), side_px)

    def alike(self, parts: Sequence[Part]) -> Alike | None:
        """The cells of hours of one series at once; None where ``cells`` must read them one by one, and of none.

        parts: each with its hour.
        """
        of_them = [part.hour for part in parts if part.hour is not None]
        if not of_them:
            return None
        try:
            return hours.read_alike(self._connection, of_them, parts[0].monitor)
        except ValueError:
            return None

    def _cells_of_chunk(self, part: Part, side_px: int) -> Cells:
        rows = self._connection.rows(f"SELECT {chunks.COLUMNS} FROM chunk WHERE id = ?", (part.chunk,))  # noqa: S608
        for row, start_s, span_s, *key, total, blob, checksum in rows:
            chunk = Chunk(row, start_s, span_s, Key(*key), total, blob)
            if checksum != chunks.checksum_of(chunk):
                raise ValueError(f"left out chunk {row} ({part.what}): its checksum is wrong")
            gathering = Gathering((part.monitor.width_px, part.monitor.height_px), side_px)
            for counts in chunk.decoded(part.monitor):
                gathering.add_counts(counts)
            return gathering.cells()
        raise ValueError(f"left out chunk {part.chunk} ({part.what}): it is gone")

    def _without_hours(self, part: Part) -> tuple[int, Cells]:
        """What of a chunk is in none of its hours, at the centres of mass of all of it."""
        screen = part.monitor
        of_it = [
            hours.read_cells(self._connection, hour, screen) for hour in hours.of_chunk(self._connection, part.chunk)
        ]
        side_px = max(kept_px for kept_px, _ in of_it)
        whole = self._cells_of_chunk(part, side_px)
        cols, rows = cells.grid(screen.width_px, screen.height_px, side_px)
        left = np.zeros(cols * rows, np.int64)
        left[whole.index] = whole.count
        for kept_px, of_hour in of_it:
            x, y = cells.centres(of_hour, size=(screen.width_px, screen.height_px), side_px=kept_px)
            np.subtract.at(left, y // side_px * cols + x // side_px, of_hour.count)
        kept = left[whole.index] > 0
        return side_px, Cells(whole.index[kept], left[whole.index][kept], whole.place[kept])
