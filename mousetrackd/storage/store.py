"""The store: every count ever made, in one SQLite file. The only SQL, beside the rescue's.

A *chunk* is the Counts of one stretch of time, monitor and layer. A checkpoint appends only what is new, and
since everything adds, chunks are folded as they age: checkpoints into their hour, hours into days, days into
months, months into years, in transactions that change no sum.

What spans a month or more is *long*, and the sum of all that is long is kept as well, per monitor and layer, so that
"all time" costs the same however old the store is. A trigger drops that sum whenever a long chunk comes, goes or
changes, whoever does it; the transaction of a fold puts the new one in its place, and ``fold`` makes what is missing.

Hours, days, months and years are those of the local clock, because people ask for "yesterday" and "9 to 17".
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sqlite3
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from mousetrackd.core import validity
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.errors import ExitCode, RefusedError, StoreError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement, selected
from mousetrackd.core.series import Series
from mousetrackd.storage import schema
from mousetrackd.storage.schema import APPLICATION_ID, LONG_S, MARKS, SCHEMA, SCHEMA_VERSION, SUMS
from mousetrackd.system.files import check_own_file, check_private, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mousetrackd.core.accumulator import Tally
    from mousetrackd.storage.unsaved import Batch

BUSY_TIMEOUT_S = 5.0
PATH = "path"
"""What ``Total`` calls the length of the pointer's path."""
HOUR_S = 3600
LONGEST_DAY_S = 25 * HOUR_S
"""The day on which summer time ends."""
BACKUP_KEPT_S = 30 * 86400
"""How long a copy made before a change of the schema is kept; less where what is so old is pruned."""

_TRIES = 4

_MARKS_KEPT = 1000

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading:
    """What the store holds of a range of time.

    counts: the sums per series. first_s, last_s: the UTC seconds between which they were counted,
    None when there is nothing. left_out: sentences about what could not be included, and why.
    """

    counts: Mapping[Series, Counts] = field(default_factory=dict)
    first_s: int | None = None
    last_s: int | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One chunk of one screen and layer: ``span_s`` seconds from ``start_s`` (UTC)."""

    start_s: int
    span_s: int
    monitor: Monitor
    layer: str
    counts: Counts


@dataclass(frozen=True)
class Total:
    """The sum of one chunk. what: a layer, or ``PATH`` for how far the pointer went, in px."""

    start_s: int
    span_s: int
    monitor: Monitor
    what: str
    total: int


@dataclass(frozen=True)
class Held:
    """How much the store holds of a range: whole pieces, and between which UTC seconds they were counted.

    stretches: the times of the pieces, those that touch or overlap joined, oldest first.
    """

    pieces: int
    first_s: int | None
    last_s: int | None
    stretches: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Promise:
    """What a user was told that ``forget`` deletes, and when, in UTC seconds: what is counted later goes as well."""

    held: Held
    at_s: int

    def check(self, pieces: Iterable[tuple[int, int, int]]) -> None:
        """Raises MoreThanToldError where a piece is of a time that was not told of: rolled up since, say."""
        for _, start_s, end_s in pieces:
            told = any(first_s <= start_s and end_s <= last_s for first_s, last_s in self.held.stretches)
            if start_s < self.at_s and not told:
                raise MoreThanToldError("nothing was forgotten: it would be more by now, for counts were rolled up")


class MoreThanToldError(StoreError):
    """What was to be forgotten would take more with it than the user agreed to."""


@dataclass(frozen=True)
class _Chunk:
    """A row of ``chunk`` that has passed its checksum."""

    row: int
    start_s: int
    span_s: int
    monitor: int
    layer: str
    total: int
    counts: bytes


@dataclass(frozen=True)
class _Sum:
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


@dataclass
class _Merged:
    """The sum of chunks: which rows, between which seconds each was counted, and what could not be included."""

    counts: Counts | None = None
    rows: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Range:
    """What is asked for; None is all, and an open end.

    since_s, until_s: UTC seconds. monitor: as in ``monitors.selected``. hours: 0 to 23 of the local clock, weekdays:
    0 for Monday to 6. What is kept too coarsely to tell (a day, for hours; a month that reaches across an end of the
    range) is left out.
    """

    since_s: int | None = None
    until_s: int | None = None
    monitor: str | None = None
    hours: Container[int] | None = None
    weekdays: Container[int] | None = None

    def holds(self, first_s: int, last_s: int) -> bool:
        """Does it hold all of that time, whatever the hour or the day?"""
        return (
            (self.since_s is None or first_s >= self.since_s)
            and (self.until_s is None or last_s <= self.until_s)
            and self.hours is None
            and self.weekdays is None
        )

    def is_too_coarse(self, chunk: _Chunk) -> bool:
        """Can it not be told whether the chunk belongs to it?"""
        return (
            (self.since_s is not None and chunk.start_s < self.since_s)
            or (self.until_s is not None and chunk.start_s + chunk.span_s > self.until_s)
            or (self.hours is not None and chunk.span_s > HOUR_S)
            or (self.weekdays is not None and chunk.span_s > LONGEST_DAY_S)
        )


ALL = Range()


@dataclass(frozen=True)
class FoldAges:
    """After how many days hours become days, days months, and months years."""

    hours_days: int = 7
    days_days: int = 14
    months_days: int = 400


class Store:
    """An open store. Not thread-safe. Every method raises StoreError when the file cannot be used."""

    def __init__(self, path: Path, connection: sqlite3.Connection, zone: tzinfo | None) -> None:
        self.path = path
        self._sql = connection
        self._zone = zone
        self._files = {ending: found for ending in _FILES if (found := _stat_of(path, ending)) is not None}

    # Opening ------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, *, zone: tzinfo | None = None, beside: bool = False) -> Self:
        """Open for writing; make it when there is none.

        zone: whose hours and days chunks are folded into; None is the local clock's. beside: another process has it
        open, and has looked at it. Raises DamagedError when there is a file that is no whole store, StoreError when
        it is another program's, from a newer mousetrackd, or cannot be opened.
        """
        try:
            if rescue_note(path).exists():
                raise DamagedError(path, "what could be read of it was being put into a new one when that was stopped")
            _check_place(path)
            if not path.exists() and not path.is_symlink():
                create(path)
            _check_header(path)
            journal = path.with_name(path.name + "-wal")
            had_wal = journal.exists() and journal.stat().st_size > 0
            store = cls(path, _connect(path, "rw"), zone)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise _sentence(path, error) from error
        try:
            store._begin(beside=beside, ended_badly=had_wal)
        except sqlite3.OperationalError as error:
            store.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # "no such table", in a file that says it is ours
                raise DamagedError(path, str(error)) from error
            raise _sentence(path, error) from error
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            store.close()
            raise _sentence(path, error) from error
        except StoreError:
            store.close()
            raise
        return store

    def _note_files(self) -> None:
        """Remember which files are open: the journal and its index are there now, where this disk allows them."""
        for ending in _FILES[1:]:
            found = _stat_of(self.path, ending)
            if found is not None:
                self._files[ending] = found

    def _begin(self, *, beside: bool, ended_badly: bool) -> None:
        if beside:  # it folds, and then ends: less is written where a transaction fits into memory
            self._sql.execute("PRAGMA cache_size = -8000")
        self._refuse_foreign()
        if ended_badly and not beside:  # worth the time to look at every page
            self._quick_check()
        self._migrate()
        self._note_files()
        for table in ("monitor", "chunk", "path", "placement", "sum"):
            self._sql.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a name of ours
        self._refuse_impossible()

    @classmethod
    def open_read_only(cls, path: Path, *, zone: tzinfo | None = None) -> Self:
        """Open for reading, beside a daemon or without one. Raises StoreError, also when there is none."""
        try:
            if not path.exists():
                raise StoreError(f"nothing has been counted yet: there is no {path}", "Start: mousetrackd run")
            _check_place(path)
            _check_header(path)
            store = cls(path, _connect(path, "ro"), zone)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise _sentence(path, error) from error
        try:
            store._refuse_foreign()
            store._refuse_impossible()
        except StoreError:
            store.close()
            raise
        return store

    def is_in_place(self) -> bool:
        """Are the open file, its journal and the journal's index still those of their names, and not taken away?"""
        return not self._gone()

    def leave(self) -> str:
        """Close a store that is not in place, so that it can be opened again; a sentence about what was taken away.

        What only the journal held goes into the store first: the file is open, whether or not it has a name. A journal
        that somebody put in its place is not ours, and is set aside: SQLite would play it into the store.
        """
        gone = self._gone()
        with contextlib.suppress(sqlite3.Error):
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if "" in gone:
            self.close()
            there = os.path.lexists(self.path)
            what = (
                "replaced; counting goes on in what is there now"
                if there
                else "taken away; counting goes on in a new one"
            )
            return f"{self.path} was {what}"
        for ending in gone:
            strange = self.path.with_name(self.path.name + ending)
            with contextlib.suppress(OSError):
                aside = name_aside(self.path, datetime.now(UTC))
                strange.rename(aside.with_name(aside.name + ending))
        self.close()
        names = " and ".join(self.path.name + ending for ending in gone)
        return f"{names} in {self.path.parent} was taken away; what it held is in the store"

    def _gone(self) -> list[str]:
        """The endings of the files that are open and no longer there under their names."""
        gone = []
        for ending, known in self._files.items():
            found = _stat_of(self.path, ending)
            if found is None or not os.path.samestat(found, known):
                gone.append(ending)
        return gone

    def close(self) -> None:
        """Close the file. Idempotent."""
        with contextlib.suppress(sqlite3.Error):
            self._sql.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing ------------------------------------------------------------------------------------------

    def commit(self, tally: Tally, start_s: int, end_s: int, layout: Layout | None = None) -> None:
        """Append what was counted from ``start_s`` to ``end_s`` (UTC seconds) in one transaction.

        When this returns, the counts survive a crash and a power cut. When it raises, none of them is there.
        layout: how the monitors stand, noted when it is not how they stood before.
        """
        with self._transaction():
            self._append(tally, start_s, end_s, layout)

    def commit_batch(
        self, batch: Batch, *, instead_of: int | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """As ``commit``, and only when the batch is not in the store yet.

        A commit that failed may be there all the same after the file is opened again: the mark of the batch tells.
        instead_of: the mark of an earlier batch, which is known to be stored and need not be told any more. is_wanted:
        asked when nobody else can write.
        """
        with self._transaction():
            if not is_wanted():
                return
            self._sql.execute(MARKS)
            if self._sql.execute("SELECT 1 FROM saved WHERE mark = ?", (batch.mark,)).fetchone() is not None:
                return
            self._sql.execute("DELETE FROM saved WHERE mark = ?", (instead_of,))
            self._sql.execute("DELETE FROM saved WHERE id <= (SELECT max(id) FROM saved) - ?", (_MARKS_KEPT,))
            self._sql.execute("INSERT INTO saved (mark) VALUES (?)", (batch.mark,))
            self._append(batch.tally, batch.start_s, batch.end_s, batch.layout)

    def _append(self, tally: Tally, start_s: int, end_s: int, layout: Layout | None) -> None:
        start_s, span_s = validity.stretch(start_s, end_s)
        if layout is not None:
            self._note_layout(layout, start_s)
        for (monitor, layer), counts in tally.counts.items():
            self._insert(start_s, span_s, self._monitor_id(monitor), layer, counts)
        self._sql.executemany(
            "INSERT INTO path VALUES (?, ?, ?, ?)",
            [
                (start_s, span_s, self._monitor_id(m), min(round(px), validity.PATH_MAX_PX))
                for m, px in tally.path_px.items()
            ],
        )

    def fold(self, now_s: int, ages: FoldAges) -> int:
        """Fold chunks that are old enough into longer ones. Changes no sum. Returns how many rows it saved.

        A period is folded only when it lies wholly in the past by the age given for it. An hour or a day is one
        transaction, one screen and layer of a month or a year is one, and the file is locked only while that is
        written, so others can save meanwhile.
        """
        saved = 0
        for period, age_days in (
            ("hour", 0),
            ("day", ages.hours_days),
            ("month", ages.days_days),
            ("year", ages.months_days),
        ):
            saved += self._fold_into(period, now_s - age_days * 86400)
        self._make_missing_sums()
        return saved

    def prune(self, before_s: int) -> int:
        """Drop every chunk that ended before ``before_s``; returns how many. And a copy of the store made before."""
        _drop_backups(self.path, before_s)
        with self._transaction():
            dropped = self._sql.execute("DELETE FROM chunk WHERE start_s + span_s <= ?", (before_s,)).rowcount
            self._sql.execute("DELETE FROM path WHERE start_s + span_s <= ?", (before_s,))
        return dropped

    def drop_backups(self, made_before_s: float) -> None:
        """Remove copies of the store that were made before a change of the schema, and before ``made_before_s``."""
        _drop_backups(self.path, made_before_s)

    # Forgetting ---------------------------------------------------------------------------------------

    def held(
        self, since_s: int | None, until_s: int | None, monitor: str | None, promise: Promise | None = None
    ) -> Held:
        """What ``forget`` would delete. Raises MoreThanToldError where that is more than promised."""
        pieces = self._to_forget(since_s, until_s, monitor)
        if promise is not None:
            promise.check(pieces)
        return _held(pieces)

    def forget(
        self, since_s: int | None, until_s: int | None, monitor: str | None, promise: Promise | None = None
    ) -> Held:
        """Delete every piece that touches the range, whole, in one transaction; then ``scrub``.

        since_s, until_s, monitor: as in ``Range``. A piece that fails its checksum may be of any time and screen,
        and goes as well. Returns what was deleted. Raises MoreThanToldError, nothing being deleted, where it would be
        more than promised.
        """
        with self._reading():
            self._sql.execute("PRAGMA secure_delete = ON")
        screens = [(row,) for row in self._rows_of(monitor)]
        with self._transaction():
            deleted = self._to_forget(since_s, until_s, monitor)
            if promise is not None:
                promise.check(deleted)
            self._sql.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row, _, _ in deleted])
            self._sql.execute("DELETE FROM sum")  # all: a damaged piece does not say of which it was a part
            self._sql.executemany(
                "DELETE FROM path WHERE monitor = ?1"
                " AND (?2 IS NULL OR start_s + span_s > ?2) AND (?3 IS NULL OR start_s < ?3)",
                [(row, since_s, until_s) for (row,) in screens],
            )
            if since_s is None and until_s is None:  # not even that there was such a screen is kept
                self._sql.executemany("DELETE FROM placement WHERE monitor = ?", screens)
                self._sql.executemany("DELETE FROM monitor WHERE id = ?", screens)
        self.scrub()
        return _held(deleted)

    def scrub(self) -> None:
        """Write the file anew, so that neither it nor its journal holds a byte of what was deleted."""
        with self._reading():
            self._sql.execute("PRAGMA temp_store = MEMORY")  # the copy that is made on the way never touches a disk
            self._sql.execute("VACUUM")
            busy, _, _ = self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                f"{self.path} is being read, and its journal still holds what was deleted",
                "Do the same again when no other mousetrackd command runs.",
            )

    def _to_forget(self, since_s: int | None, until_s: int | None, monitor: str | None) -> list[tuple[int, int, int]]:
        """The row, start and end of each piece that ``forget`` deletes."""
        screens = self._rows_of(monitor)
        with self._reading():
            rows = self._sql.execute("SELECT id, start_s, span_s, monitor, layer, total, counts, crc FROM chunk")
            return [
                (row, start_s, start_s + span_s)
                for row, start_s, span_s, screen, layer, total, counts, crc in rows
                if crc != crc_of(start_s, span_s, screen, layer, total, counts)
                or (
                    screen in screens
                    and (since_s is None or start_s + span_s > since_s)
                    and (until_s is None or start_s < until_s)
                )
            ]

    # Reading ------------------------------------------------------------------------------------------

    def read(self, layers: Iterable[str], asked: Range = ALL) -> Reading:
        """Sum the chunks of ``layers`` that lie within the range, per series.

        What had to be left out is named.
        """
        left_out: list[str] = []
        coarse: Counter[int] = Counter()
        merged: dict[Series, Counts] = {}
        spans: list[tuple[int, int]] = []
        with self._one_state():
            names = self.monitors()
            wanted = self._rows_of(asked.monitor)
            for row, layer in self._screens(layers):
                if row not in wanted:
                    continue
                screen = names[row]
                known = len(spans)
                # With nothing to begin with, a sum of no parts would have no size.
                nothing = Counts.empty(screen.width_px, screen.height_px)
                parts = self._parts(row, layer, screen, asked, left_out, coarse, spans)
                counts = Counts.merge(itertools.chain([nothing], parts))
                if len(spans) > known:
                    merged[Series(screen, layer)] = counts
        left_out += _too_coarse(coarse)
        first_s = min((start_s for start_s, _ in spans), default=None)
        last_s = max((end_s for _, end_s in spans), default=None)
        return Reading(merged, first_s, last_s, tuple(left_out))

    def pieces(self, layers: Iterable[str], left_out: list[str], asked: Range = ALL) -> Iterator[Piece]:
        """The chunks of ``layers`` that lie within the range, oldest first.

        What is too coarse for it, or damaged, is left out; when all is read, ``left_out`` says so in sentences.
        """
        names = self.monitors()
        wanted = self._rows_of(asked.monitor)
        coarse: Counter[int] = Counter()
        where = _Where(layers=tuple(layers), since_s=asked.since_s, until_s=asked.until_s)
        for chunk in self._chunks(where, left_out):
            if chunk.monitor not in wanted or not self._is_asked_for(chunk, asked, coarse):
                continue
            screen = names[chunk.monitor]
            try:
                counts = Counts.joined(_decoded(chunk, screen))
            except ValueError as error:
                left_out.append(f"left out chunk {chunk.row}: {error}")
                continue
            yield Piece(chunk.start_s, chunk.span_s, screen, chunk.layer, counts)
        left_out += _too_coarse(coarse)

    def totals(self, *, since_s: int | None = None, until_s: int | None = None) -> list[Total]:
        """The sums of all chunks that begin within the range, and the length of the path, oldest first."""
        names = self.monitors()
        with self._reading():
            rows = self._sql.execute(
                "SELECT start_s, span_s, monitor, layer, total FROM chunk"
                " WHERE (?1 IS NULL OR start_s >= ?1) AND (?2 IS NULL OR start_s < ?2)"
                " UNION ALL SELECT start_s, span_s, monitor, ?3, length_px FROM path"
                " WHERE (?1 IS NULL OR start_s >= ?1) AND (?2 IS NULL OR start_s < ?2) ORDER BY start_s",
                (since_s, until_s, PATH),
            )
            return [Total(start_s, span_s, names[row], what, total) for start_s, span_s, row, what, total in rows]

    def sizes_mm(self) -> dict[Monitor, tuple[int, int]]:
        """Width and height in millimetres of the screens that told theirs."""
        with self._reading():
            rows = self._sql.execute(
                "SELECT output, width_px, height_px, edid_hash, width_mm, height_mm FROM monitor"
                " WHERE width_mm > 0 AND height_mm > 0"
            )
            return {Monitor(*row[:4]): (row[4], row[5]) for row in rows}

    def monitors(self) -> dict[int, Monitor]:
        """Every screen ever seen, by row. One that had several names has a row for each, and counts in the first."""
        with self._reading():
            rows = self._sql.execute("SELECT id, output, width_px, height_px, edid_hash FROM monitor")
            return {row: Monitor(*rest) for row, *rest in rows}

    def _rows_of(self, monitor: str | None) -> set[int]:
        """The rows of the monitors that are asked for by a name; None is all."""
        known = self.monitors()
        meant = known.values() if monitor is None else selected(known.values(), monitor)
        return {row for row, screen in known.items() if screen in meant}

    def last_seen(self) -> list[Placement]:
        """Where each monitor was last, by each name that it had, the newest last."""
        with self._reading():
            rows = self._sql.execute(
                "SELECT name.output, name.width_px, name.height_px, name.edid_hash, desktop_x, desktop_y,"
                " max(placement.since_s) AS last_s FROM monitor AS name"
                " JOIN monitor AS same ON same.id = name.id OR (name.edid_hash <> '' AND"
                " (name.edid_hash, name.width_px, name.height_px) = (same.edid_hash, same.width_px, same.height_px))"
                " JOIN placement ON placement.monitor = same.id GROUP BY name.id ORDER BY last_s"
            )
            return [Placement(Monitor(*row[:4]), row[4], row[5]) for row in rows]

    def layout(self, until_s: int | None = None) -> Layout:
        """How the monitors stood last, before ``until_s``; as they stood first when nothing is that old."""
        with self._reading():
            moment = self._sql.execute(
                "SELECT coalesce((SELECT max(since_s) FROM placement WHERE ?1 IS NULL OR since_s < ?1),"
                " (SELECT min(since_s) FROM placement))",
                (until_s,),
            ).fetchone()[0]
            return self._layout_of(moment)

    def newest_s(self, until_s: int) -> int | None:
        """UTC seconds of the newest counts from before ``until_s``; None where there are none. Costs one look-up."""
        rows = self._read_rows(
            "SELECT min(start_s + span_s, ?1) FROM chunk WHERE start_s < ?1 ORDER BY start_s DESC LIMIT 1", (until_s,)
        )
        return int(rows[0][0]) if rows else None

    def ahead_of(self, now_s: int) -> Held:
        """The chunks that begin after ``now_s`` (UTC)."""
        rows = self._read_rows(
            "SELECT count(*), min(start_s), max(start_s + span_s) FROM chunk WHERE start_s > ?", (now_s,)
        )
        return Held(*rows[0])

    def look_at_every_page(self) -> None:
        """Raises DamagedError unless all of the file makes sense, to SQLite and to us. A second for a gigabyte."""
        self._refuse_foreign()
        with self._reading():
            self._quick_check()
        self._refuse_impossible()

    def check(self) -> list[str]:
        """Look at every page, chunk and other row. Returns a sentence per problem; none is a whole store."""
        problems: list[str] = []
        try:
            self._refuse_foreign()
            rows = self._sql.execute("PRAGMA integrity_check(20)").fetchall()
            problems += [f"{self.path.name}: {row[0]}" for row in rows if row[0] != "ok"]
            problems += [f"{self.path.name}: {sentence}" for sentence in self._impossible()]
            if problems:
                return problems  # the screens that chunks are compared with may be wrong
            screens = self.monitors()
            for chunk in self._chunks(_Where(), problems):
                try:
                    _decoded(chunk, screens[chunk.monitor])
                except ValueError as error:
                    problems.append(f"chunk {chunk.row} ({chunk.layer}): {error}")
            with self._one_state():
                problems += [
                    f"the sum of {layer} on screen {row} is damaged, and what it sums is read instead"
                    for row, layer in (self._read_rows("SELECT monitor, layer FROM sum") if self._has_sums() else [])
                    if row not in screens or not (problems or self._is_right_sum(row, layer, screens[row]))
                ]
        except (sqlite3.Error, StoreError, UnicodeDecodeError) as error:
            problems.append(f"{self.path.name}: {error}")
        return problems

    # Inside -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        try:
            self._sql.execute(f"BEGIN {kind}")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                # ROLLBACK itself fails where the failed statement has rolled back already.
                with contextlib.suppress(sqlite3.Error):
                    self._sql.execute("ROLLBACK")
                raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _sentence(self.path, error) from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _sentence(self.path, error) from error
        except (TypeError, ValueError, OverflowError, KeyError) as error:  # changed since it was opened and looked at
            raise DamagedError(self.path, f"{type(error).__name__}: {error}") from error

    def _quick_check(self) -> None:
        found = self._sql.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedError(self.path, found)

    def _refuse_foreign(self) -> None:
        """Raises DamagedError where the file is not made of what ours are made of: nothing in it is run."""
        with self._reading():
            found = schema.foreign(self._sql)
        if found:
            raise DamagedError(self.path, found)

    def _refuse_impossible(self) -> None:
        """Raises DamagedError where a row says what we never write."""
        problem = next(self._impossible(), None)
        if problem is not None:
            raise DamagedError(self.path, problem)

    def _impossible(self) -> Iterator[str]:
        """A sentence for the rows of each kind that say what we never write. Looks at no counts."""
        with self._reading():
            for row, output, width_px, height_px, edid_hash, *size_mm in self._sql.execute(
                "SELECT id, output, width_px, height_px, edid_hash, width_mm, height_mm FROM monitor"
            ):
                try:
                    Placement(Monitor(output, width_px, height_px, edid_hash), 0, 0, *size_mm)
                except ValueError as error:
                    yield f"row {row} of its monitors cannot be: {error}"
                    break
            for table, conditions in validity.POSSIBLE.items():
                found = self._sql.execute(
                    f"SELECT rowid FROM {table} WHERE ({' AND '.join(conditions)}) IS NOT TRUE"  # noqa: S608 - ours
                ).fetchone()
                if found is not None:
                    yield f"row {found[0]} of its table {table} cannot be"

    @contextlib.contextmanager
    def _one_state(self) -> Iterator[None]:
        """All that is read is of one moment, whatever others write meanwhile."""
        with self._reading():
            self._sql.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    self._sql.execute("ROLLBACK")  # there is nothing to keep

    def _at_once(self, work: Callable[[], _T]) -> _T:
        """Do what reads and then writes as one transaction; from its beginning again when another wrote meanwhile.

        Nobody waits while it reads and reckons: the file is locked from the first statement that writes. Only after
        some tries in vain it is locked from the beginning.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._transaction("DEFERRED" if tries_left else "IMMEDIATE"):
                    return work()
            except StoreError as error:
                code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
                if not tries_left or code != sqlite3.SQLITE_BUSY:
                    raise
        raise AssertionError  # the last try returns or raises

    def _migrate(self) -> None:
        """Bring an older schema up to ours, a copy of the file being kept beside it. Ours is left alone."""
        version = self._version()
        if version == SCHEMA_VERSION:
            return
        if version != 1:
            raise DamagedError(self.path, f"there is no schema {version}")
        self._need_space_for_a_copy()
        _back_up(self._sql, backup_of(self.path, version))
        with self._transaction():
            if self._version() == version:  # another may have been quicker
                for statement in SUMS:
                    self._sql.execute(statement)

    def _need_space_for_a_copy(self) -> None:
        """Raises StoreError where a copy would only fill the disk, again at each try."""
        (pages,), (page_bytes,) = (self._sql.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size"))
        disk = os.statvfs(self.path.parent)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < pages * page_bytes:  # some network disks tell nothing
            raise StoreError(
                f"{self.path} is of an older version, and there is no space for the copy that is kept of it",
                f"It takes {pages * page_bytes / 1e6:.1f} MB: free some space.",
            )

    def _version(self) -> int:
        return int(self._sql.execute("PRAGMA user_version").fetchone()[0])

    def _has_sums(self) -> bool:
        return self._version() >= 2  # read-only, an older store is read as it is

    def _screens(self, layers: Iterable[str]) -> list[tuple[int, str]]:
        """The rows of monitors, and the layers, of which there are chunks."""
        layers = tuple(layers)
        return self._read_rows(
            f"SELECT DISTINCT monitor, layer FROM chunk WHERE layer IN ({_marks(layers)}) ORDER BY 1, 2",  # noqa: S608 - marks
            layers,
        )

    def _parts(
        self,
        row: int,
        layer: str,
        screen: Monitor,
        asked: Range,
        left_out: list[str],
        coarse: Counter[int],
        spans: list[tuple[int, int]],
    ) -> Iterator[Counts]:
        """The counts of one screen and layer in parts; into ``spans`` between which seconds each was counted."""
        where = _Where(row, (layer,), asked.since_s, asked.until_s)
        summed = self._sum(row, layer)
        if summed is not None and asked.holds(summed.first_s, summed.last_s):
            summed_parts = summed.decoded(screen)
            if summed_parts is not None:
                left_out += summed.left_out.splitlines()
                spans.append((summed.first_s, summed.last_s))
                where = replace(where, shorter_than_s=LONG_S)
                del summed
                yield from summed_parts
        for chunk in self._chunks(where, left_out):
            if not self._is_asked_for(chunk, asked, coarse):
                continue
            try:
                parts = _decoded(chunk, screen)
            except ValueError as error:
                left_out.append(f"left out chunk {chunk.row}: {error}")
                continue
            spans.append((chunk.start_s, chunk.start_s + chunk.span_s))
            yield from parts

    def _is_asked_for(self, chunk: _Chunk, asked: Range, coarse: Counter[int]) -> bool:
        """Does it belong to the range? What cannot be told is noted in ``coarse``, by its span."""
        if asked.is_too_coarse(chunk):
            coarse[chunk.span_s] += 1
            return False
        begin = datetime.fromtimestamp(chunk.start_s, self._zone)
        return (asked.hours is None or begin.hour in asked.hours) and (
            asked.weekdays is None or begin.weekday() in asked.weekdays
        )

    def _chunks(self, where: _Where, damaged: list[str]) -> Iterator[_Chunk]:
        """The chunks of ``where``, of all screens oldest first; ``damaged`` is told what fails its checksum."""
        condition, values = where.condition()
        query = f"SELECT id, start_s, span_s, monitor, layer, total, counts, crc FROM chunk WHERE {condition}"  # noqa: S608 - our names
        if where.monitor is None:
            query += " ORDER BY start_s, id"
        with self._reading():
            rows = self._sql.execute(query, values)
            for row, start_s, span_s, monitor, layer, total, counts, crc in rows:
                if crc == crc_of(start_s, span_s, monitor, layer, total, counts):
                    yield _Chunk(row, start_s, span_s, monitor, layer, total, counts)
                else:
                    when = self._local(start_s)
                    damaged.append(f"left out chunk {row} ({layer} of {when}): its checksum is wrong")

    def _sum(self, monitor: int, layer: str) -> _Sum | None:
        """The sum of the long chunks of a screen and layer; None where there is none that can be believed."""
        if not self._has_sums():
            return None
        with self._reading():
            found = self._sql.execute(
                "SELECT first_s, last_s, left_out, counts, crc FROM sum WHERE monitor = ? AND layer = ?",
                (monitor, layer),
            ).fetchone()
        if found is None:
            return None
        *rest, crc = found
        summed = _Sum(*rest)
        is_possible = validity.is_sum(summed.first_s, summed.last_s, summed.left_out)
        return summed if is_possible and crc == _sum_crc(monitor, layer, summed) else None

    def _is_right_sum(self, monitor: int, layer: str, screen: Monitor) -> bool:
        """Can the sum of a screen and layer be believed, and is it that of the chunks it sums?"""
        summed = self._sum(monitor, layer)
        parts = None if summed is None else summed.decoded(screen)
        if summed is None or parts is None:
            return False
        rows = self._read_rows(
            "SELECT total FROM chunk WHERE monitor = ? AND layer = ? AND span_s >= ?", (monitor, layer, LONG_S)
        )
        total = sum(one for (one,) in rows)
        return bool(summed.left_out) or total >= COUNT_MAX or sum(part.total for part in parts) == total

    def _insert_sum(self, monitor: int, layer: str, summed: _Sum) -> None:
        self._sql.execute("DELETE FROM sum WHERE monitor = ? AND layer = ?", (monitor, layer))
        self._sql.execute(
            "INSERT INTO sum (monitor, layer, first_s, last_s, left_out, counts, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(monitor, layer, summed.first_s, summed.last_s, summed.left_out, summed.counts),
                _sum_crc(monitor, layer, summed),
            ),
        )

    def _make_missing_sums(self) -> None:
        missing = self._read_rows(
            "SELECT DISTINCT monitor, layer FROM chunk WHERE span_s >= ?"
            " AND NOT EXISTS (SELECT 1 FROM sum WHERE (sum.monitor, sum.layer) = (chunk.monitor, chunk.layer))",
            (LONG_S,),
        )
        for monitor, layer in missing:
            self._at_once(partial(self._sum_up, monitor, layer))

    def _sum_up(self, monitor: int, layer: str) -> None:
        """Sum all long chunks of a screen and layer anew."""
        long = self._merged(_Where(monitor, (layer,), at_least_s=LONG_S))
        if long.counts is not None:
            first_s, last_s = min(begin_s for begin_s, _ in long.spans), max(end_s for _, end_s in long.spans)
            self._insert_sum(monitor, layer, _Sum(first_s, last_s, "\n".join(long.left_out), long.counts.encode()))

    def _local(self, moment_s: int) -> str:
        """A moment for people, even one that damage has made absurd."""
        try:
            return f"{datetime.fromtimestamp(moment_s, self._zone):%Y-%m-%d %H:%M}"
        except (ValueError, OverflowError, OSError):
            return "an impossible time"

    def _insert(self, start_s: int, span_s: int, monitor: int, layer: str, counts: Counts) -> None:
        blob, total = counts.encode(), min(counts.total, (1 << 63) - 1)
        crc = crc_of(start_s, span_s, monitor, layer, total, blob)
        self._sql.execute(
            "INSERT INTO chunk (start_s, span_s, monitor, layer, total, counts, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (start_s, span_s, monitor, layer, total, blob, crc),
        )

    def _monitor_id(self, monitor: Monitor) -> int:
        # A screen is known by what it is: with an EDID by that, whichever connector it hangs on today.
        values = (monitor.edid_hash, monitor.output, monitor.width_px, monitor.height_px)
        found = self._sql.execute(
            "SELECT min(id), max(output = ?2) FROM monitor WHERE edid_hash = ?1 AND (?1 <> '' OR output = ?2)"
            " AND width_px = ?3 AND height_px = ?4",
            values,
        ).fetchone()
        if not found[1]:  # a new screen, or a new name of one
            found = (
                found[0],
                *self._sql.execute(
                    "INSERT INTO monitor (edid_hash, output, width_px, height_px) VALUES (?, ?, ?, ?) RETURNING id",
                    values,
                ).fetchone(),
            )
        return int(found[1] if found[0] is None else found[0])

    def _note_layout(self, layout: Layout, since_s: int) -> None:
        latest = self._sql.execute("SELECT max(since_s) FROM placement").fetchone()[0]
        rows = [(self._monitor_id(p.monitor), p.desktop_x, p.desktop_y) for p in layout.placements]
        for (row, _, _), placement in zip(rows, layout.placements, strict=True):
            if placement.width_mm and placement.height_mm:
                self._sql.execute(
                    "UPDATE monitor SET width_mm = ?, height_mm = ? WHERE id = ? AND (width_mm, height_mm) <> (?, ?)",
                    (placement.width_mm, placement.height_mm, row, placement.width_mm, placement.height_mm),
                )
        known = self._sql.execute(
            "SELECT monitor, desktop_x, desktop_y FROM placement WHERE since_s = ? ORDER BY rowid", (latest,)
        ).fetchall()
        if rows != known:
            since_s = max(since_s, latest + 1) if latest is not None else since_s
            self._sql.executemany("INSERT INTO placement VALUES (?, ?, ?, ?)", [(since_s, *row) for row in rows])

    def _layout_of(self, since_s: int | None) -> Layout:
        rows = self._sql.execute(
            "SELECT output, width_px, height_px, edid_hash, desktop_x, desktop_y, width_mm, height_mm"
            " FROM placement JOIN monitor ON monitor.id = placement.monitor WHERE since_s = ?"
            " ORDER BY placement.rowid",
            (since_s,),
        )
        return Layout(Placement(Monitor(*row[:4]), *row[4:]) for row in rows)

    def _fold_into(self, period: str, cutoff_s: int) -> int:
        """Fold what lies in a whole ``period`` before ``cutoff_s`` and is shorter than it."""
        starts = {
            start_s
            for table in ("chunk", "path")
            for (start_s,) in self._read_rows(
                f"SELECT DISTINCT start_s FROM {table} WHERE start_s >= 0 AND start_s < ? AND span_s < ?",  # noqa: S608 - our names
                (cutoff_s, _SHORTEST_S[period]),
            )
        }
        saved = 0
        for begin_s, end_s in sorted({self._period(period, start_s) for start_s in starts}):
            if end_s > cutoff_s:
                continue
            period_of = _Where(starts_from_s=begin_s, starts_before_s=end_s, shorter_than_s=end_s - begin_s)
            condition, values = period_of.condition()
            screens = self._read_rows(f"SELECT DISTINCT monitor, layer FROM chunk WHERE {condition}", values)  # noqa: S608 - ours
            works: list[Callable[[], int]] = [
                partial(
                    self._fold_chunks,
                    monitor,
                    layer,
                    replace(period_of, monitor=monitor, layers=(layer,)),
                    (begin_s, end_s),
                )
                for monitor, layer in screens
            ]
            works.append(partial(self._fold_paths, begin_s, end_s))
            if end_s - begin_s < LONG_S:  # soon done, and one transaction writes less than many
                saved += self._at_once(partial(_sum_of, works))
            else:
                saved += sum(self._at_once(work) for work in works)
        return saved

    def _fold_chunks(self, monitor: int, layer: str, where: _Where, ends_s: tuple[int, int]) -> int:
        """Make one chunk of those of one screen and layer in one period."""
        begin_s, end_s = ends_s
        span_s = end_s - begin_s
        fresh = self._merged(replace(where, shorter_than_s=min(span_s, LONG_S)))
        summed_already = self._merged(replace(where, at_least_s=LONG_S)) if span_s > LONG_S else _Merged()
        both = [part.counts for part in (fresh, summed_already) if part.counts is not None]
        rows = fresh.rows + summed_already.rows
        if not both:
            return 0
        summed = self._sum(monitor, layer) if span_s >= LONG_S else None
        already = None if summed is None else summed.decoded(self.monitors()[monitor])
        self._sql.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row in rows])
        self._insert(begin_s, span_s, monitor, layer, both[0] if len(both) == 1 else Counts.merge(both))
        if summed is not None and already is not None:  # the trigger has dropped it
            counts = summed.counts
            if fresh.counts is not None:
                counts = Counts.merge(itertools.chain([fresh.counts], already)).encode()
            first_s, last_s = min(summed.first_s, begin_s), max(summed.last_s, end_s)
            self._insert_sum(monitor, layer, _Sum(first_s, last_s, summed.left_out, counts))
        return len(rows) - 1

    def _merged(self, where: _Where) -> _Merged:
        """The sum of chunks of one screen and layer. What is damaged stays where it is."""
        merged = _Merged()
        screens = self.monitors()

        def parts() -> Iterator[Counts]:
            for chunk in self._chunks(where, merged.left_out):
                try:
                    decoded = _decoded(chunk, screens[chunk.monitor])
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

    def _fold_paths(self, begin_s: int, end_s: int) -> int:
        shorter = "FROM path WHERE start_s >= ? AND start_s < ? AND span_s < ?"
        span = (begin_s, end_s, end_s - begin_s)
        rows = self._read_rows(f"SELECT monitor, sum(length_px), count(*) {shorter} GROUP BY monitor", span)
        self._sql.execute(f"DELETE {shorter}", span)
        self._sql.executemany(
            "INSERT INTO path VALUES (?, ?, ?, ?)",
            [(begin_s, end_s - begin_s, monitor, length_px) for monitor, length_px, _ in rows],
        )
        return sum(count - 1 for _, _, count in rows)

    def _read_rows(self, query: str, values: Sequence[int | str] = ()) -> list[Any]:
        with self._reading():
            return self._sql.execute(query, values).fetchall()

    def _period(self, period: str, moment_s: int) -> tuple[int, int]:
        """UTC seconds at which the local hour, day, month or year around ``moment_s`` begins and ends."""
        begin = datetime.fromtimestamp(moment_s, self._zone).replace(minute=0, second=0)
        if period == "hour":
            begin_s = int(begin.timestamp())
            return begin_s, begin_s + 3600
        begin = begin.replace(hour=0, fold=0)
        if period == "day":
            end = begin + timedelta(days=1)
        elif period == "month":
            begin = begin.replace(day=1)
            end = (begin + timedelta(days=32)).replace(day=1)
        else:
            begin = begin.replace(month=1, day=1)
            end = begin.replace(year=begin.year + 1)
        return int(begin.timestamp()), int(end.timestamp())


_SHORTEST_S = {"hour": 3600, "day": 23 * 3600, "month": 27 * 86400, "year": 364 * 86400}
"""Shorter than any period of its name (a day of 23 hours, a February): what it holds may need folding."""


def _held(pieces: list[tuple[int, int, int]]) -> Held:
    joined: list[tuple[int, int]] = []
    for start_s, end_s in sorted((start_s, end_s) for _, start_s, end_s in pieces):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_s, joined[-1][1]))
        else:
            joined.append((start_s, end_s))
    last_s = max((end_s for _, end_s in joined), default=None)
    return Held(len(pieces), joined[0][0] if joined else None, last_s, tuple(joined))


@dataclass(frozen=True)
class _Where:
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


def _sum_of(works: Iterable[Callable[[], int]]) -> int:
    return sum(work() for work in works)


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _decoded(chunk: _Chunk, screen: Monitor) -> Iterator[Counts]:
    """A chunk's counts in parts. Raises ValueError at once when they are none, or not those of which it speaks."""
    return Counts.decode_parts(chunk.counts, size=(screen.width_px, screen.height_px), total=chunk.total)


def _too_coarse(coarse: Mapping[int, int]) -> list[str]:
    """A sentence for each kind of period, of which so many pieces were too coarse to tell."""
    by_kind: Counter[str] = Counter()
    for span_s, count in sorted(coarse.items()):
        by_kind[_duration(span_s)] += count
    return [
        f"left out {'one piece' if count == 1 else f'{count} pieces'} kept only per {kind}, too coarse for this range"
        for kind, count in by_kind.items()
    ]


_FILES = ("", "-wal", "-shm")


def _stat_of(path: Path, ending: str) -> os.stat_result | None:
    """One of a store's files; None where there is none."""
    try:
        return path.with_name(path.name + ending).stat()
    except OSError:
        return None


class NotOursError(StoreError):
    """A store of a newer mousetrackd, or another program's database: not to be touched."""

    exit_code = ExitCode.REFUSED


class DamagedError(StoreError):
    """There is a file, and it is no whole store."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged: {why}",
            "The daemon sets it aside and counts on in a new one; nothing is deleted.",
        )


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged store, its journal with it, to a name that says when. Never overwrites.

    Returns the new name. Raises StoreError when it cannot be renamed.
    """
    aside = name_aside(path, now)
    move_aside(path, aside)
    return aside


def name_aside(path: Path, now: datetime) -> Path:
    """A name that says when, and that nothing has yet."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    return aside


def move_aside(path: Path, aside: Path) -> None:
    """Rename a store, the file itself last. Raises StoreError when it cannot be."""
    try:
        for ending in ("-wal", "-shm", ""):
            old = path.with_name(path.name + ending)
            if os.path.lexists(old):
                old.rename(aside.with_name(aside.name + ending))
        sync_folder(path.parent)
    except OSError as error:
        raise _sentence(path, error) from error


def rescue_note(path: Path) -> Path:
    """What a damaged store is being set aside as. While it is there, only the rescue may write."""
    return path.with_name(f".{path.name}.rescue") / "aside"


def backup_of(path: Path, version: int) -> Path:
    """Where the store as it was is kept for a while when its schema is changed."""
    return path.with_name(f"{path.stem}.schema-{version}{path.suffix}")


def _back_up(connection: sqlite3.Connection, backup: Path) -> None:
    """Copy an open store, whole before it has its name."""
    fresh = _fresh_file(backup)
    try:
        with contextlib.closing(sqlite3.connect(fresh)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever comes
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(backup)
    except BaseException:
        _remove_fresh(fresh)  # half of it would only take the space that the next try needs
        raise
    sync_folder(backup.parent)


def _drop_backups(path: Path, made_before_s: float) -> None:
    for version in range(1, SCHEMA_VERSION):
        backup = backup_of(path, version)
        with contextlib.suppress(OSError):  # not there, or not ours to remove
            if backup.stat().st_mtime < made_before_s:
                backup.unlink()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={mode}",
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
        if mode == "ro":
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


def create(path: Path, fill: Callable[[sqlite3.Connection], None] | None = None) -> None:
    """Make a store whole, with what ``fill`` puts into it, before it has its name: a crash leaves no half of one.

    Raises sqlite3.Error and OSError.
    """
    journal = path.with_name(path.name + "-wal")
    if journal.exists():  # of a store that is gone: SQLite would play it into the new one
        set_aside(path, datetime.fromtimestamp(journal.stat().st_mtime, UTC))
    fresh = _fresh_file(path)
    connection = _connect(fresh, "rw")
    try:
        connection.executescript(f"BEGIN;{SCHEMA}COMMIT;")
        if fill is not None:
            fill(connection)
        # Closing would write the journal back as well, and not say when the disk refused.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)


def _fresh_file(path: Path) -> Path:
    """An empty private file to become ``path``; what an earlier try left there is removed."""
    fresh = path.with_name(f".{path.name}.new")
    _remove_fresh(fresh)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    return fresh


def _remove_fresh(fresh: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + ending).unlink(missing_ok=True)


def _check_place(path: Path) -> None:
    """See that the folder, the store and its journal are the user's own and private; before every opening.

    Raises NotOursError where they are not, DamagedError for a journal that is no file.
    """
    try:
        check_private(path.parent)
        for ending in (*_FILES, "-journal"):
            check_own_file(path.with_name(path.name + ending))
    except RefusedError as error:
        raise NotOursError(error.message, error.hint) from error
    for ending in (*_FILES[1:], "-journal"):
        journal = path.with_name(path.name + ending)
        if os.path.lexists(journal) and (journal.is_symlink() or not journal.is_file()):
            raise DamagedError(path, f"{journal.name} is {'a link' if journal.is_symlink() else 'not a file'}")


_HEADER_BYTES = 100
_HEADER = struct.Struct(">16s44xI4xI28x")
"""SQLite's file header: magic, user_version, application_id (sqlite.org/fileformat2.html, section 1.3)."""


def _check_header(path: Path) -> None:
    """Look at the first bytes, and touch nothing, before SQLite does."""
    if path.is_symlink() or not path.is_file():
        raise DamagedError(path, "it is a link" if path.is_symlink() else "it is not a file")
    # No connection of this process is open here, so closing the file drops no lock of SQLite's.
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        raise DamagedError(path, f"it is only {len(head)} bytes long")
    magic, version, application = _HEADER.unpack(head)
    if magic != b"SQLite format 3\0":
        raise DamagedError(path, "it is not a database")
    if application != APPLICATION_ID:
        raise NotOursError(
            f"{path} is a database of another program. Nothing was changed.", "Move it away, and try again."
        )
    if version > SCHEMA_VERSION:
        raise NotOursError(
            f"{path} is from a newer mousetrackd (schema {version}, this one reads {SCHEMA_VERSION}).",
            "Nothing was changed. Upgrade mousetrackd.",
        )


def crc_of(start_s: int, span_s: int, monitor: int, layer: str, total: int, counts: bytes) -> int:
    """The checksum of a row of ``chunk``: of all it says, but its number."""
    return zlib.crc32(counts, zlib.crc32(f"{start_s} {span_s} {monitor} {layer} {total}".encode()))


def _sum_crc(monitor: int, layer: str, summed: _Sum) -> int:
    facts = f"{monitor} {layer} {summed.first_s} {summed.last_s} {summed.left_out}"
    return zlib.crc32(summed.counts, zlib.crc32(facts.encode()))


def _duration(span_s: int) -> str:
    for unit, unit_s in (("year", 364 * 86400), ("month", 27 * 86400), ("day", 82800), ("hour", 3600)):
        if span_s >= unit_s:
            return unit
    return "checkpoint"


def _sentence(path: Path, error: sqlite3.Error | OSError | UnicodeDecodeError) -> StoreError:
    """Turn what SQLite or the system says into what a user can act on."""
    if isinstance(error, UnicodeDecodeError):  # SQLite quoted damaged bytes to Python
        return DamagedError(path, "it holds text that is none")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DamagedError(path, str(error))
        if code == sqlite3.SQLITE_TOOBIG:
            return DamagedError(path, f"it has a row of more than {schema.ROW_MAX_BYTES // 1024**2} MB")
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL):
            why, hint = _about_disk(path.parent)
            if why:
                return StoreError(f"cannot use {path}: {error}: {why}", hint)
        hint = _HINTS.get(code, "Check the disk and the folder's permissions.")
        return StoreError(f"cannot use {path}: {error}", hint)
    return StoreError(f"cannot use {path}: {error.strerror or error}", "Check the disk and its permissions.")


def _about_disk(folder: Path) -> tuple[str, str]:
    """What is wrong with the disk under a folder, which SQLite does not say, and what to do; empty where nothing is."""
    try:
        # A file without a name: what a disk says that has been made read-only by an error shows only where it is asked.
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        disk = os.statvfs(folder)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR):  # a disk without such files
            return "", ""
        hints = {
            errno.EROFS: "The kernel makes it so after an error of the disk: see dmesg, and check it.",
            errno.ENOSPC: "Free some space, or remove files where their number is limited.",
            errno.EDQUOT: "Free some space, or have your quota raised.",
        }
        why = (error.strerror or str(error)).lower()
        return why, hints.get(error.errno or 0, "Check the disk and the folder's permissions.")
    return ("the disk is full", "Free some space.") if disk.f_blocks and not disk.f_bavail else ("", "")


_HINTS: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "The disk is full: free some space.",
    sqlite3.SQLITE_BUSY: "Another mousetrackd command is writing: try again when it is done.",
    sqlite3.SQLITE_READONLY: "The file or its disk is read-only.",
}
