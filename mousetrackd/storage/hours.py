"""Hours: what was counted in each hour of the past, in cells, long after its pixels are part of a day or a month.

A row of ``hour`` belongs to exactly one chunk, the one that its pixels are part of, and follows them into the longer
one of a roll-up. So a question is answered by the chunks that lie inside it and, of the others, by the hours that do,
and nothing counts twice, whatever was imported later or however the clock's zone changed.
"""

from __future__ import annotations

import bisect
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from mousetrackd.core import cells, validity
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.storage.chunks import Key, local_time
from mousetrackd.storage.tiers import BEYOND_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mousetrackd.core.cells import CellPlanes, Cells
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.chunks import Chunk, Where
    from mousetrackd.storage.connection import Connection


COLUMNS: Final = "id, chunk, start_s, monitor, layer, application, grid, total"


@dataclass(frozen=True)
class Hour:
    """A row of ``hour``: the sum of one series in the hour that begins at ``start_s`` (UTC)."""

    row: int
    chunk: int
    start_s: int
    key: Key
    total: int

    @property
    def end_s(self) -> int:
        """UTC seconds at which it ends."""
        return self.start_s + HOUR_S


class Encoded(NamedTuple):
    """An hour that is to be stored, and its cells as bytes. side_px: how wide they are."""

    hour: Hour
    side_px: int
    counts: bytes


class Alike(NamedTuple):
    """Hours of one series. side_px: how wide all cells are. parts: each as it is kept. cells: one after the other."""

    side_px: int
    parts: list[CellPlanes]
    cells: Cells


def encoded(chunk: int, start_s: int, key: Key, counts: Counts) -> Encoded:
    """An hour of a chunk, as ``put`` stores it."""
    side_px = cells.cell_px(counts.width_px, counts.height_px)
    blob = cells.encode(cells.gathered(counts, side_px), side_px)
    return Encoded(Hour(0, chunk, start_s, key, min(counts.total, COUNT_MAX)), side_px, blob)


def put(connection: Connection, new: Iterable[Encoded]) -> None:
    """Append hours, within the transaction that is open, together so that they fill pages. Raises sqlite3.Error."""
    for hour, side_px, blob in _packed(new):
        ((row,),) = connection.execute(
            "INSERT INTO hour (chunk, start_s, monitor, layer, application, grid, total) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (hour.chunk, hour.start_s, *hour.key, hour.total),
        )
        checksum = checksum_of(hour, side_px, blob)
        connection.execute("INSERT INTO cells VALUES (?, ?, ?, ?)", (row, side_px, blob, checksum))


def replace_counts(connection: Connection, hour: Hour, counts: Counts) -> None:
    """Let an hour hold other counts; without any it goes. Within the transaction that is open. Raises sqlite3.Error."""
    if not counts.pixels:
        drop(connection, [hour.row])
        return
    new, side_px, blob = encoded(hour.chunk, hour.start_s, hour.key, counts)
    connection.execute("UPDATE hour SET total = ? WHERE id = ?", (new.total, hour.row))
    connection.execute(
        "UPDATE cells SET cell_px = ?, counts = ?, checksum = ? WHERE hour = ?",
        (side_px, blob, checksum_of(new, side_px, blob), hour.row),
    )


_PAGE_BYTES: Final = 4096
_LEAF_BYTES: Final = _PAGE_BYTES - 8
_PAYLOAD_MAX_BYTES: Final = _PAGE_BYTES - 35
_PAYLOAD_MIN_BYTES: Final = (_PAGE_BYTES - 12) * 32 // 255 - 23
_COLUMNS_BYTES, _AROUND_BYTES = 14, 12
"""What a row of ``cells`` has beside its counts at most, and what a page has for each row."""


def _packed(new: Iterable[Encoded]) -> Iterator[Encoded]:
    """In an order in which little is left free at the end of each page: a tenth of the cells' bytes in any order."""
    waiting = sorted((_on_page_bytes(one), nth, one) for nth, one in enumerate(new))
    free_bytes = 0
    while waiting:
        fitting = bisect.bisect_left(waiting, (free_bytes + 1,))
        if not fitting:
            free_bytes = _LEAF_BYTES
        used_bytes, _, one = waiting.pop(fitting - 1)
        free_bytes -= used_bytes
        yield one


def _on_page_bytes(one: Encoded) -> int:
    """How much of a row is on a page of its table; what does not fit there fills pages of its own.

    sqlite.org/fileformat2.html, 1.6: X, M and K of a leaf of a table.
    """
    on_page = payload = len(one.counts) + _COLUMNS_BYTES
    if payload > _PAYLOAD_MAX_BYTES:
        on_page = _PAYLOAD_MIN_BYTES + (payload - _PAYLOAD_MIN_BYTES) % (_PAGE_BYTES - 4)
        if on_page > _PAYLOAD_MAX_BYTES:
            on_page = _PAYLOAD_MIN_BYTES
    return on_page + _AROUND_BYTES


def of_chunk(connection: Connection, chunk: int) -> list[Hour]:
    """The hours of a chunk, as far as they can be."""
    rows = connection.rows(
        f"SELECT {COLUMNS} FROM hour WHERE chunk = ? ORDER BY start_s",  # noqa: S608 - our names
        (chunk,),
    )
    return [
        Hour(row, chunk, start_s, Key(*key), total)
        for row, chunk, start_s, *key, total in rows
        if validity.is_chunk(start_s, HOUR_S, key[1], total)
    ]


def totals(connection: Connection, where: Where) -> dict[int, list[tuple[int, int]]]:
    """Of the chunks of ``where``: beginning (UTC seconds) and total of each hour that can be, by its chunk."""
    by_chunk: dict[int, list[tuple[int, int]]] = {}
    condition, values = where.condition()
    of_them = f"SELECT id FROM chunk WHERE {condition}"  # noqa: S608 - our names
    rows = f"SELECT chunk, start_s, layer, total FROM hour WHERE chunk IN ({of_them})"  # noqa: S608 - our names
    for chunk, start_s, layer, total in connection.execute(rows, values):
        if validity.is_chunk(start_s, HOUR_S, layer, total):
            by_chunk.setdefault(chunk, []).append((start_s, total))
    return by_chunk


def stretch(chunk: Chunk, of_it: Iterable[Hour]) -> tuple[int, int]:
    """Between which UTC seconds a chunk and its hours are: after a change of zone some may lie after it."""
    starts = [hour.start_s for hour in of_it if may_be_of(hour, chunk.start_s, chunk.end_s)]
    return min([chunk.start_s, *starts]), max([chunk.end_s, *(start_s + HOUR_S for start_s in starts)])


def may_be_of(hour: Hour, start_s: int, end_s: int) -> bool:
    """May an hour be one of a chunk from ``start_s`` to ``end_s``?"""
    return start_s - HOUR_S < hour.start_s < end_s + BEYOND_S


def read(connection: Connection, hour: Hour, screen: Monitor) -> tuple[int, Counts]:
    """How wide its cells are, in px, and its counts. Raises ValueError, with a sentence, where they are damaged."""
    side_px, found = read_cells(connection, hour, screen)
    return side_px, cells.joined([found], size=hour.key.size(screen), side_px=side_px)


def read_cells(connection: Connection, hour: Hour, screen: Monitor) -> tuple[int, Cells]:
    """As ``read``, its cells as they are."""
    found = connection.rows("SELECT cell_px, counts, checksum FROM cells WHERE hour = ?", (hour.row,))
    side_px, blob, checksum = found[0] if found else (0, b"", 0)
    try:
        return side_px, _unpacked(hour, screen, side_px, blob, checksum)
    except ValueError as error:
        when = local_time(hour.start_s, connection.zone)
        raise ValueError(f"left out the hour of {when} ({hour.key.layer}): {error}") from error


def read_alike(connection: Connection, wanted: Sequence[Hour], screen: Monitor) -> Alike:
    """Hours of one series at once, in a third of the time.

    Raises ValueError where one is damaged, or where their cells are not equally wide: ``read_cells`` reads them.
    """
    marks = ", ".join("?" * len(wanted))
    rows = connection.rows(
        f"SELECT hour, cell_px, counts, checksum FROM cells WHERE hour IN ({marks})",  # noqa: S608 - marks only
        [hour.row for hour in wanted],
    )
    found = {row: rest for row, *rest in rows}
    kept = [_inflated(hour, screen, *found.get(hour.row, (0, b"", 0))) for hour in wanted]
    side_px = kept[0][0]
    if any(of_other_px != side_px for of_other_px, _ in kept):
        raise ValueError("their cells are not equally wide")
    parts, totals = [of for _, of in kept], [hour.total for hour in wanted]
    return Alike(side_px, parts, cells.checked(parts, totals, size=wanted[0].key.size(screen), side_px=side_px))


def copied(source: Connection, hour: Hour, chunk: int, key: Key) -> Encoded:
    """An hour of ``source``, to be ``put`` into another store. chunk, key: its chunk and its series there.

    Raises ValueError, with a sentence, where it is damaged; StoreError.
    """
    found = source.rows("SELECT cell_px, counts, checksum FROM cells WHERE hour = ?", (hour.row,))
    side_px, blob, checksum = found[0] if found else (0, b"", 0)
    if checksum != checksum_of(hour, side_px, blob):
        when = local_time(hour.start_s, source.zone)
        raise ValueError(f"left out the hour of {when} ({hour.key.layer}): its checksum is wrong")
    return Encoded(Hour(0, chunk, hour.start_s, key, hour.total), side_px, blob)


def decoded(hour: Hour, screen: Monitor, side_px: int, blob: object, checksum: object) -> Counts:
    """The counts of a row of ``cells``. Raises ValueError where they are not those of the hour."""
    found = _unpacked(hour, screen, side_px, blob, checksum)
    return cells.joined([found], size=hour.key.size(screen), side_px=side_px)


def _unpacked(hour: Hour, screen: Monitor, side_px: object, blob: object, checksum: object) -> Cells:
    known_px, found = _inflated(hour, screen, side_px, blob, checksum)
    return cells.checked([found], [hour.total], size=hour.key.size(screen), side_px=known_px)


def _inflated(hour: Hour, screen: Monitor, side_px: object, blob: object, checksum: object) -> tuple[int, CellPlanes]:
    if (
        not isinstance(side_px, int)
        or not isinstance(blob, bytes)
        or not 1 <= side_px <= validity.CELL_MAX_PX
        or checksum != checksum_of(hour, side_px, blob)
    ):
        raise ValueError("its checksum is wrong")
    return side_px, cells.inflated(blob, size=hour.key.size(screen), side_px=side_px)


def hand_over(connection: Connection, old_chunks: Iterable[int], new_chunk: int) -> None:
    """The hours of chunks become those of the one that they are rolled up into. Raises sqlite3.Error."""
    connection.executemany("UPDATE hour SET chunk = ? WHERE chunk = ?", [(new_chunk, old) for old in old_chunks])


def drop(connection: Connection, rows: Iterable[int]) -> None:
    """Delete hours, within the transaction that is open. Raises sqlite3.Error."""
    ids = [(row,) for row in rows]
    connection.executemany("DELETE FROM cells WHERE hour = ?", ids)
    connection.executemany("DELETE FROM hour WHERE id = ?", ids)


def drop_of_chunk(connection: Connection, chunk: int, kept: Iterable[int] = ()) -> None:
    """Delete all hours of a chunk but the rows ``kept``, also those that cannot be. As ``drop``."""
    stays = set(kept)
    rows = connection.rows("SELECT id FROM hour WHERE chunk = ?", (chunk,))
    drop(connection, [row for (row,) in rows if row not in stays])


def drop_strays(connection: Connection) -> None:
    """Delete each hour whose chunk is not there, or is of another series, and cells of no hour.

    Nothing reads them, and they would keep what is erased. Within the transaction that is open. Raises sqlite3.Error.
    """
    kept = (
        "(SELECT hour.id FROM hour JOIN chunk"
        " ON (chunk.id, chunk.monitor, chunk.layer, chunk.application, chunk.grid)"
        " = (hour.chunk, hour.monitor, hour.layer, hour.application, hour.grid))"
    )
    connection.execute(f"DELETE FROM cells WHERE hour NOT IN {kept}")  # noqa: S608 - our names
    connection.execute(f"DELETE FROM hour WHERE id NOT IN {kept}")  # noqa: S608 - our names


def drop_before(connection: Connection, before_s: int) -> None:
    """Delete every hour that began before ``before_s`` (UTC); what chunks hold of it stays. Raises StoreError."""
    if before_s <= validity.TIME_MIN_S:  # as where they are kept permanently
        return
    rows = connection.rows("SELECT id FROM hour WHERE start_s < ?", (before_s,))
    if rows:
        with connection.transaction():
            drop(connection, [row for (row,) in rows])


def problems(connection: Connection, known: dict[int, Monitor], chunk: int, counts: Counts) -> Iterator[str]:
    """A sentence for each hour of a chunk that is damaged, or where its hours and its pixels do not fit together.

    counts: the chunk's. A chunk from before hours were kept has none, or some.
    """
    sums: dict[int, list[Counts]] = {}
    of_chunk_total, is_whole = 0, True
    for hour in of_chunk(connection, chunk):
        of_chunk_total += hour.total
        try:
            side_px, found = read(connection, hour, known[hour.key.monitor])
        except (ValueError, KeyError) as error:
            yield str(error)
            is_whole = False
            continue
        sums.setdefault(side_px, []).append(found)
    for side_px, parts in sums.items() if is_whole else ():
        theirs, whole = (cells.binned(one, side_px) for one in (Counts.merge(parts), counts))
        is_all = len(sums) == 1 and of_chunk_total == counts.total
        if (is_all and theirs != whole) or (whole.dense() < theirs.dense()).any():
            yield f"the hours of chunk {chunk} are not those of its pixels"


def checksum_of(hour: Hour, side_px: int, counts: bytes) -> int:
    """The checksum of an hour: of all but its number and the chunk it is part of."""
    return zlib.crc32(counts, zlib.crc32(f"{hour.start_s} {tuple(hour.key)} {hour.total} {side_px}".encode()))
