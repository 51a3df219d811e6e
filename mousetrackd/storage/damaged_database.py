"""A damaged database, read as far as SQLite can, from a copy.

It is read a row at a time and never trusted: nothing that somebody else wrote into its schema is run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from mousetrackd.storage import schema
from mousetrackd.storage.chunks import COLUMNS
from mousetrackd.storage.database_files import create

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = tuple[Any, ...]

_PAGE_BYTES = 4096
_PROBES = 10_000
"""So many rows are looked for one by one behind and before what cannot be read: a second at most."""

_COLUMNS = {
    "monitor": "rowid, output, width_px, height_px, edid_hash, width_mm, height_mm",
    "chunk": COLUMNS,
    "path": "rowid, start_s, span_s, monitor, length_px",
    "placement": "rowid, since_s, monitor, desktop_x, desktop_y",
}
_SINCE_3 = {
    "hour": "rowid, chunk, start_s, monitor, layer, application, grid, total",
    "cells": "rowid, cell_px, counts, checksum",
    "unit": "rowid, monitor, layer, unit",
    "identity": "rowid, id, is_own",
}
"""What a store of an older version has not."""

_READ = {"chunk_by_time": "chunk", "saved": "saved", **{table: table for table in (*_COLUMNS, *_SINCE_3)}}
"""What is read of a damaged database, and of which table it is."""

_UNCOUNTED = bytes(4)
"""Instead of how many pages there are: SQLite then asks the file and the journal."""
_LAST_ROW = (1 << 63) - 1


class DamagedDatabase:
    """A damaged database, as far as it can be read. is_broken: the last table read was not whole."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self.is_broken = False

    def rows(self, table: str) -> Iterator[Row]:
        """Rows with their number first: from the front, from the back, and one by one in between."""
        select = f"SELECT {(_COLUMNS | _SINCE_3)[table]} FROM {table} NOT INDEXED"  # noqa: S608 - names of ours
        first, last = 0, _LAST_ROW
        self.is_broken = False
        for row in self._until_broken(f"{select} ORDER BY rowid"):
            first = max(first, row[0])
            yield row
        if not self.is_broken:
            return
        for row in self._until_broken(f"{select} WHERE rowid > ? ORDER BY rowid DESC", first):
            last = min(last, row[0])
            yield row
        if (first, last) == (0, _LAST_ROW):
            return  # where the table begins is lost, and with it the way to every row
        near = first + 1 + _PROBES
        for number in itertools.chain(range(first + 1, min(near, last)), range(max(near, last - _PROBES), last)):
            yield from self._until_broken(f"{select} WHERE rowid = ?", number)

    def numbers_of_chunks(self) -> set[int] | None:
        """Of all that there were, by their index; None when it cannot be read either."""
        self.is_broken = False
        numbers = {
            row for (row,) in self._until_broken("SELECT id FROM chunk INDEXED BY chunk_by_time ORDER BY start_s")
        }
        return None if self.is_broken or not numbers else numbers

    def marks(self) -> list[Any]:
        """The marks of batches, as far as they can be read; most stores have none."""
        return [mark for (mark,) in self._until_broken("SELECT mark FROM saved ORDER BY id")]

    def _until_broken(self, query: str, *values: int) -> Iterator[Row]:
        try:
            yield from self._sql.execute(query, values)
        except sqlite3.DatabaseError:
            self.is_broken = True


def open_copy(damaged: Path, folder: Path) -> sqlite3.Connection:
    """Open a copy of a damaged store, its journal with it: SQLite must not repair the only one."""
    copy = folder / "copy.sqlite3"
    for ending in ("", "-wal"):
        copy.with_name(copy.name + ending).unlink(missing_ok=True)
        if damaged.with_name(damaged.name + ending).is_file():
            _copy_readable(damaged.with_name(damaged.name + ending), copy.with_name(copy.name + ending))
    scratch = folder / "scratch.sqlite3"
    with contextlib.closing(scratch_store(scratch)):
        whole = scratch.read_bytes()[:_PAGE_BYTES]
    # The first page says what the file is and where its tables begin, the same in every store. Of its header, what
    # never changes is put right at once (fileformat2.html, 1.3), and all of the page where that is not enough.
    with copy.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.write(whole[size:])  # SQLite throws away the journal of a store of no page
        for offset, right in ((0, whole[:24]), (28, _UNCOUNTED), (44, whole[44:48]), (52, whole[52:60])):
            file.seek(offset)
            file.write(right)
    connection = _connect(copy)
    if connection is None:
        with copy.open("r+b") as file:
            file.write(whole[:28] + _UNCOUNTED + whole[32:])
        connection = _connect(copy) or sqlite3.connect(":memory:", isolation_level=None)
    return connection


def _connect(copy: Path) -> sqlite3.Connection | None:
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        schema.harden(connection)
        connection.execute("PRAGMA writable_schema = ON")  # which makes SQLite read what it else would refuse
        # An older one too: its rows are those of ours but for columns at their end, which SQLite then adds itself.
        if schema.foreign(connection) or not schema.is_newest(connection):
            connection = _with_our_schema(copy, connection)
        for table, columns in _COLUMNS.items():
            connection.execute(f"SELECT {columns} FROM {table} WHERE rowid = 0").fetchone()  # noqa: S608 - names of ours
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT and _has_tables(connection):
            return connection  # a table's first page is lost, the others may not be
        connection.close()
        return None
    return connection


def _with_our_schema(copy: Path, connection: sqlite3.Connection) -> sqlite3.Connection:
    """Take from the copy every view, trigger and expression that is not ours, and read its tables as ours.

    What somebody else wrote into a schema would run when its rows are read. Raises sqlite3.DatabaseError.
    """
    try:
        here = connection.execute("SELECT rowid, type, name, rootpage FROM sqlite_schema").fetchall()
        ours = schema.statements()
        for row, kind, name, root_page in here:
            if name in _READ and (kind, name) in ours and type(root_page) is int and root_page > 1:
                values = (_READ[name], ours[kind, name], row)
                connection.execute("UPDATE sqlite_schema SET tbl_name = ?, sql = ? WHERE rowid = ?", values)
            else:
                connection.execute("DELETE FROM sqlite_schema WHERE rowid = ?", (row,))
    finally:
        connection.close()
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    schema.harden(connection)
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    try:
        found = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]
    except sqlite3.DatabaseError:
        return False
    return int(found) >= 4


def scratch_store(scratch: Path) -> sqlite3.Connection:
    """An empty store that nobody keeps."""
    for ending in ("", "-wal", "-shm"):
        scratch.with_name(scratch.name + ending).unlink(missing_ok=True)
    create(scratch)
    return sqlite3.connect(scratch, isolation_level=None)


def _copy_readable(source: Path, target: Path) -> None:
    """Copy a file; a page that the disk cannot read any more becomes zeros."""
    with source.open("rb", buffering=0) as old, target.open("wb") as new:
        for offset in range(0, source.stat().st_size, _PAGE_BYTES):
            try:
                new.write(os.pread(old.fileno(), _PAGE_BYTES, offset))
            except OSError:
                new.write(bytes(_PAGE_BYTES))
