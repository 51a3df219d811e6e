"""Chunks: the rows that hold counts, each of one stretch of time and one series, with a checksum of our own."""

from __future__ import annotations

import itertools
import zlib
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from mousetrackd.core.counts import COUNT_MAX, Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.connection import Connection


@dataclass(frozen=True)
class Chunk:
    """A row of ``chunk`` that has passed its checksum. monitor: the row of it."""

    row: int
    start_s: int
    span_s: int
    monitor: int
    layer: str
    total: int
    counts: bytes

    def decoded(self, screen: Monitor) -> Iterator[Counts]:
        """The counts in parts. Raises ValueError at once when they are none, or not those that the row describes."""
        return Counts.decode_parts(self.counts, size=(screen.width_px, screen.height_px), total=self.total)


@dataclass(frozen=True)
class Where:
    """Which chunks; None is all. since_s, until_s: those that touch this range."""

    monitor: int | None = None
    layers: tuple[str, ...] | None = None
    since_s: int | None = None
    until_s: int | None = None
    starts_from_s: int | None = None
    starts_before_s: int | None = None
    at_least_s: int | None = None
    shorter_than_s: int | None = None

    def condition(self) -> tuple[str, list[int | str]]:
        """SQL, and the values of its marks."""
        parts: list[tuple[str, int | None]] = [
            ("monitor = ?", self.monitor),
            ("start_s + span_s > ?", self.since_s),
            ("start_s < ?", self.until_s),
            ("start_s >= ?", self.starts_from_s),
            ("start_s < ?", self.starts_before_s),
            ("span_s >= ?", self.at_least_s),
            ("span_s < ?", self.shorter_than_s),
        ]
        chosen = [(text, value) for text, value in parts if value is not None]
        texts = ["TRUE", *(text for text, _ in chosen)]
        values: list[int | str] = [value for _, value in chosen]
        if self.layers is not None:
            texts.append(f"layer IN ({_marks(self.layers)})")
            values += self.layers
        return " AND ".join(texts), values


@dataclass
class Merged:
    """The sum of chunks: which rows, between which seconds each was counted, and what could not be included."""

    counts: Counts | None = None
    rows: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def select(connection: Connection, where: Where, damaged: list[str]) -> Iterator[Chunk]:
    """The chunks of ``where``, of all screens oldest first. Raises StoreError.

    damaged: gets a sentence for each chunk that fails its checksum.
    """
    condition, values = where.condition()
    query = f"SELECT id, start_s, span_s, monitor, layer, total, counts, crc FROM chunk WHERE {condition}"  # noqa: S608 - our names
    if where.monitor is None:
        query += " ORDER BY start_s, id"
    with connection.reading():
        for row, start_s, span_s, monitor, layer, total, counts, crc in connection.execute(query, values):
            if crc == crc_of(start_s, span_s, monitor, layer, total, counts):
                yield Chunk(row, start_s, span_s, monitor, layer, total, counts)
            else:
                when = _local_time(start_s, connection.zone)
                damaged.append(f"left out chunk {row} ({layer} of {when}): its checksum is wrong")


def series_rows(connection: Connection, where: Where) -> list[tuple[int, str]]:
    """Of which screens, by row, and layers there are chunks of ``where``. Raises StoreError."""
    condition, values = where.condition()
    return connection.rows(f"SELECT DISTINCT monitor, layer FROM chunk WHERE {condition}", values)  # noqa: S608 - our names


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
            merged.spans.append((chunk.start_s, chunk.start_s + chunk.span_s))
            yield from decoded

    all_parts = parts()
    first = next(all_parts, None)
    if first is not None:
        merged.counts = Counts.merge(itertools.chain([first], all_parts))
    return merged


def insert(connection: Connection, start_s: int, span_s: int, monitor: int, layer: str, counts: Counts) -> None:
    """Append a chunk, within the transaction that is open. Raises sqlite3.Error."""
    blob, total = counts.encode(), min(counts.total, COUNT_MAX)
    crc = crc_of(start_s, span_s, monitor, layer, total, blob)
    connection.execute(
        "INSERT INTO chunk (start_s, span_s, monitor, layer, total, counts, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (start_s, span_s, monitor, layer, total, blob, crc),
    )


def crc_of(start_s: int, span_s: int, monitor: int, layer: str, total: int, counts: bytes) -> int:
    """The checksum of a row of ``chunk``: of all its columns but its number."""
    return zlib.crc32(counts, zlib.crc32(f"{start_s} {span_s} {monitor} {layer} {total}".encode()))


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _local_time(moment_s: int, zone: tzinfo | None) -> str:
    """A moment for people, even one that damage has made impossible."""
    try:
        return f"{datetime.fromtimestamp(moment_s, zone):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "an impossible time"
