"""The open file of a store: what a daemon needs all day, to append to it and to see that it stays in its place.

``store.Store`` is the same with all that is read and kept up. Its dozen modules are not imported here, because a daemon
would keep them in memory as long as it runs.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Self

from mousetrackd.core import validity
from mousetrackd.core.errors import StoreError
from mousetrackd.storage import chunks, integrity, migration, screens
from mousetrackd.storage.chunks import Key
from mousetrackd.storage.connection import Connection
from mousetrackd.storage.database_files import (
    OpenFiles,
    beside,
    check_header,
    check_place,
    create,
    name_aside,
    rescue_note,
)
from mousetrackd.storage.errors import DamagedError, as_store_error
from mousetrackd.storage.schema import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mousetrackd.core.accumulator import Tally
    from mousetrackd.core.layout import Layout
    from mousetrackd.core.monitors import Placement
    from mousetrackd.storage.batch import Batch

_MARKS_KEPT = 1000


class StoreFile:
    """An open store file. Not thread-safe. Every method raises StoreError when the file cannot be used."""

    def __init__(self, connection: Connection) -> None:
        self.path = connection.path
        self._connection = connection
        self._files = OpenFiles(connection.path)

    # Opening ------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, *, zone: tzinfo | None = None, as_helper: bool = False, holds_lock: bool = False) -> Self:
        """Open for writing; make it when there is none.

        zone: whose hours and days chunks are rolled up into; None is the local clock's. as_helper: another process has
        it open, and has checked it. holds_lock: this process is the daemon whose store it is. Raises DamagedError when
        there is a file that is not a whole store; InUseError where it is of an older version and another process is
        that daemon; StoreError when it is another program's, from a newer mousetrackd, or cannot be opened.
        """
        try:
            if rescue_note(path).exists():
                raise DamagedError(path, "its recovery into a new one was interrupted")
            check_place(path)
            if not path.exists() and not path.is_symlink():
                create(path)
            check_header(path)
            journal = beside(path, "-wal")
            had_journal = journal.exists() and journal.stat().st_size > 0
            store = cls(Connection(path, "rw", zone))
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise as_store_error(path, error) from error
        try:
            store._begin(as_helper=as_helper, holds_lock=holds_lock, ended_badly=had_journal)
        except sqlite3.OperationalError as error:
            store.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # "no such table", in a file whose header is ours
                raise DamagedError(path, str(error)) from error
            raise as_store_error(path, error) from error
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            store.close()
            raise as_store_error(path, error) from error
        except StoreError:
            store.close()
            raise
        return store

    def _begin(self, *, as_helper: bool, holds_lock: bool, ended_badly: bool) -> None:
        connection = self._connection
        if as_helper:  # it rolls up, and then ends: less is written where a transaction fits into memory
            connection.execute("PRAGMA cache_size = -8000")
        integrity.refuse_foreign(connection)
        if ended_badly and not as_helper:  # worth the time to look at every page
            connection.quick_check()
        migration.migrate(connection, holds_lock=holds_lock)
        self._files.note_journal()
        for table in ("monitor", "chunk", "path", "placement", "sum", "hour", "cells", "unit", "identity"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a name of ours
        integrity.refuse_impossible(connection)

    def is_in_place(self) -> bool:
        """Are the open file, its journal and the journal's index still those of their names, and not taken away?"""
        return not self._files.missing()

    def leave(self) -> str:
        """Close a store that is not in place, so that it can be opened again; a sentence about what was taken away.

        What only the journal held goes into the store first: the file is open, whether or not it has a name. A journal
        that somebody put in its place is not ours, and is set aside: SQLite would play it into the store.
        """
        gone = self._files.missing()
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if "" in gone:
            self.close()
            if os.path.lexists(self.path):
                return f"{self.path} was replaced; counting goes on in what is there now"
            return f"{self.path} was taken away; counting goes on in a new one"
        for ending in gone:
            with contextlib.suppress(OSError):
                beside(self.path, ending).rename(beside(name_aside(self.path, datetime.now(UTC)), ending))
        self.close()
        names = " and ".join(self.path.name + ending for ending in gone)
        return f"{names} in {self.path.parent} was taken away; what it held is in the store"

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Committing ---------------------------------------------------------------------------------------

    def commit(self, tally: Tally, start_s: int, end_s: int, layout: Layout | None = None) -> None:
        """Append what was counted from ``start_s`` to ``end_s`` (UTC seconds) in one transaction.

        When this returns, the counts survive a crash and a power cut. When it raises, none of them is there.
        layout: how the monitors are placed, noted when it differs from the last. Raises ValueError for counts that are
        not of their monitor's size.
        """
        check_sizes(tally)
        with self._connection.transaction():
            self._append(tally, start_s, end_s, layout)

    def commit_batch(
        self, batch: Batch, *, instead_of: int | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """As ``commit``, and only when the batch is not in the store yet.

        A commit that failed may be there all the same after the file is opened again: the mark of the batch shows it.
        instead_of: the mark of an earlier batch, which is known to be stored and need not be remembered any more.
        is_wanted: asked when nobody else can write.
        """
        check_sizes(batch.tally)
        connection = self._connection
        with connection.transaction():
            if not is_wanted():
                return
            connection.execute(MARKS)
            if connection.execute("SELECT 1 FROM saved WHERE mark = ?", (batch.mark,)).fetchone() is not None:
                return
            connection.execute("DELETE FROM saved WHERE mark = ?", (instead_of,))
            connection.execute("DELETE FROM saved WHERE id <= (SELECT max(id) FROM saved) - ?", (_MARKS_KEPT,))
            connection.execute("INSERT INTO saved (mark) VALUES (?)", (batch.mark,))
            self._append(batch.tally, batch.start_s, batch.end_s, batch.layout)

    def _append(self, tally: Tally, start_s: int, end_s: int, layout: Layout | None) -> None:
        connection = self._connection
        start_s, span_s = validity.stretch(start_s, end_s)
        if layout is not None:
            screens.note_layout(connection, layout, start_s)
        for series, counts in tally.counts.items():
            row = screens.row_of(connection, series.monitor)
            key = Key(row, series.layer, series.application, series.grid)
            chunks.insert(connection, start_s, span_s, key, counts)
        connection.executemany(
            "INSERT INTO path VALUES (?, ?, ?, ?)",
            [
                (start_s, span_s, screens.row_of(connection, monitor), min(round(px), validity.PATH_MAX_PX))
                for monitor, px in tally.path_px.items()
            ],
        )

    # What the daemon asks -----------------------------------------------------------------------------

    def last_seen(self) -> list[Placement]:
        """As ``screens.last_seen``: where each monitor was last."""
        return screens.last_seen(self._connection)

    def look_at_every_page(self) -> None:
        """As ``integrity.look_at_every_page``: raises DamagedError unless all of the file makes sense."""
        integrity.look_at_every_page(self._connection)


def check_sizes(tally: Tally) -> None:
    """Raise ValueError for counts that are not of their monitor's size."""
    for series, counts in tally.counts.items():
        if (counts.width_px, counts.height_px) != series.size:
            raise ValueError(
                f"counts of {counts.width_px}x{counts.height_px} px cannot be those of {series.monitor.label} "
                f"({series.layer})"
            )
