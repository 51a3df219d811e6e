"""The locks that make a daemon the only one of its user, and who holds them.

A pid is believed only while the lock that names it is held and that process has the lock open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mousetrackd.core.errors import ExitCode, MousetrackError, RefusedError
from mousetrackd.system.files import NO_LOCKS_HINT, check_private, is_locked, make_private, open_lock, read_own

if TYPE_CHECKING:
    from mousetrackd.system.paths import Paths

LOCK_PATIENCE_S = 0.2
"""A command that checks whether a daemon runs holds a shared lock for a moment; a daemon holds it for life."""
POLL_S = 0.01

_NOTHING = -1
"""Instead of a descriptor, where none is open."""


class AlreadyRunningError(MousetrackError):
    """Another daemon holds the lock. which: what that one does, where this is known."""

    exit_code = ExitCode.DONE

    def __init__(self, pid: int | None, which: str = "") -> None:
        super().__init__(f"mousetrackd already runs{f' (pid {pid})' if pid else ''}.", which)
        self.pid = pid


class Lock:
    """An exclusive lock on a file and on the folder it is in. Held until ``release`` or death.

    The file's text is the holder's pid, and on the second line where it writes its status: another login of the
    same user finds the daemon by the lock in the data folder, and has a runtime folder of its own. The folder is
    locked too so that nobody gets in by deleting the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = _NOTHING
        self._file = _NOTHING

    def acquire(self, *, status: Path) -> Self:
        """Take the lock, or take again what was taken away of it.

        Raises AlreadyRunningError when someone else has it, RefusedError when it cannot be.
        """
        if self.is_held():
            return self
        self._folder = self._taken(self._folder, self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        self._file = self._taken(self._file, self._path, os.O_RDWR | os.O_CREAT)
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, os.fsencode(f"{os.getpid()}\n{status}\n"), 0)
        except OSError as error:
            self.release()  # a lock that does not say whose it is would be in the way of every command
            raise RefusedError(f"cannot write the lock {self._path}: {error.strerror}", "Check the disk.") from error
        return self

    def is_held(self) -> bool:
        """Whether the file and the folder that we hold are still the ones that others find under these names."""
        return _is_same(self._file, self._path) and _is_same(self._folder, self._path.parent)

    def release(self) -> None:
        """Let others take it. The file stays: whoever checks it finds it free. Idempotent."""
        for descriptor in (self._file, self._folder):
            if descriptor != _NOTHING:
                os.close(descriptor)
        self._folder = self._file = _NOTHING

    def _taken(self, held: int, path: Path, flags: int) -> int:
        """A descriptor that holds ``path``: the one already ``held`` if that does."""
        give_up_s = time.monotonic() + LOCK_PATIENCE_S
        while not _is_same(held, path):  # also where it was deleted between opening and locking
            try:
                descriptor = open_lock(path, flags)
            except OSError as error:
                raise RefusedError(
                    f"cannot open the lock {path}: {error.strerror}", "Remove what is there, and try again."
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() > give_up_s:
                    raise AlreadyRunningError(holder(self._path)) from None
                time.sleep(POLL_S)
                continue
            except OSError as error:
                if not flags & os.O_DIRECTORY:  # NFS locks no folders: there the file alone has to do
                    os.close(descriptor)
                    raise RefusedError(f"cannot lock {path}: {error.strerror}", NO_LOCKS_HINT) from error
            if held != _NOTHING:
                os.close(held)
            held = descriptor
        return held


class InstanceLock:
    """All locks of a daemon: this login's, and that of the data. is_ours: it was acquired, and not given up since."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._locks: list[Lock] = []
        self.is_ours = False

    def acquire(self) -> None:
        """Make the folders, and lock. Raises AlreadyRunningError, RefusedError."""
        for folder in (self._paths.runtime_dir, self._paths.data_dir):
            make_private(folder)
        for path in (self._paths.runtime_lock, self._paths.data_lock):
            self._locks.append(Lock(path))  # first: what is acquired of one that fails is released as well
            self._locks[-1].acquire(status=self._paths.status)
        self.is_ours = True

    def retake(self) -> None:
        """Take again what was deleted of it. Raises as ``acquire``."""
        make_private(self._paths.runtime_dir)  # which goes with the end of another login
        check_private(self._paths.data_dir)
        self._retake()

    def make_runtime_folder(self) -> None:
        """Make the runtime folder again, locked, where it is gone. Raises as ``acquire``."""
        if not self._paths.runtime_dir.is_dir():
            make_private(self._paths.runtime_dir)
            self._retake()

    def release(self) -> None:
        """Let others acquire it. Idempotent."""
        while self._locks:
            self._locks.pop().release()

    def _retake(self) -> None:
        for lock in self._locks:
            lock.acquire(status=self._paths.status)


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether what is open is what others find under this name."""
    try:
        return descriptor != _NOTHING and os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def holder(lock: Path) -> int | None:
    """The pid of the process that holds the lock file, or None."""
    return _pid_in(lock) if is_locked(lock, os.O_RDONLY) else None


def status_of_holder(lock: Path) -> Path | None:
    """Where the holder of the lock file writes its status; None where the file does not say."""
    _, _, status = _text_of(lock).partition("\n")
    return Path(status.strip()) if status.strip() else None


def is_folder_locked(folder: Path) -> bool:
    """Whether a daemon holds the lock on this folder, even if its lock file was deleted."""
    return is_locked(folder, os.O_RDONLY | os.O_DIRECTORY)


def has_open(pid: int, path: Path) -> bool | None:
    """Whether this process has the file open. None where that is hidden, as in the unit's sandbox."""
    try:
        sought = path.stat()
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.path.samestat(sought, file.stat()):
                    return True
    except OSError:
        return None
    return False


def _pid_in(lock: Path) -> int | None:
    text, _, _ = _text_of(lock).partition("\n")
    return int(text) if text.isdecimal() and text.isascii() and 0 < int(text) < 1 << 31 else None


def _text_of(lock: Path) -> str:
    try:
        return read_own(lock).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
