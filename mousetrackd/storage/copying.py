"""All of one store, added to another: each row as it is, for the screen that it is of there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import UNITS
from mousetrackd.core.series import Series
from mousetrackd.core.validity import SPAN_MAX_S
from mousetrackd.storage import chunks, hours, screens, units
from mousetrackd.storage.chunks import ANY, Where
from mousetrackd.storage.tiers import HOUR_S, TIERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.storage.chunks import Chunk
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Encoded

_HOURS_AT_ONCE: Final = 64
"""Of a year there are thousands, too many to have in memory."""


def longest_first() -> Iterator[tuple[int, int]]:
    """The spans, from and below, in which rows are copied: all of one from all stores, then those of the next.

    So what lies in a longer chunk has a higher number, by which a rescue knows that it was not rolled up into it.
    """
    starts = [*(tier.shortest_s for tier in reversed(TIERS)), 0]
    return zip(starts, [SPAN_MAX_S + 1, *starts], strict=False)


class Copying:
    """All of ``source``, to be added to ``target`` within its transaction.

    Not where its monitors were placed: see ``screens.layouts``. left_out: gets a sentence for each row that is damaged.
    units_there: the unit of each series of the stores that were added before. Raises UsageError where one is counted in
    another unit there, StoreError and sqlite3.Error, as all methods.
    """

    def __init__(
        self, target: Connection, source: Connection, units_there: dict[tuple[int, str], str], left_out: list[str]
    ) -> None:
        self._target = target
        self._source = source
        self._left_out = left_out
        self._known = screens.monitors(source)
        self._row_of = {row: screens.row_of(target, monitor) for row, monitor in sorted(self._known.items())}
        self._damaged: list[Chunk] = []
        self._new: list[Encoded] = []
        screens.note_sizes(target, screens.sizes_mm(source))
        of_units = units.units(source)
        for key in chunks.keys(source, ANY):
            monitor = self._known[key.monitor]
            unit = of_units.get(Series(monitor, key.layer), UNITS[key.layer])
            there = self._row_of[key.monitor], key.layer
            if units_there.setdefault(there, unit) != unit:
                raise UsageError(
                    f"{source.path} has {key.layer} of {monitor.label} in another unit than the others",
                    "They cannot be added up. Leave it out.",
                )
            units.note(target, *there, unit)
        target.executemany("INSERT INTO identity VALUES (?, 0)", source.rows("SELECT id FROM identity"))

    def add(self, from_s: int, below_s: int) -> None:
        """Add every chunk and length of path that spans so many seconds, with their hours.

        The hours of a damaged chunk become chunks, before those of an hour or less are copied.
        """
        if from_s <= HOUR_S:
            for chunk in self._damaged:
                self._add_hours_of(chunk, None)
            self._damaged = []
        where = Where(application=None, grid=None, at_least_s=from_s, shorter_than_s=below_s)
        for chunk in chunks.select(self._source, where, self._left_out, with_damaged=True):
            if not chunk.is_whole:
                self._damaged.append(chunk)
                continue
            key = chunk.key._replace(monitor=self._row_of[chunk.key.monitor])
            new_row = chunks.put(self._target, chunk.start_s, chunk.span_s, key, chunk.total, chunk.counts)
            self._add_hours_of(chunk, new_row)
        self._put(at_least=1)
        self._target.executemany(
            "INSERT INTO path VALUES (?, ?, ?, ?)",
            [
                (start_s, span_s, self._row_of[monitor], length_px)
                for start_s, span_s, monitor, length_px in self._source.rows(
                    "SELECT start_s, span_s, monitor, length_px FROM path WHERE span_s >= ? AND span_s < ?"
                    " ORDER BY rowid",
                    (from_s, below_s),
                )
            ],
        )

    def _add_hours_of(self, chunk: Chunk, new_row: int | None) -> None:
        """new_row: of the chunk in the other store; None where it is damaged, and its hours are read instead of it."""
        key = chunk.key._replace(monitor=self._row_of[chunk.key.monitor])
        for hour in hours.of_chunk(self._source, chunk.row):
            try:
                row = new_row
                if row is None:
                    _, counts = hours.read(self._source, hour, self._known[chunk.key.monitor])
                    row = chunks.insert(self._target, hour.start_s, HOUR_S, key, counts)
                self._new.append(hours.copied(self._source, hour, row, key))
            except ValueError as error:
                self._left_out.append(str(error))
            self._put(at_least=_HOURS_AT_ONCE)

    def _put(self, at_least: int) -> None:
        if len(self._new) >= at_least:
            hours.put(self._target, self._new)
            self._new = []
