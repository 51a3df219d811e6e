"""A store as older versions made it, out of one of today."""

import contextlib
import sqlite3
from pathlib import Path

from mousetrackd.storage import schema

_CHUNK = "id, start_s, span_s, monitor, layer, total, counts, checksum"


def make_older(newer: Path, older: Path, version: int) -> None:
    """Write what ``newer`` holds into a store of the schema 1 or 2, as far as that has a place for it."""
    older.touch(0o600)
    with contextlib.closing(sqlite3.connect(older)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        schema.create(connection, version)
        connection.execute("ATTACH ? AS newer", (str(newer),))
        for table in ("monitor", "chunk", "path", "placement", *(["sum"] if version > 1 else [])):
            columns = _CHUNK if table == "chunk" else "*"
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM newer.{table}")  # noqa: S608 - our names
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
