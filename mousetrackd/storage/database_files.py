"""The files of a store: whether they can be trusted, how a new one is made, and how a damaged one is set aside."""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mousetrackd.core.errors import RefusedError
from mousetrackd.storage import schema
from mousetrackd.storage.connection import connect
from mousetrackd.storage.errors import DamagedError, NotOursError, as_store_error
from mousetrackd.storage.schema import APPLICATION_ID, SCHEMA_VERSION
from mousetrackd.system.files import check_own_file, check_private, sync_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

ENDINGS = ("", "-wal", "-shm")
"""A store's file, its journal, and the index of the journal."""


class OpenFiles:
    """Which files are open under a store's names, so that it is noticed when one is taken away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = {ending: found for ending in ENDINGS if (found := self._stat(ending)) is not None}

    def note_journal(self) -> None:
        """The journal and its index are there now, on disks that allow them."""
        for ending in ENDINGS[1:]:
            found = self._stat(ending)
            if found is not None:
                self._known[ending] = found

    def missing(self) -> list[str]:
        """The endings of the files that are open and no longer there under their names."""
        return [
            ending
            for ending, known in self._known.items()
            if (found := self._stat(ending)) is None or not os.path.samestat(found, known)
        ]

    def _stat(self, ending: str) -> os.stat_result | None:
        try:
            return beside(self._path, ending).stat()
        except OSError:
            return None


def beside(path: Path, ending: str) -> Path:
    """One of a store's files."""
    return path.with_name(path.name + ending)


# Trusting what is there ---------------------------------------------------------------------------


def check_place(path: Path) -> None:
    """See that the folder, the store and its journal are the user's own and private; before every opening.

    Raises NotOursError where they are not, DamagedError for a journal that is not a file.
    """
    try:
        check_private(path.parent)
        for ending in (*ENDINGS, "-journal"):
            check_own_file(beside(path, ending))
    except RefusedError as error:
        raise NotOursError(error.message, error.hint) from error
    for ending in (*ENDINGS[1:], "-journal"):
        journal = beside(path, ending)
        if os.path.lexists(journal) and (journal.is_symlink() or not journal.is_file()):
            raise DamagedError(path, f"{journal.name} is {'a link' if journal.is_symlink() else 'not a file'}")


_HEADER_BYTES = 100
_HEADER = struct.Struct(">16s44xI4xI28x")
"""SQLite's file header: magic, user_version, application_id (sqlite.org/fileformat2.html, section 1.3)."""


def check_header(path: Path) -> None:
    """Look at the first bytes, and touch nothing, before SQLite does. Raises DamagedError, NotOursError and OSError."""
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


# Making a new one ---------------------------------------------------------------------------------


def create(path: Path, fill: Callable[[sqlite3.Connection], None] | None = None) -> None:
    """Make a store whole, with what ``fill`` puts into it, before it has its name: a crash leaves no half of one.

    Raises sqlite3.Error and OSError.
    """
    journal = beside(path, "-wal")
    if journal.exists():  # of a store that is gone: SQLite would play it into the new one
        set_aside(path, datetime.fromtimestamp(journal.stat().st_mtime, UTC))
    fresh = fresh_file(path)
    connection = connect(fresh, "rw")
    try:
        connection.execute("BEGIN")
        schema.create(connection)
        connection.execute("COMMIT")
        if fill is not None:
            fill(connection)
        # Closing would write the journal back as well, and not report when the disk refused.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)


def fresh_file(path: Path) -> Path:
    """An empty private file to become ``path``; what an earlier try left there is removed. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    remove_fresh(fresh)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    return fresh


def remove_fresh(fresh: Path) -> None:
    """Remove what ``fresh_file`` made, and what SQLite put beside it. Raises OSError."""
    for ending in (*ENDINGS, "-journal"):
        beside(fresh, ending).unlink(missing_ok=True)


# Setting a damaged one aside ----------------------------------------------------------------------


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged store, its journal with it, to a name with the time. Never overwrites.

    Returns the new name. Raises StoreError when it cannot be renamed.
    """
    aside = name_aside(path, now)
    move_aside(path, aside)
    return aside


def name_aside(path: Path, now: datetime) -> Path:
    """A name with the time, that no file has yet."""
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
            if os.path.lexists(beside(path, ending)):
                beside(path, ending).rename(beside(aside, ending))
        sync_folder(path.parent)
    except OSError as error:
        raise as_store_error(path, error) from error


def rescue_note(path: Path) -> Path:
    """The file that holds the name a damaged store gets. While it is there, only the rescue may write."""
    return path.with_name(f".{path.name}.rescue") / "aside"
