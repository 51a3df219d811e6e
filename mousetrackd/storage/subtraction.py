"""Taking what was counted for one application out of the sums of all, where its chunks are deleted.

A chunk of an application and the one of all were saved together and rolled up together, so the first is a part of the
second to the pixel. Where one is kept only in cells, since other hours of it were forgotten, it is a part of the same
cells. Totals are exact either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core import cells, difference, validity
from mousetrackd.core.counts import Counts
from mousetrackd.storage import chunks, hours, screens
from mousetrackd.storage.tiers import HOUR_S

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from mousetrackd.storage.chunks import Chunk, Key
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Hour


@dataclass(frozen=True)
class Part:
    """A chunk of one application of which something goes, as it was before.

    gone: when each hour that goes begins (UTC seconds), and its counts in cells; None where they are damaged.
    """

    key: Key
    start_s: int
    end_s: int
    counts: Counts
    gone: tuple[tuple[int, Counts | None], ...]


@dataclass(frozen=True)
class _Plan:
    """What becomes of a chunk of all applications, and of hours of it: their counts, or None where they are unknown."""

    chunk: Chunk
    left: Counts
    hours: Mapping[Hour, Counts | None]


class SumsOfAll:
    """The chunks of all applications together, while one is taken out of them in the transaction that is open.

    Every method raises sqlite3.Error and StoreError.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._screens = screens.monitors(connection)
        self._stretches: dict[tuple[int, str], dict[int, tuple[int, int]]] = {}
        for row, start_s, span_s, monitor, layer in connection.execute(
            "SELECT id, start_s, span_s, monitor, layer FROM chunk WHERE application = '' AND grid = 0"
        ):
            self._stretches.setdefault((monitor, layer), {})[row] = (start_s, start_s + span_s)

    def part(self, row: int, start_s: int, end_s: int, key: Key, kept: Container[int]) -> Part | None:
        """A chunk of an application of which all goes but the hours with the rows ``kept``.

        Of a damaged one only what its hours hold is known; None where that is nothing.
        """
        if key.monitor not in self._screens:
            return None
        of_it = {hour: self._read(hour) for hour in hours.of_chunk(self._connection, row) if hour.key == key}
        gone = tuple((hour.start_s, found) for hour, found in of_it.items() if hour.row not in kept)
        counts = self._decoded(chunks.find(self._connection, row))
        if counts is None:
            readable = [found for found in of_it.values() if found is not None]
            counts = Counts.merge(readable) if readable else None
        elif end_s - start_s <= HOUR_S:  # it is an hour, or lies in one
            gone = ((start_s, cells.gathered(counts, _side_px(counts))),)
        return None if counts is None else Part(key, start_s, end_s, counts, gone)

    def take_out(self, part: Part, after: Counts | None) -> None:
        """Take a part out. after: what stays of it, if anything."""
        of_series = self._stretches.get((part.key.monitor, part.key.layer), {})
        touching = [row for row, (start_s, end_s) in of_series.items() if start_s < part.end_s and part.start_s < end_s]
        touching.sort(key=lambda row: (of_series[row] != (part.start_s, part.end_s), row))
        covering = [row for row in touching if of_series[row][0] <= part.start_s and part.end_s <= of_series[row][1]]
        plans = (self._plan(row, part, to_the_pixel=to_the_pixel) for to_the_pixel in (True, False) for row in covering)
        plan = next((plan for plan in plans if plan is not None), None)
        if plan is None:  # it is of a longer time, or not where it should be
            row = self._joined(part.key, touching)
            plan = self._plan(row, part, to_the_pixel=False, in_part=True)
        if plan is not None:
            self._carry_out(plan, after)

    def _plan(self, row: int, part: Part, *, to_the_pixel: bool, in_part: bool = False) -> _Plan | None:
        """How to take a part out of a chunk; None where not all of it is there. in_part: then what is there."""
        chunk = chunks.find(self._connection, row)
        whole = self._decoded(chunk)
        if chunk is None or whole is None:
            return None
        side_px = _side_px(whole)
        if to_the_pixel:
            left, missing = difference.of_pixels(whole, part.counts)
            is_all = not missing.pixels
        else:
            left, missing_in_cells = difference.in_cells(whole, part.counts, side_px)
            is_all = not missing_in_cells
        of_it = hours.of_chunk(self._connection, row)
        now: dict[Hour, Counts | None] = {}
        for start_s, gone in part.gone:
            here = [hour for hour in of_it if hour.start_s <= start_s < hour.end_s]
            rest = gone
            for hour in here:  # more than one where two stores were merged
                theirs = now[hour] if hour in now else self._read(hour)
                if rest is None or theirs is None:
                    now[hour] = None
                else:
                    now[hour] = difference.of_centres(theirs, rest, side_px)
                    rest = difference.of_centres(rest, theirs, side_px)
            is_all = is_all and (not here or rest is None or not rest.pixels)
        return _Plan(chunk, left, now) if is_all or in_part else None

    def _carry_out(self, plan: _Plan, after: Counts | None) -> None:
        counts = plan.left if after is None else Counts.merge([plan.left, after])
        row = plan.chunk.row
        if not counts.pixels:
            hours.drop_of_chunk(self._connection, row)
            self._connection.execute("DELETE FROM chunk WHERE id = ?", (row,))
            del self._stretches[plan.chunk.key.monitor, plan.chunk.key.layer][row]
            return
        chunk = plan.chunk
        chunks.replace_counts(self._connection, row, chunk.start_s, chunk.span_s, chunk.key, counts)
        for hour, of_hour in plan.hours.items():
            if of_hour is None:
                hours.drop(self._connection, [hour.row])
            else:
                hours.replace_counts(self._connection, hour, of_hour)
        if sum(hour.total for hour in hours.of_chunk(self._connection, row)) > counts.total:
            # An hour of the application was damaged and dropped earlier: which of these holds it is not known.
            hours.drop_of_chunk(self._connection, row)

    def _joined(self, key: Key, rows: Iterable[int]) -> int:
        """Make one chunk of several of all applications, and of what lies among them; its row, 0 for none."""
        of_series = self._stretches.get((key.monitor, key.layer), {})
        rows, before = {*rows}, set[int]()
        start_s = end_s = 0
        while rows != before:
            before = rows
            start_s = min((of_series[row][0] for row in rows), default=0)
            end_s = max((of_series[row][1] for row in rows), default=0)
            rows = {row for row, (begin_s, over_s) in of_series.items() if begin_s < end_s and start_s < over_s}
        found = {row: self._decoded(chunks.find(self._connection, row)) for row in rows}
        whole = {row: counts for row, counts in found.items() if counts is not None}
        if len(whole) < 2:
            return next(iter(whole), 0)
        start_s, span_s = validity.stretch(start_s, end_s)
        new = chunks.insert(
            self._connection, start_s, span_s, key._replace(application="", grid=0), Counts.merge(whole.values())
        )
        hours.hand_over(self._connection, whole, new)
        self._connection.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row in whole])
        for row in whole:
            del of_series[row]
        of_series[new] = (start_s, start_s + span_s)
        return new

    def _decoded(self, chunk: Chunk | None) -> Counts | None:
        if chunk is None or chunk.key.monitor not in self._screens:
            return None
        try:
            return Counts.joined(chunk.decoded(self._screens[chunk.key.monitor]))
        except ValueError:
            return None

    def _read(self, hour: Hour) -> Counts | None:
        """The counts of an hour, in cells of today's width."""
        try:
            _, found = hours.read(self._connection, hour, self._screens[hour.key.monitor])
        except ValueError:
            return None
        return cells.gathered(found, _side_px(found))


def _side_px(counts: Counts) -> int:
    return cells.cell_px(counts.width_px, counts.height_px)
