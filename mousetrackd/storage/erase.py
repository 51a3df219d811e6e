"""Erasing counts in the store: what would go, and that no byte of what went is left in its files."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import StoreError
from mousetrackd.storage import chunks, hours, screens
from mousetrackd.storage.chunks import COLUMNS, Chunk, Key, checksum_of
from mousetrackd.storage.readings import Held
from mousetrackd.storage.subtraction import SumsOfAll
from mousetrackd.storage.tiers import HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.storage.connection import Connection
    from mousetrackd.storage.hours import Hour
    from mousetrackd.storage.readings import Range


class MoreThanPromisedError(StoreError):
    """Erasing would take more with it than the user agreed to."""


@dataclass(frozen=True)
class _Found:
    """A chunk to be erased: whole, or so that some of its hours stay. erased: between which UTC seconds it is."""

    row: int
    start_s: int
    end_s: int
    key: Key
    erased: tuple[tuple[int, int], ...]
    kept: tuple[Hour, ...] = ()


@dataclass(frozen=True)
class Promise:
    """What a user was shown that would go, and when, in UTC seconds: what is counted later goes as well."""

    held: Held
    at_s: int

    def check(self, found: Iterable[_Found]) -> None:
        """Raises MoreThanPromisedError where something covers a time that was not shown: rolled up since, say."""
        for one in found:
            shown = (*self.held.stretches, *(self.held.coarsened if one.kept else ()))
            coarsened = [(one.start_s, one.end_s)] if one.kept else []
            for begin_s, end_s in (*one.erased, *coarsened):
                was_shown = any(first_s <= begin_s and end_s <= last_s for first_s, last_s in shown)
                if begin_s < self.at_s and not was_shown:
                    raise MoreThanPromisedError(
                        "nothing was deleted: counts were rolled up meanwhile, and more than was shown would go"
                    )


def held(connection: Connection, asked: Range, promise: Promise | None = None) -> Held:
    """What ``erase`` would delete. Raises StoreError; MoreThanPromisedError where that is more than promised."""
    found = _to_erase(connection, asked)
    if promise is not None:
        promise.check(found)
    return _summary(found)


def erase(connection: Connection, asked: Range, promise: Promise | None = None) -> Held:
    """Delete every chunk that touches the range, in one transaction; then ``scrub``.

    Of a chunk that reaches beyond the range, the hours outside it stay, in cells; where it has none, it goes whole.
    asked: a range of time, on one monitor or all; with an application only what was counted for that goes, and is taken
    out of the sums of all, but for travel and path, which are not kept by application. A chunk that fails its checksum
    may be of any time and screen, and goes as well, but for its hours outside the range. Returns what was deleted.
    Raises StoreError; MoreThanPromisedError, nothing being deleted, where it would be more than promised.
    """
    with connection.reading():
        connection.execute("PRAGMA secure_delete = ON")
    with connection.transaction():
        deleted = _to_erase(connection, asked)
        if promise is not None:
            promise.check(deleted)
        of_one: list[_Found] = []
        for one in deleted:
            if asked.application and one.key.application == asked.application:
                of_one.append(one)
            else:
                _delete(connection, one)
        if of_one:  # after what is damaged in the sums
            _take_out(connection, of_one)
        hours.drop_strays(connection)
        connection.execute("DELETE FROM sum")  # all: which series a damaged chunk was part of is unknown
        if not asked.application:
            _delete_paths_and_screens(connection, asked)
    scrub(connection)
    return _summary(deleted)


def _take_out(connection: Connection, of_one: Iterable[_Found]) -> None:
    """Delete chunks of one application, and take what goes out of the sums of all."""
    sums = SumsOfAll(connection)
    for one in of_one:
        kept = {hour.row for hour in one.kept}
        part = None if one.key.grid else sums.part(one.row, one.start_s, one.end_s, one.key, kept)
        after = _delete(connection, one)
        if part is not None:
            sums.take_out(part, after)


def _delete_paths_and_screens(connection: Connection, asked: Range) -> None:
    rows = [(row,) for row in screens.rows_of(connection, asked.monitor)]
    connection.executemany(
        "DELETE FROM path WHERE monitor = ?1"
        " AND (?2 IS NULL OR start_s + span_s > ?2) AND (?3 IS NULL OR start_s < ?3)",
        [(row, asked.since_s, asked.until_s) for (row,) in rows],
    )
    if asked.since_s is None and asked.until_s is None:  # not even that there was such a screen is kept
        for table in ("placement", "unit"):
            connection.executemany(f"DELETE FROM {table} WHERE monitor = ?", rows)  # noqa: S608 - our names
        connection.executemany("DELETE FROM monitor WHERE id = ?", rows)


def _delete(connection: Connection, one: _Found) -> Counts | None:
    """Delete a chunk; where some of its hours stay, they are put in its place. Returns what these hold.

    Raises sqlite3.Error, StoreError.
    """
    stays: list[int] = []
    counts = None

    def parts(screen: Monitor) -> Iterator[Counts]:
        yield Counts.empty(*one.key.size(screen))  # a sum of no parts would have no size
        for hour in one.kept:
            with contextlib.suppress(ValueError):  # a damaged hour costs that hour
                yield hours.read(connection, hour, screen)[1]
                stays.append(hour.row)

    if one.kept:  # kept only of a known screen
        counts = Counts.merge(parts(screens.monitors(connection)[one.key.monitor]))
        if stays:
            chunks.replace_counts(connection, one.row, one.start_s, one.end_s - one.start_s, one.key, counts)
            hours.drop_of_chunk(connection, one.row, kept=stays)
            return counts
    hours.drop_of_chunk(connection, one.row)
    connection.execute("DELETE FROM chunk WHERE id = ?", (one.row,))
    return counts


def scrub(connection: Connection) -> None:
    """Rewrite the file, so that neither it nor its journal holds a byte of what was deleted. Raises StoreError."""
    with connection.reading():
        connection.execute("PRAGMA temp_store = MEMORY")  # the copy that is made on the way never touches a disk
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(
            f"{connection.path} is being read, and its journal still holds what was deleted",
            "Do the same again when no other mousetrackd command runs.",
        )


def _to_erase(connection: Connection, asked: Range) -> list[_Found]:
    rows_asked = screens.rows_of(connection, asked.monitor)
    found: list[_Found] = []
    with connection.reading():
        rows = connection.execute(f"SELECT {COLUMNS} FROM chunk")  # noqa: S608 - our names
        for row, start_s, span_s, *key, total, counts, checksum in rows:
            chunk = Chunk(row, start_s, span_s, Key(*key), total, counts)
            if checksum != checksum_of(chunk):
                is_wanted = chunk.key.monitor in rows_asked and asked.application in ("", chunk.key.application)
                one = _split_damaged(connection, chunk, asked, is_wanted=is_wanted)
                found.append(one or _Found(row, start_s, chunk.end_s, chunk.key, ((start_s, chunk.end_s),)))
                continue
            if chunk.key.monitor not in rows_asked or asked.application not in ("", chunk.key.application):
                continue
            of_it = hours.of_chunk(connection, row) if span_s > HOUR_S else []
            first_s, last_s = hours.stretch(chunk, of_it)
            if asked.touches(first_s, last_s, connection.zone):
                one = _split(chunk, of_it, asked) if asked.is_too_coarse(first_s, last_s) else None
                found.append(one or _Found(row, start_s, chunk.end_s, chunk.key, ((first_s, last_s),)))
    return [one for one in found if one.erased]


def _split(chunk: Chunk, of_it: Sequence[Hour], asked: Range) -> _Found | None:
    """What of a chunk goes, and which of its hours stay; None where none does."""
    gone = [hour for hour in of_it if asked.touches(hour.start_s, hour.end_s, None)]
    gone_rows = {hour.row for hour in gone}
    kept = [hour for hour in of_it if hour.row not in gone_rows]
    is_known = sum(hour.total for hour in of_it) >= chunk.total
    if not kept:
        return None
    # What is not known by the hour may be of the range, and goes.
    erased = [(hour.start_s, hour.end_s) for hour in gone] if is_known else [hours.stretch(chunk, of_it)]
    return _Found(chunk.row, chunk.start_s, chunk.end_s, chunk.key, tuple(erased), tuple(kept))


def _split_damaged(connection: Connection, chunk: Chunk, asked: Range, *, is_wanted: bool) -> _Found | None:
    """As ``_split``: its hours that lie elsewhere stay; what else it held may be of any time and screen, and goes."""
    kept = [
        hour
        for hour in hours.of_chunk(connection, chunk.row)
        if hour.key == chunk.key
        and hours.may_be_of(hour, chunk.start_s, chunk.end_s)
        and not (is_wanted and asked.touches(hour.start_s, hour.end_s, None))
    ]
    if not kept:
        return None
    return _Found(chunk.row, chunk.start_s, chunk.end_s, chunk.key, ((chunk.start_s, chunk.end_s),), tuple(kept))


def _summary(found: list[_Found]) -> Held:
    erased = joined(stretch for one in found for stretch in one.erased)
    coarsened = joined((one.start_s, one.end_s) for one in found if one.kept)
    last_s = max((end_s for _, end_s in erased), default=None)
    pieces = sum(len(one.erased) for one in found)
    return Held(pieces, erased[0][0] if erased else None, last_s, erased, coarsened)


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same times; those that touch or overlap are one."""
    found: list[tuple[int, int]] = []
    for start_s, end_s in sorted(stretches):
        if found and start_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(end_s, found[-1][1]))
        else:
            found.append((start_s, end_s))
    return tuple(found)
