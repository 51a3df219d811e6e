"""What a store's file is made of, how an older one becomes that, and whether a file is made of exactly that.

A database may bring triggers, views and expressions that run when it is read. Ours has none but the triggers below,
so a file that differs is none of ours, whatever its header says, and nothing in it is run.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from typing import NamedTuple

from mousetrackd.storage.tiers import LONG_S

APPLICATION_ID = 0x4D54726B  # "MTrk"
ROW_MAX_BYTES = 256 * 1024**2
"""No row of ours is longer: the counts of the largest screen take a quarter of it."""


class Migration(NamedTuple):
    """The statements that make a store of ``version`` from one of the version before."""

    version: int
    statements: tuple[str, ...]


_VERSION_1 = (
    """CREATE TABLE monitor (
    id INTEGER PRIMARY KEY,
    output TEXT NOT NULL,
    width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL,
    edid_hash TEXT NOT NULL,
    width_mm INTEGER NOT NULL DEFAULT 0,
    height_mm INTEGER NOT NULL DEFAULT 0
) STRICT""",
    """CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    start_s INTEGER NOT NULL,
    span_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    total INTEGER NOT NULL,
    counts BLOB NOT NULL,
    crc INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX chunk_by_time ON chunk (start_s)",
    """CREATE TABLE path (
    start_s INTEGER NOT NULL,
    span_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    length_px INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX path_by_time ON path (start_s)",
    """CREATE TABLE placement (
    since_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    desktop_x INTEGER NOT NULL,
    desktop_y INTEGER NOT NULL
) STRICT""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    "PRAGMA user_version = 1",
)

_CHANGES = (("insert", "new"), ("delete", "old"), ("update", "old"), ("update", "new"))

_SUMS = (
    """CREATE TABLE sum (
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    first_s INTEGER NOT NULL,
    last_s INTEGER NOT NULL,
    left_out TEXT NOT NULL,
    counts BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (monitor, layer)
) STRICT""",
    *(
        f"""CREATE TRIGGER no_sum_after_{event}_of_{row} AFTER {event} ON chunk WHEN {row}.span_s >= {LONG_S} BEGIN
    DELETE FROM sum WHERE monitor = {row}.monitor AND layer = {row}.layer;
END"""  # noqa: S608 - our names
        for event, row in _CHANGES
    ),
)

_HOURS = (
    # An older daemon that is still running names the column "crc", so what it would insert is refused.
    "ALTER TABLE chunk RENAME COLUMN crc TO checksum",
    "ALTER TABLE chunk ADD COLUMN application TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE chunk ADD COLUMN grid INTEGER NOT NULL DEFAULT 0",
    # Totals apart from cells: a question reads thousands of the first and few of the second.
    """CREATE TABLE hour (
    id INTEGER PRIMARY KEY,
    chunk INTEGER NOT NULL REFERENCES chunk,
    start_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    application TEXT NOT NULL,
    grid INTEGER NOT NULL,
    total INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX hour_by_chunk ON hour (chunk)",
    """CREATE TABLE cells (
    hour INTEGER PRIMARY KEY REFERENCES hour,
    cell_px INTEGER NOT NULL,
    counts BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE unit (
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (monitor, layer)
) STRICT""",
    """CREATE TABLE identity (
    id TEXT PRIMARY KEY,
    is_own INTEGER NOT NULL
) STRICT""",
    "INSERT INTO identity VALUES (lower(hex(randomblob(16))), 1)",
    *(f"DROP TRIGGER no_sum_after_{event}_of_{row}" for event, row in _CHANGES),
    *(
        f"""CREATE TRIGGER no_sum_after_{event}_of_{row} AFTER {event} ON chunk
WHEN {row}.span_s >= {LONG_S} AND {row}.application = '' AND {row}.grid = 0 BEGIN
    DELETE FROM sum WHERE monitor = {row}.monitor AND layer = {row}.layer;
END"""  # noqa: S608 - our names
        for event, row in _CHANGES
    ),
)

MIGRATIONS = (Migration(2, _SUMS), Migration(3, _HOURS))
"""From version 1 on, in order. A new version is one more row; what is here is never changed."""
SCHEMA_VERSION = MIGRATIONS[-1].version
SUMS_SINCE = 2
"""The first version with the table ``sum``."""
HOURS_SINCE = 3
"""The first version with the tables ``hour``, ``cells``, ``unit`` and ``identity``."""

AS_NEW = (
    """CREATE TEMP VIEW chunk AS SELECT id, start_s, span_s, monitor, layer, total, counts, crc AS checksum,
'' AS application, 0 AS grid, id AS rowid FROM main.chunk""",
    """CREATE TEMP VIEW hour AS SELECT 0 AS id, 0 AS chunk, 0 AS start_s, 0 AS monitor, '' AS layer, '' AS application,
0 AS grid, 0 AS total, 0 AS rowid WHERE 0""",
    "CREATE TEMP VIEW cells AS SELECT 0 AS hour, 0 AS cell_px, x'' AS counts, 0 AS checksum, 0 AS rowid WHERE 0",
    "CREATE TEMP VIEW unit AS SELECT 0 AS monitor, '' AS layer, '' AS unit, 0 AS rowid WHERE 0",
    "CREATE TEMP VIEW identity AS SELECT '' AS id, 0 AS is_own, 0 AS rowid WHERE 0",
)
"""What makes an older store look like one of ours to who only reads it. Nothing is written into its file."""

MARKS = "CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT"
"""The marks of batches that are stored (see ``unsaved``): the daemon's last, and those out of side files.

Made where it is needed; a mousetrackd that does not know it leaves it alone."""


def create(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Make the tables of a store in an empty database, within the transaction that is open."""
    for statement in _VERSION_1:
        connection.execute(statement)
    migrate(connection, 1, version)


def migrate(connection: sqlite3.Connection, old: int, version: int = SCHEMA_VERSION) -> None:
    """Make a store of ``version`` from one of the version ``old``, within the transaction that is open."""
    for migration in MIGRATIONS:
        if old < migration.version <= version:
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {migration.version}")


def harden(connection: sqlite3.Connection) -> None:
    """Let a file run nothing and claim no more memory than a row of ours takes. Before anything is read."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_MAX_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")


def is_newest(connection: sqlite3.Connection) -> bool:
    """Is it of our version? Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0]) == SCHEMA_VERSION


def foreign(connection: sqlite3.Connection) -> str:
    """What the database has and ours has not, or the other way round; empty where it is one of ours.

    Raises sqlite3.Error where it cannot be read.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in range(1, SCHEMA_VERSION + 1):
        return f"there is no schema {version}"
    here, expected = _objects(connection), _ours(version)
    for objects, wrong in (
        (here - expected - _sometimes(), "is not as mousetrackd makes it"),
        (expected - here, "is missing"),
    ):
        if objects:
            kind, name, *_ = min(objects)
            return f"its {kind} {name[:60]!r} {wrong}"
    return ""


def statements() -> dict[tuple[str, str], str]:
    """The statement that makes each part of a store, by type and name."""
    return {(kind, name): statement for kind, name, _, statement in _ours(SCHEMA_VERSION) | _sometimes()}


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str, str]]:
    """Type, name, table and statement of all that is in a database, but what SQLite keeps for itself."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    return {
        (str(kind), str(name), str(table), " ".join(str(sql).split()))
        for kind, name, table, sql in rows
        if not (kind == "index" and sql is None) and not (kind == "table" and name in _OF_SQLITE)
    }


_OF_SQLITE = ("sqlite_stat1", "sqlite_stat4")
"""What ANALYZE leaves behind."""


@functools.cache
def _sometimes() -> frozenset[tuple[str, str, str, str]]:
    """What a store may have and need not."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(MARKS)
        return frozenset(_objects(connection))


@functools.cache
def _ours(version: int) -> frozenset[tuple[str, str, str, str]]:
    """Type, name, table and statement of all that a store of a version is made of."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        create(connection, version)
        return frozenset(_objects(connection))
