"""The store: every count ever made, in one SQLite file.

A *chunk* holds the counts of one stretch of time and one series. A checkpoint appends only what is new, and since
everything adds, chunks are rolled up as they age: checkpoints into their hour, hours into days, days into months,
months into years (see ``tiers``), in transactions that change no sum.

``Store`` opens, commits and reads; what each of its other methods does is in the module of that purpose.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Self

from mousetrackd.core import validity
from mousetrackd.core.errors import StoreError
from mousetrackd.core.layers import UNITS
from mousetrackd.storage import chunks, erase, integrity, migration, query, rollup, screens, units
from mousetrackd.storage.by_hour import ByHour
from mousetrackd.storage.chunks import Key
from mousetrackd.storage.connection import Connection
from mousetrackd.storage.copying import Copying
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
from mousetrackd.storage.query import ALL, Held, Piece, Range, Reading, Total
from mousetrackd.storage.schema import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mousetrackd.core.accumulator import Tally
    from mousetrackd.core.layout import Layout
    from mousetrackd.core.monitors import Monitor, Placement
    from mousetrackd.core.series import Series
    from mousetrackd.storage.batch import Batch
    from mousetrackd.storage.erase import Promise
    from mousetrackd.storage.tiers import RollupAges

_MARKS_KEPT = 1000


class Store:
    """An open store. Not thread-safe. Every method raises StoreError when the file cannot be used."""

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

    @classmethod
    def open_read_only(cls, path: Path, *, zone: tzinfo | None = None, alone: bool = False) -> Self:
        """Open for reading, beside a daemon or without one. Raises StoreError, also when there is none.

        alone: nobody writes it, and it may lie in a folder of anyone's: nothing is written there.
        """
        try:
            if not path.exists():
                raise StoreError(f"nothing has been counted yet: there is no {path}", "Start: mousetrackd run")
            if not alone:
                check_place(path)
            check_header(path)
            store = cls(Connection(path, "alone" if alone else "ro", zone))
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise as_store_error(path, error) from error
        try:
            integrity.refuse_foreign(store._connection)
            with store._connection.reading():
                store._connection.look_like_new()
            integrity.refuse_impossible(store._connection)
        except StoreError:
            store.close()
            raise
        return store

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
        _check_sizes(tally)
        with self._connection.transaction():
            self._append(tally, start_s, end_s, layout)

    def commit_import(self, tallies: Iterable[tuple[int, Tally]], unit: str | None = None, *, span_s: int = 1) -> None:
        """Append counts of other programs, each with the UTC second at which they begin, all in one transaction.

        unit: what they count; None is the unit of their layer. span_s: how many seconds each lasts. Raises as
        ``commit``, and UsageError where a series has counts of another unit; nothing is there then.
        """
        with self._connection.transaction():
            for at_s, tally in tallies:
                _check_sizes(tally)
                for series in tally.counts:
                    row = screens.row_of(self._connection, series.monitor)
                    units.note(self._connection, row, series.layer, UNITS[series.layer] if unit is None else unit)
                self._append(tally, at_s, at_s + span_s, None)

    def commit_batch(
        self, batch: Batch, *, instead_of: int | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """As ``commit``, and only when the batch is not in the store yet.

        A commit that failed may be there all the same after the file is opened again: the mark of the batch shows it.
        instead_of: the mark of an earlier batch, which is known to be stored and need not be remembered any more.
        is_wanted: asked when nobody else can write.
        """
        _check_sizes(batch.tally)
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

    # Reading ------------------------------------------------------------------------------------------

    def read(self, layers: Iterable[str], asked: Range = ALL) -> Reading:
        """As ``query.read``: the sums per series of what lies within a range."""
        return query.read(self._connection, layers, asked)

    def pieces(
        self, layers: Iterable[str], remarks: list[str], asked: Range = ALL, *, step_s: int | None = None
    ) -> Iterator[Piece]:
        """As ``query.pieces``: the chunks that lie within a range, or hours of them, oldest first."""
        return query.pieces(self._connection, layers, remarks, asked, step_s)

    def totals(self, asked: Range = ALL, left_out: list[str] | None = None) -> list[Total]:
        """As ``query.totals``: the sums of all that lies within a range, and the length of the path, oldest first."""
        return query.totals(self._connection, asked, left_out)

    def applications(self) -> list[str]:
        """As ``query.applications``: the identity of every application of which there are counts."""
        return query.applications(self._connection)

    @contextlib.contextmanager
    def by_hour(self, asked: Range = ALL) -> Iterator[ByHour]:
        """What lies within a range by the hour, in cells, all of one moment. See ``ByHour``."""
        with self._connection.snapshot():
            yield ByHour(self._connection, asked)

    def newest_s(self, until_s: int) -> int | None:
        """As ``query.newest_s``: when the newest counts from before ``until_s`` were made."""
        return query.newest_s(self._connection, until_s)

    def ahead_of(self, now_s: int) -> Held:
        """As ``query.ahead_of``: the chunks that begin after ``now_s``."""
        return query.ahead_of(self._connection, now_s)

    def monitors(self) -> dict[int, Monitor]:
        """As ``screens.monitors``: every screen ever seen, by row."""
        return screens.monitors(self._connection)

    def sizes_mm(self) -> dict[Monitor, tuple[int, int]]:
        """As ``screens.sizes_mm``: width and height in millimetres, where known."""
        return screens.sizes_mm(self._connection)

    def units(self) -> dict[Series, str]:
        """As ``units.units``: the unit of each series that is not counted in its layer's."""
        return units.units(self._connection)

    def store_ids(self) -> tuple[str, ...]:
        """The random number that tells this store from any other, and those of the stores merged into it."""
        return tuple(one for (one,) in self._connection.rows("SELECT id FROM identity ORDER BY is_own DESC, id"))

    def last_seen(self) -> list[Placement]:
        """As ``screens.last_seen``: where each monitor was last."""
        return screens.last_seen(self._connection)

    def layouts(self) -> list[tuple[int, Layout]]:
        """As ``screens.layouts``: how the monitors were placed since when, oldest first."""
        return screens.layouts(self._connection)

    @contextlib.contextmanager
    def copying(
        self, target: Connection, units_there: dict[tuple[int, str], str], left_out: list[str]
    ) -> Iterator[Copying]:
        """All that this store holds at one moment, to be added to another within its transaction. See ``Copying``."""
        with self._connection.snapshot():
            yield Copying(target, self._connection, units_there, left_out)

    def layout(self, until_s: int | None = None) -> Layout:
        """As ``screens.layout``: how the monitors were placed last, before ``until_s``."""
        return screens.layout(self._connection, until_s)

    # Upkeep -------------------------------------------------------------------------------------------

    def roll_up(self, now_s: int, ages: RollupAges) -> int:
        """As ``rollup.roll_up``: make longer chunks of those that are old enough."""
        return rollup.roll_up(self._connection, now_s, ages)

    def prune(self, before_s: int) -> int:
        """As ``rollup.prune``: delete what ended before ``before_s``. And a copy of the store made before."""
        migration.drop_backups(self.path, before_s)
        return rollup.prune(self._connection, before_s)

    def drop_backups(self, made_before_s: float) -> None:
        """As ``migration.drop_backups``: remove copies from before a change of the schema."""
        migration.drop_backups(self.path, made_before_s)

    def held(
        self,
        since_s: int | None,
        until_s: int | None,
        monitor: str | None,
        promise: Promise | None = None,
        application: str = "",
    ) -> Held:
        """As ``erase.held``: what ``erase`` would delete. application: only that one's; "" for everything."""
        return erase.held(self._connection, Range(since_s, until_s, monitor, application=application), promise)

    def erase(
        self,
        since_s: int | None,
        until_s: int | None,
        monitor: str | None,
        promise: Promise | None = None,
        application: str = "",
    ) -> Held:
        """As ``erase.erase``: delete all that touches a range, so that no byte of it is left. application: as above."""
        return erase.erase(self._connection, Range(since_s, until_s, monitor, application=application), promise)

    def look_at_every_page(self) -> None:
        """As ``integrity.look_at_every_page``: raises DamagedError unless all of the file makes sense."""
        integrity.look_at_every_page(self._connection)

    def check(self) -> list[str]:
        """As ``integrity.check``: a sentence per problem."""
        return integrity.check(self._connection)


def _check_sizes(tally: Tally) -> None:
    for series, counts in tally.counts.items():
        if (counts.width_px, counts.height_px) != series.size:
            raise ValueError(
                f"counts of {counts.width_px}x{counts.height_px} px cannot be those of {series.monitor.label} "
                f"({series.layer})"
            )
