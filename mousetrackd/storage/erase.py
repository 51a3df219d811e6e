"""Erasing counts in the store: what would go, and that no byte of what went is left in its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.errors import StoreError
from mousetrackd.storage import screens
from mousetrackd.storage.chunks import COLUMNS, Chunk, Key, checksum_of
from mousetrackd.storage.query import Held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mousetrackd.storage.connection import Connection

_Found = tuple[int, int, int]
"""A chunk's row, and the UTC seconds at which it starts and ends."""


class MoreThanPromisedError(StoreError):
    """Erasing would take more with it than the user agreed to."""


@dataclass(frozen=True)
class Promise:
    """What a user was shown that would go, and when, in UTC seconds: what is counted later goes as well."""

    held: Held
    at_s: int

    def check(self, found: Iterable[_Found]) -> None:
        """Raises MoreThanPromisedError where a chunk covers a time that was not shown: rolled up since, say."""
        for _, start_s, end_s in found:
            was_shown = any(first_s <= start_s and end_s <= last_s for first_s, last_s in self.held.stretches)
            if start_s < self.at_s and not was_shown:
                raise MoreThanPromisedError(
                    "nothing was deleted: counts were rolled up meanwhile, and more than was shown would go"
                )


def held(
    connection: Connection,
    since_s: int | None,
    until_s: int | None,
    monitor: str | None,
    promise: Promise | None = None,
) -> Held:
    """What ``erase`` would delete. Raises StoreError; MoreThanPromisedError where that is more than promised."""
    found = _to_erase(connection, since_s, until_s, monitor)
    if promise is not None:
        promise.check(found)
    return _summary(found)


def erase(
    connection: Connection,
    since_s: int | None,
    until_s: int | None,
    monitor: str | None,
    promise: Promise | None = None,
) -> Held:
    """Delete every chunk that touches the range, whole, in one transaction; then ``scrub``.

    since_s, until_s, monitor: as in ``query.Range``. A chunk that fails its checksum may be of any time and screen,
    and goes as well. Returns what was deleted. Raises StoreError; MoreThanPromisedError, nothing being deleted, where
    it would be more than promised.
    """
    with connection.reading():
        connection.execute("PRAGMA secure_delete = ON")
    rows = [(row,) for row in screens.rows_of(connection, monitor)]
    with connection.transaction():
        deleted = _to_erase(connection, since_s, until_s, monitor)
        if promise is not None:
            promise.check(deleted)
        connection.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row, _, _ in deleted])
        connection.execute("DELETE FROM sum")  # all: which series a damaged chunk was part of is unknown
        connection.executemany(
            "DELETE FROM path WHERE monitor = ?1"
            " AND (?2 IS NULL OR start_s + span_s > ?2) AND (?3 IS NULL OR start_s < ?3)",
            [(row, since_s, until_s) for (row,) in rows],
        )
        if since_s is None and until_s is None:  # not even that there was such a screen is kept
            for table in ("placement", "unit"):
                connection.executemany(f"DELETE FROM {table} WHERE monitor = ?", rows)  # noqa: S608 - our names
            connection.executemany("DELETE FROM monitor WHERE id = ?", rows)
    scrub(connection)
    return _summary(deleted)


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


def _to_erase(connection: Connection, since_s: int | None, until_s: int | None, monitor: str | None) -> list[_Found]:
    wanted = screens.rows_of(connection, monitor)
    with connection.reading():
        rows = connection.execute(f"SELECT {COLUMNS} FROM chunk")  # noqa: S608 - our names
        return [
            (row, start_s, start_s + span_s)
            for row, start_s, span_s, *key, total, counts, checksum in rows
            if checksum != checksum_of(Chunk(row, start_s, span_s, Key(*key), total, counts))
            or (
                key[0] in wanted
                and (since_s is None or start_s + span_s > since_s)
                and (until_s is None or start_s < until_s)
            )
        ]


def _summary(found: list[_Found]) -> Held:
    joined: list[tuple[int, int]] = []
    for start_s, end_s in sorted((start_s, end_s) for _, start_s, end_s in found):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_s, joined[-1][1]))
        else:
            joined.append((start_s, end_s))
    last_s = max((end_s for _, end_s in joined), default=None)
    return Held(len(found), joined[0][0] if joined else None, last_s, tuple(joined))
