"""The kept sums: for each series the sum of all its long chunks, so that "all time" costs the same however old it is.

A trigger (see ``schema``) drops the sum of a series whenever a long chunk of it comes, goes or changes, whoever does
it. The transaction of a roll-up puts the new one in its place, and ``make_missing`` makes what is missing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mousetrackd.core import validity
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.storage import chunks, screens
from mousetrackd.storage.chunks import Key, Where, of_series
from mousetrackd.storage.schema import SUMS_SINCE
from mousetrackd.storage.tiers import LONG_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.connection import Connection


@dataclass(frozen=True)
class Sum:
    """A row of ``sum`` that has passed its checksum: between which seconds, and what could not be included."""

    first_s: int
    last_s: int
    left_out: str
    counts: bytes

    def decoded(self, screen: Monitor) -> Iterator[Counts] | None:
        """The counts in parts; None where they are none of that screen's."""
        try:
            return Counts.decode_parts(self.counts, size=(screen.width_px, screen.height_px))
        except ValueError:
            return None


def are_kept(connection: Connection) -> bool:
    """Has the store sums? Read-only, an older one is read as it is."""
    return connection.version() >= SUMS_SINCE


def find(connection: Connection, key: Key) -> Sum | None:
    """The sum of the long chunks of a series; None where there is none that can be trusted. Raises StoreError.

    There is none of a single application's.
    """
    monitor, layer, *of_all = key
    if not are_kept(connection) or any(of_all):
        return None
    with connection.reading():
        found = connection.execute(
            "SELECT first_s, last_s, left_out, counts, crc FROM sum WHERE monitor = ? AND layer = ?", (monitor, layer)
        ).fetchone()
    if found is None:
        return None
    *rest, crc = found
    summed = Sum(*rest)
    is_possible = validity.is_sum(summed.first_s, summed.last_s, summed.left_out)
    return summed if is_possible and crc == _crc_of(monitor, layer, summed) else None


def problems(connection: Connection, known: dict[int, Monitor], *, compare: bool) -> list[str]:
    """A sentence for each sum that is not to be trusted. compare: also with the chunks it sums, if those are whole."""
    rows = connection.rows("SELECT monitor, layer FROM sum") if are_kept(connection) else []
    return [
        f"the sum of {layer} on screen {row} is damaged, and what it sums is read instead"
        for row, layer in rows
        if row not in known or (compare and not _is_right(connection, row, layer, known[row]))
    ]


def put(connection: Connection, key: Key, summed: Sum) -> None:
    """Replace the sum of a series of all applications, within the transaction that is open. Raises sqlite3.Error."""
    monitor, layer, *_ = key
    connection.execute("DELETE FROM sum WHERE monitor = ? AND layer = ?", (monitor, layer))
    connection.execute(
        "INSERT INTO sum (monitor, layer, first_s, last_s, left_out, counts, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(monitor, layer, summed.first_s, summed.last_s, summed.left_out, summed.counts),
            _crc_of(monitor, layer, summed),
        ),
    )


def make_missing(connection: Connection) -> None:
    """Make the sum of each series that has long chunks and no sum, each in a transaction. Raises StoreError."""
    missing = connection.rows(
        "SELECT DISTINCT monitor, layer FROM chunk WHERE span_s >= ? AND application = '' AND grid = 0"
        " AND NOT EXISTS (SELECT 1 FROM sum WHERE (sum.monitor, sum.layer) = (chunk.monitor, chunk.layer))",
        (LONG_S,),
    )
    for row in missing:
        connection.at_once(partial(_make, connection, Key(*row)))


def _make(connection: Connection, key: Key) -> None:
    where = of_series(Where(at_least_s=LONG_S), key)
    long = chunks.merge(connection, where, screens.monitors(connection)[key.monitor])
    if long.counts is not None:
        first_s, last_s = min(start_s for start_s, _ in long.spans), max(end_s for _, end_s in long.spans)
        put(connection, key, Sum(first_s, last_s, "\n".join(long.left_out), long.counts.encode()))


def _is_right(connection: Connection, monitor: int, layer: str, screen: Monitor) -> bool:
    """Can the sum of a series be trusted, and is it that of the chunks it sums?"""
    summed = find(connection, Key(monitor, layer))
    parts = None if summed is None else summed.decoded(screen)
    if summed is None or parts is None:
        return False
    rows = connection.rows(
        "SELECT total FROM chunk WHERE monitor = ? AND layer = ? AND application = '' AND grid = 0 AND span_s >= ?",
        (monitor, layer, LONG_S),
    )
    total = sum(one for (one,) in rows)
    return bool(summed.left_out) or total >= COUNT_MAX or sum(part.total for part in parts) == total


def _crc_of(monitor: int, layer: str, summed: Sum) -> int:
    facts = f"{monitor} {layer} {summed.first_s} {summed.last_s} {summed.left_out}"
    return zlib.crc32(summed.counts, zlib.crc32(facts.encode()))
