"""Bringing a store of an older version up to date, and the copy that is kept of it as it was."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from mousetrackd.core.errors import StoreError
from mousetrackd.storage import schema
from mousetrackd.storage.connection import BUSY_TIMEOUT_S, connect
from mousetrackd.storage.database_files import fresh_file, remove_fresh
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.system.files import is_locked, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from mousetrackd.storage.connection import Connection

BACKUP_KEPT_S = 30 * 86400
"""How long the copy is kept; less where counts of that age are pruned."""
_COPY_TIMEOUT_S = 60.0
"""How long another process may take for the copy of a large store."""


class InUseError(StoreError):
    """The store is of an older version, and a daemon of that version may still be writing into it."""


def migrate(connection: Connection, *, holds_lock: bool = False) -> None:
    """Bring an older schema up to ours, after a copy of the file. Ours is left alone.

    holds_lock: the caller is the daemon whose store it is. Raises InUseError where another is, StoreError where there
    is no space for the copy, DamagedError for a schema that never was, sqlite3.Error and OSError.
    """
    version = connection.version()
    if version == SCHEMA_VERSION:
        return
    if version not in range(1, SCHEMA_VERSION):
        raise DamagedError(connection.path, f"there is no schema {version}")
    folder = connection.path.parent
    if not holds_lock and (is_locked(folder, os.O_RDONLY | os.O_DIRECTORY) or is_locked(folder / "lock", os.O_RDONLY)):
        raise InUseError(
            f"{connection.path} is of an older version, and the mousetrackd that runs may be too",
            "Restart it, and it brings the file up to date: mousetrackd stop, then mousetrackd run",
        )
    connection.execute(f"PRAGMA busy_timeout = {1000 * _COPY_TIMEOUT_S:.0f}")  # another process may be copying it
    try:
        # What writes into a store holds its lock: nobody changes it while it is copied, and no two copy at a time.
        with connection.transaction(any_version=True):
            version = connection.version()
            if version != SCHEMA_VERSION:  # else another process has been quicker, and has made the copy
                _need_space_for_a_copy(connection)
                _back_up(connection.path, backup_of(connection.path, version))
                schema.migrate(connection.sql, version)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT_S:.0f}")


def backup_of(path: Path, version: int) -> Path:
    """Where the store as it was is kept for a while when its schema is changed."""
    return path.with_name(f"{path.stem}.schema-{version}{path.suffix}")


def drop_backups(path: Path, made_before_s: float) -> None:
    """Remove the copies that were made before ``made_before_s`` (UTC seconds)."""
    for version in range(1, SCHEMA_VERSION):
        backup = backup_of(path, version)
        with contextlib.suppress(OSError):  # not there, or not ours to remove
            if backup.stat().st_mtime < made_before_s:
                backup.unlink()


def _need_space_for_a_copy(connection: Connection) -> None:
    """Raises StoreError where a copy would only fill the disk, again at each try."""
    pages, page_bytes = (int(connection.execute(f"PRAGMA page_{what}").fetchone()[0]) for what in ("count", "size"))
    disk = os.statvfs(connection.path.parent)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < pages * page_bytes:  # some network disks report nothing
        raise StoreError(
            f"{connection.path} is of an older version, and there is no space for the copy that is kept of it",
            f"It takes {pages * page_bytes / 1e6:.1f} MB: free some space.",
        )


def _back_up(path: Path, backup: Path) -> None:
    """Copy a store as it was last committed, whole before it has its name."""
    fresh = fresh_file(backup)
    try:
        # A connection of its own: SQLite refuses to copy from one that is in a transaction.
        with contextlib.closing(sqlite3.connect(fresh)) as copy, contextlib.closing(connect(path, "ro")) as original:
            original.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever comes
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(backup)
    except BaseException:
        remove_fresh(fresh)  # half of it would only take the space that the next try needs
        raise
    sync_folder(backup.parent)
