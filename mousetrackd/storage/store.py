"""The store: every count ever made, in one SQLite file.

A *chunk* holds the counts of one stretch of time and one series. A checkpoint appends only what is new, and since
everything adds, chunks are rolled up as they age: checkpoints into their hour, hours into days, days into months,
months into years (see ``tiers``), in transactions that change no sum.

``StoreFile`` opens and commits, which is all that a daemon needs. ``Store`` reads as well; what each of its other
methods does is in the module of that purpose.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import tzinfo
from typing import TYPE_CHECKING, Self

from mousetrackd.core.errors import StoreError
from mousetrackd.core.layers import UNITS
from mousetrackd.storage import erase, integrity, migration, query, rollup, screens, units
from mousetrackd.storage.by_hour import ByHour
from mousetrackd.storage.connection import Connection
from mousetrackd.storage.copying import Copying
from mousetrackd.storage.database_files import check_header, check_place
from mousetrackd.storage.errors import as_store_error
from mousetrackd.storage.readings import ALL, Held, Piece, Range, Reading, Total
from mousetrackd.storage.store_file import StoreFile, check_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mousetrackd.core.accumulator import Tally
    from mousetrackd.core.layout import Layout
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.core.series import Series
    from mousetrackd.storage.erase import Promise
    from mousetrackd.storage.tiers import RollupAges


class Store(StoreFile):
    """An open store: what ``StoreFile`` does, reading, and upkeep. Not thread-safe.

    Every method raises StoreError when the file cannot be used.
    """

    # Opening ------------------------------------------------------------------------------------------

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

    # Committing ---------------------------------------------------------------------------------------

    def commit_import(self, tallies: Iterable[tuple[int, Tally]], unit: str | None = None, *, span_s: int = 1) -> None:
        """Append counts of other programs, each with the UTC second at which they begin, all in one transaction.

        unit: what they count; None is the unit of their layer. span_s: how many seconds each lasts. Raises as
        ``commit``, and UsageError where a series has counts of another unit; nothing is there then.
        """
        with self._connection.transaction():
            for at_s, tally in tallies:
                check_sizes(tally)
                for series in tally.counts:
                    row = screens.row_of(self._connection, series.monitor)
                    units.note(self._connection, row, series.layer, UNITS[series.layer] if unit is None else unit)
                self._append(tally, at_s, at_s + span_s, None)

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
        """The random number that distinguishes this store from any other, and those of the stores merged into it."""
        return tuple(one for (one,) in self._connection.rows("SELECT id FROM identity ORDER BY is_own DESC, id"))

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

    def held(self, asked: Range, promise: Promise | None = None) -> Held:
        """As ``erase.held``: what ``erase`` would delete."""
        return erase.held(self._connection, asked, promise)

    def erase(self, asked: Range, promise: Promise | None = None) -> Held:
        """As ``erase.erase``: delete all that touches a range, so that no byte of it is left."""
        return erase.erase(self._connection, asked, promise)

    def check(self) -> list[str]:
        """As ``integrity.check``: a sentence per problem."""
        return integrity.check(self._connection)
