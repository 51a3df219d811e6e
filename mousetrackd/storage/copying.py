"""All of one store, added to another: each row as it is, for the screen that it is of there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import UNITS
from mousetrackd.core.series import Series
from mousetrackd.storage import chunks, hours, screens, units
from mousetrackd.storage.chunks import ANY
from mousetrackd.storage.tiers import HOUR_S

if TYPE_CHECKING:
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Encoded

_HOURS_AT_ONCE = 64
"""Of a year there are thousands, too many to have in memory."""


def append(target: Connection, source: Connection, left_out: list[str]) -> None:
    """Add every chunk, hour and length of path of ``source``, and its number, within the transaction of ``target``.

    Not where its monitors were placed: see ``screens.layouts``. left_out: gets a sentence for each row that is damaged.
    Raises UsageError where a series is counted in another unit there, StoreError and sqlite3.Error.
    """
    with source.snapshot():
        known = screens.monitors(source)
        row_of = {row: screens.row_of(target, monitor) for row, monitor in sorted(known.items())}
        screens.note_sizes(target, screens.sizes_mm(source))
        of_units = units.units(source)
        for key in chunks.keys(source, ANY):
            unit = of_units.get(Series(known[key.monitor], key.layer), UNITS[key.layer])
            try:
                units.note(target, row_of[key.monitor], key.layer, unit)
            except UsageError as error:
                raise UsageError(
                    f"{source.path} has {key.layer} of {known[key.monitor].label} in another unit than the others",
                    "They cannot be added up. Leave it out.",
                ) from error
        new: list[Encoded] = []
        for chunk in chunks.select(source, ANY, left_out, with_damaged=True):
            key = chunk.key._replace(monitor=row_of[chunk.key.monitor])
            new_row = 0
            if chunk.is_whole:
                new_row = chunks.put(target, chunk.start_s, chunk.span_s, key, chunk.total, chunk.counts)
            for hour in hours.of_chunk(source, chunk.row):
                try:
                    if not chunk.is_whole:  # each of its hours is read instead of it, so each becomes a chunk
                        _, counts = hours.read(source, hour, known[chunk.key.monitor])
                        new_row = chunks.insert(target, hour.start_s, HOUR_S, key, counts)
                    new.append(hours.copied(source, hour, new_row, key))
                except ValueError as error:
                    left_out.append(str(error))
                if len(new) >= _HOURS_AT_ONCE:
                    hours.put(target, new)
                    new = []
        hours.put(target, new)
        target.executemany(
            "INSERT INTO path VALUES (?, ?, ?, ?)",
            [
                (start_s, span_s, row_of[monitor], length_px)
                for start_s, span_s, monitor, length_px in source.rows(
                    "SELECT start_s, span_s, monitor, length_px FROM path ORDER BY rowid"
                )
            ],
        )
        target.executemany("INSERT INTO identity VALUES (?, 0)", source.rows("SELECT id FROM identity"))
