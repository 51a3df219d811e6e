"""A connection to a store's file: how it is opened, transactions, and errors that name the file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from mousetrackd.core.errors import StoreError
from mousetrackd.storage import schema
from mousetrackd.storage.errors import DamagedError, NotOursError, as_store_error, primary_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import tzinfo
    from pathlib import Path

BUSY_TIMEOUT_S = 5.0
_TRIES = 4

_T = TypeVar("_T")
Value = int | str | bytes | None


class Connection:
    """An open store file. Not thread-safe.

    zone: the clock whose hours, days, months and years count; None is the local one. ``execute`` and ``executemany``
    raise sqlite3.Error; within ``transaction``, ``reading`` and ``snapshot`` that becomes a StoreError.
    """

    def __init__(self, path: Path, mode: str, zone: tzinfo | None = None) -> None:
        """mode: as in ``connect``. Raises sqlite3.Error."""
        self.path = path
        self.zone = zone
        self.sql = connect(path, mode)

    @classmethod
    def of(cls, path: Path, sql: sqlite3.Connection) -> Self:
        """One that is open already. path: what errors call it."""
        made = cls.__new__(cls)
        made.path, made.zone, made.sql = path, None, sql
        return made

    def close(self) -> None:
        """Close the file. Idempotent."""
        with contextlib.suppress(sqlite3.Error):
            self.sql.close()

    def execute(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Run a statement. Raises sqlite3.Error."""
        return self.sql.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement once for each row of values. Raises sqlite3.Error."""
        self.sql.executemany(statement, rows)

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Any]:
        """All rows of a query. Raises StoreError."""
        with self.reading():
            return self.execute(query, values).fetchall()

    def version(self) -> int:
        """Of the schema. Raises sqlite3.Error."""
        return int(self.execute("PRAGMA user_version").fetchone()[0])

    def quick_check(self) -> None:
        """Read every page. Raises DamagedError and sqlite3.Error."""
        found = self.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedError(self.path, found)

    def _refuse_other_version(self) -> None:
        """Raises NotOursError where the tables are not those of this version any more, and sqlite3.Error."""
        if self.version() != schema.SCHEMA_VERSION:
            raise NotOursError(
                f"{self.path} was brought up to date by another version of mousetrackd.",
                "Nothing was written. Restart mousetrackd, so that all of it is of one version.",
            )

    def look_like_new(self) -> None:
        """Let an older store, opened for reading, be read with the queries of this version. Raises sqlite3.Error."""
        if self.version() < schema.HOURS_SINCE:
            self.execute("PRAGMA query_only = OFF")
            for statement in schema.AS_NEW:
                self.execute(statement)
            self.execute("PRAGMA query_only = ON")

    @contextlib.contextmanager
    def transaction(self, kind: str = "IMMEDIATE", *, any_version: bool = False) -> Iterator[None]:
        """All that is written within is there, or nothing. Raises StoreError.

        any_version: also where another version of mousetrackd has changed the tables since the file was opened.
        """
        try:
            self.execute(f"BEGIN {kind}")
            try:
                if not any_version:
                    self._refuse_other_version()
                yield
                self.execute("COMMIT")
            except BaseException:
                # ROLLBACK itself fails where the failed statement has rolled back already.
                with contextlib.suppress(sqlite3.Error):
                    self.execute("ROLLBACK")
                raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise as_store_error(self.path, error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Errors of SQLite, and rows that make no sense, become StoreErrors."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise as_store_error(self.path, error) from error
        except (TypeError, ValueError, OverflowError, KeyError) as error:  # changed since it was opened and checked
            raise DamagedError(self.path, f"{type(error).__name__}: {error}") from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """As ``reading``, and all that is read is of one moment, whatever others write meanwhile."""
        with self.reading():
            self.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    self.execute("ROLLBACK")  # there is nothing to keep

    def at_once(self, work: Callable[[], _T]) -> _T:
        """Do what reads and then writes as one transaction; from its start again when another wrote meanwhile.

        Nobody waits while it reads and computes: the file is locked from the first statement that writes. Only after
        some tries in vain it is locked from the start.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                with self.transaction("DEFERRED" if tries_left else "IMMEDIATE"):
                    return work()
            except StoreError as error:
                if not tries_left or primary_code(error.__cause__) != sqlite3.SQLITE_BUSY:
                    raise
        raise AssertionError  # the last try returns or raises


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a database as ours are opened. Raises sqlite3.Error.

    mode: ``rw``, ``ro``, or ``alone`` for a file that nobody writes: no lock is taken, and nothing is put beside it.
    """
    how = {"alone": "ro&immutable=1"}.get(mode, mode)
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={how}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,  # the daemon saves in a thread, and waits for it
    )
    try:
        schema.harden(connection)
        # FULL: with NORMAL a power cut takes the newest commits with it.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if mode != "rw":
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA journal_size_limit = 1048576")
            # A writer appends, and reads little twice: SQLite's 2 MB of pages kept were the daemon's only growth.
            connection.execute("PRAGMA cache_size = -256")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
