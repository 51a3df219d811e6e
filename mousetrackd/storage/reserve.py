"""A little space in the data folder that is kept for the last save: the only place left at logout on a full disk.

The unit lets the daemon write to no other folder of the home, and the runtime folder is removed at logout.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Final

from mousetrackd.system.files import open_own, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

SIZE_BYTES: Final = 2 << 20
"""Some minutes of counts, in the store's journal and then again in a side file: measured, a commit of 1.5 MB fits."""

PLENTY_BYTES: Final = 50 << 20
"""What must be free before a part of it is set apart."""

_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_STORE_FULL: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""SQLite has no code of its own for a quota, nor for a full disk where it makes a file or maps one into memory."""

_BLOCK_BYTES: Final = 512
"""The unit of ``st_blocks``, on every file system."""


def make(path: Path, *, plenty_bytes: int = PLENTY_BYTES) -> None:
    """Set the space apart, unless it is already, or less than ``plenty_bytes`` is free. Never raises.

    Without it everything works as well, but for a last save on a full disk.
    """
    with contextlib.suppress(OSError):
        if _is_whole(path):
            return
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize < plenty_bytes:
            return
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            os.posix_fallocate(descriptor, 0, SIZE_BYTES)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)


def give_up(path: Path, error: BaseException) -> bool:
    """Free the space, where ``error`` may be for lack of it. Returns whether there was any: a new try is worth it."""
    if not _may_lack_space(error):
        return False
    try:
        path.unlink()
    except OSError:
        return False
    with contextlib.suppress(OSError):
        sync_folder(path.parent)  # some file systems use freed blocks again only after that
    return True


def _may_lack_space(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is one of a full disk or quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _STORE_FULL:
            return True
        error = error.__cause__
    return False


def _is_whole(path: Path) -> bool:
    """Whether all of its blocks are there: a file of that length may have holes."""
    try:
        return path.lstat().st_blocks * _BLOCK_BYTES >= SIZE_BYTES
    except FileNotFoundError:
        return False
