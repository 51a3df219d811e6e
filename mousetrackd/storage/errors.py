"""What is wrong with a store, and SQLite's and the system's errors as sentences that a user can act on."""

from __future__ import annotations

import errno
import os
import sqlite3
from typing import TYPE_CHECKING

from mousetrackd.core.errors import ExitCode, StoreError
from mousetrackd.storage.schema import ROW_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class NotOursError(StoreError):
    """A store of a newer mousetrackd, or another program's database. It must not be changed."""

    exit_code = ExitCode.REFUSED


class DamagedError(StoreError):
    """There is a file, and it is not a whole store."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged: {why}",
            "The daemon sets it aside and counts on in a new one; nothing is deleted.",
        )


def as_store_error(path: Path, error: sqlite3.Error | OSError | UnicodeDecodeError) -> StoreError:
    """What SQLite or the system reported about a store, as a sentence with a next step."""
    if isinstance(error, UnicodeDecodeError):  # SQLite quoted damaged bytes to Python
        return DamagedError(path, "it contains invalid UTF-8")
    if isinstance(error, sqlite3.Error):
        code = primary_code(error)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DamagedError(path, str(error))
        if code == sqlite3.SQLITE_TOOBIG:
            return DamagedError(path, f"it has a row of more than {ROW_MAX_BYTES // 1024**2} MB")
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL):
            why, hint = _disk_problem(path.parent)
            if why:
                return StoreError(f"cannot use {path}: {error}: {why}", hint)
        hint = _HINTS.get(code, "Check the disk and the folder's permissions.")
        return StoreError(f"cannot use {path}: {error}", hint)
    return StoreError(f"cannot use {path}: {error.strerror or error}", "Check the disk and its permissions.")


def primary_code(error: BaseException | None) -> int:
    """SQLite's result code without its extension (sqlite.org/rescode.html); 0 for any other error."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _disk_problem(folder: Path) -> tuple[str, str]:
    """What SQLite does not report: what is wrong with the disk of a folder, and what to do. Empty where nothing is."""
    try:
        # A file without a name: that an error has made a disk read-only shows only when something is written.
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        disk = os.statvfs(folder)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR):  # a file system without such files
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
