"""Chunks: the rows that hold counts, each of one stretch of time and one series, with a checksum of our own."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, NamedTuple

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.storage.tiers import BEYOND_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.connection import Connection


class Key(NamedTuple):
    """Which series a row is of.

    monitor: its row. application: "" for the sum of all. grid: 0 for the pixels of the monitor; else the counts are of
    so many by so many equal parts of the application's window.
    """

    monitor: int
    layer: str
    application: str = ""
    grid: int = 0

    def size(self, screen: Monitor) -> tuple[int, int]:
        """Width and height of its counts."""
        return (self.grid, self.grid) if self.grid else (screen.width_px, screen.height_px)


@dataclass(frozen=True)
class Chunk:
    """A row of ``chunk`` that has passed its checksum.

    is_whole: False where it has not, and only its hours, each with a checksum of its own, are to be trusted.
    """

    row: int
    start_s: int
    span_s: int
    key: Key
    total: int
    counts: bytes
    is_whole: bool = True

    @property
    def end_s(self) -> int:
        """UTC seconds at which it ends."""
        return self.start_s + self.span_s

    def decoded(self, screen: Monitor) -> Iterator[Counts]:
        """The counts in parts. Raises ValueError at once when they are none, or not those that the row describes."""
        return Counts.decode_parts(self.counts, size=self.key.size(screen), total=self.total)


@dataclass(frozen=True)
class Where:
    """Which chunks; None is all. application, grid: as in ``Key``.

    since_s, until_s: those that touch this range, or have an hour that does. After a change of zone some hours of a
    chunk may lie after it.
    """

    monitor: int | None = None
    layers: tuple[str, ...] | None = None
    application: str | None = ""
    grid: int | None = 0
    since_s: int | None = None
    until_s: int | None = None
    starts_from_s: int | None = None
    starts_before_s: int | None = None
    ends_by_s: int | None = None
    at_least_s: int | None = None
    shorter_than_s: int | None = None

    def condition(self) -> tuple[str, list[int | str]]:
        """SQL, and the values of its marks."""
        parts: list[tuple[str, int | str | None]] = [
            ("monitor = ?", self.monitor),
            ("application = ?", self.application),
            ("grid = ?", self.grid),
            ("start_s >= ?", self.starts_from_s),
            ("start_s < ?", self.starts_before_s),
            ("start_s + span_s <= ?", self.ends_by_s),
            ("span_s >= ?", self.at_least_s),
            ("span_s < ?", self.shorter_than_s),
        ]
        chosen = [(text, value) for text, value in parts if value is not None]
        texts = ["TRUE", *(text for text, _ in chosen)]
        values = [value for _, value in chosen]
        if self.layers is not None:
            texts.append(f"layer IN ({_marks(self.layers)})")
            values += self.layers
        for text, value in self._touching():
            texts.append(text)
            values += value
        return " AND ".join(texts), values

    def _touching(self) -> Iterator[tuple[str, list[int]]]:
        """Conditions that the range sets: first those that need no look at hours, and spare most chunks that look."""
        own: list[str] = []
        of_hour: list[str] = []
        ends: list[int] = []
        if self.since_s is not None:
            yield "start_s + span_s > ?", [self.since_s - BEYOND_S]
            own.append("start_s + span_s > ?")
            of_hour.append(f"hour.start_s + {HOUR_S} > ?")
            ends.append(self.since_s)
        if self.until_s is not None:
            yield "start_s < ?", [self.until_s + HOUR_S]
            own.append("start_s < ?")
            of_hour.append("hour.start_s < ?")
            ends.append(self.until_s)
        if ends:
            hours = f"SELECT 1 FROM hour WHERE hour.chunk = chunk.id AND {' AND '.join(of_hour)}"  # noqa: S608 - ours
            yield f"({' AND '.join(own)} OR (span_s > {HOUR_S} AND EXISTS ({hours})))", ends + ends


ANY = Where(application=None, grid=None)
"""All chunks there are, those of single applications too."""


def of_series(where: Where, key: Key) -> Where:
    """Those of ``where`` that are of one series."""
    return replace(where, monitor=key.monitor, layers=(key.layer,), application=key.application, grid=key.grid)


@dataclass
class Merged:
    """The sum of chunks: which rows, between which seconds each was counted, and what could not be included."""

    counts: Counts | None = None
    rows: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


COLUMNS = "id, start_s, span_s, monitor, layer, application, grid, total, counts, checksum"
"""Of a row of ``chunk``, in the order of ``Chunk``'s."""


def select(connection: Connection, where: Where, damaged: list[str], *, with_damaged: bool = False) -> Iterator[Chunk]:
    """The chunks of ``where``, of all screens oldest first. Raises StoreError.

    damaged: gets a sentence for each chunk that fails its checksum. with_damaged: these too, without total and counts.
    """
    condition, values = where.condition()
    query = f"SELECT {COLUMNS} FROM chunk WHERE {condition}"  # noqa: S608 - our names
    if where.monitor is None:
        query += " ORDER BY start_s, id"
    with connection.reading():
        for row, start_s, span_s, *key, total, counts, checksum in connection.execute(query, values):
            chunk = Chunk(row, start_s, span_s, Key(*key), total, counts)
            if checksum == checksum_of(chunk):
                yield chunk
            else:
                when = local_time(start_s, connection.zone)
                damaged.append(f"left out chunk {row} ({chunk.key.layer} of {when}): its checksum is wrong")
                if with_damaged:
                    yield replace(chunk, total=0, counts=b"", is_whole=False)


def keys(connection: Connection, where: Where) -> list[Key]:
    """Of which series there are chunks of ``where``. Raises StoreError."""
    condition, values = where.condition()
    query = f"SELECT DISTINCT monitor, layer, application, grid FROM chunk WHERE {condition}"  # noqa: S608 - our names
    return sorted(Key(*row) for row in connection.rows(query, values))


def merge(connection: Connection, where: Where, screen: Monitor) -> Merged:
    """The sum of chunks of one series. What is damaged stays where it is. Raises StoreError."""
    merged = Merged()

    def parts() -> Iterator[Counts]:
        for chunk in select(connection, where, merged.left_out):
            try:
                decoded = chunk.decoded(screen)
            except ValueError as error:
                merged.left_out.append(f"left out chunk {chunk.row}: {error}")
                continue
            merged.rows.append(chunk.row)
            merged.spans.append((chunk.start_s, chunk.end_s))
            yield from decoded

    all_parts = parts()
    first = next(all_parts, None)
    if first is not None:
        merged.counts = Counts.merge(itertools.chain([first], all_parts))
    return merged


def insert(connection: Connection, start_s: int, span_s: int, key: Key, counts: Counts) -> int:
    """Append a chunk, within the transaction that is open; returns its row. Raises sqlite3.Error."""
    return put(connection, start_s, span_s, key, min(counts.total, COUNT_MAX), counts.encode())


def put(connection: Connection, start_s: int, span_s: int, key: Key, total: int, encoded: bytes) -> int:
    """As ``insert``, with its counts as bytes."""
    chunk = Chunk(0, start_s, span_s, key, total, encoded)
    ((row,),) = connection.execute(
        "INSERT INTO chunk (start_s, span_s, monitor, layer, application, grid, total, counts, checksum)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (start_s, span_s, *key, chunk.total, chunk.counts, checksum_of(chunk)),
    )
    return int(row)


def replace_counts(connection: Connection, row: int, start_s: int, span_s: int, key: Key, counts: Counts) -> None:
    """Put other counts into a chunk, which keeps its number; as ``insert``."""
    chunk = Chunk(row, start_s, span_s, key, min(counts.total, COUNT_MAX), counts.encode())
    connection.execute(
        "UPDATE chunk SET total = ?, counts = ?, checksum = ? WHERE id = ?",
        (chunk.total, chunk.counts, checksum_of(chunk), row),
    )


def find(connection: Connection, row: int) -> Chunk | None:
    """A chunk by its row; None where it is not there, or fails its checksum. Raises sqlite3.Error."""
    for _, start_s, span_s, *key, total, counts, checksum in connection.execute(
        f"SELECT {COLUMNS} FROM chunk WHERE id = ?",  # noqa: S608 - our names
        (row,),
    ):
        chunk = Chunk(row, start_s, span_s, Key(*key), total, counts)
        return chunk if checksum == checksum_of(chunk) else None
    return None


def checksum_of(chunk: Chunk) -> int:
    """The checksum of a row of ``chunk``: of all its columns but its number."""
    monitor, layer, *rest = chunk.key
    # Of a sum of all applications it is what older versions wrote, which knew nothing else.
    of_one = "" if chunk.key == Key(monitor, layer) else f" {rest}"
    facts = f"{chunk.start_s} {chunk.span_s} {monitor} {layer} {chunk.total}{of_one}"
    return zlib.crc32(chunk.counts, zlib.crc32(facts.encode()))


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def local_time(moment_s: int, zone: tzinfo | None) -> str:
    """A moment for people, even one that damage has made impossible."""
    try:
        return f"{datetime.fromtimestamp(moment_s, zone):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "an impossible time"
