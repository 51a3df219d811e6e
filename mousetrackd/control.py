"""The two ends of one daemon: the locks that make it the only one, and how commands find and steer it.

A pid is believed only while the lock it stands in is held, and signals go through a pidfd, so a recycled pid
is never hit. What the user wants (tracking or pause) is a file; a signal only says "look".
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mousetrackd.errors import ExitCode, MousetrackError, NotRunningError, RefusedError
from mousetrackd.paths import make_private, read_own, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.paths import Paths

ANSWER_TIMEOUT_S = 20.0
"""How long a command waits for the daemon to do as it was told. It may be in the middle of a checkpoint."""

_POLL_S = 0.01
_LOCK_PATIENCE_S = 0.2
"""Another command that looks whether we run holds a shared lock for a moment; a daemon holds it for life."""


class AlreadyRunningError(MousetrackError):
    """Another daemon holds the lock."""

    exit_code = ExitCode.DONE

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"mousetrackd already runs{f' (pid {pid})' if pid else ''}.")
        self.pid = pid


class Lock:
    """An exclusive lock on a file. Held until ``release`` or death.

    Its text is the holder's pid, and on the second line where it writes its status: another login of the same
    user finds the daemon by the lock in the data folder, and has a runtime folder of its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, *, status: Path) -> Self:
        """Take the lock. Raises AlreadyRunningError when someone else has it, RefusedError when it cannot be."""
        give_up_s = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() > give_up_s:
                    raise AlreadyRunningError(_pid_in(self._path)) from None
                time.sleep(_POLL_S)
                continue
            self._descriptor = descriptor
            if self.is_held():  # and not a file that was deleted between opening and locking
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, os.fsencode(f"{os.getpid()}\n{status}\n"), 0)
                return self
            os.close(descriptor)

    def is_held(self) -> bool:
        """Is the file we hold still the one that others find under its name?"""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self._path))
        except OSError:
            return False

    def release(self) -> None:
        """Let others have it. The file stays: deleting it would let two in at once. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RefusedError(
                f"cannot open the lock {self._path}: {error.strerror}", "Remove what is there, and try again."
            ) from error


@dataclass(frozen=True)
class RunningDaemon:
    """A daemon that held its lock a moment ago, and the file in which it says how it is."""

    pid: int
    lock: Path
    status: Path

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still the one that holds the lock. Raises NotRunningError."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            raise _not_running() from error
        try:
            # With the pidfd in hand the pid can no longer be recycled: if the lock is still held by that pid
            # now, the pidfd is the daemon's.
            if _holder(self.lock) != self.pid:
                raise _not_running()
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError as error:
            raise _not_running() from error
        finally:
            os.close(pidfd)

    def is_alive(self) -> bool:
        """Does it still hold its lock?"""
        return _holder(self.lock) == self.pid


def find_running(paths: Paths) -> RunningDaemon | None:
    """The user's daemon: this login's, or another login's that counts into the same data."""
    for lock in (paths.runtime_lock, paths.data_lock):
        pid = _holder(lock)
        if pid is not None:
            _, _, status = _text_of(lock).partition("\n")
            return RunningDaemon(pid, lock, Path(status.strip() or paths.status))
    return None


def require_running(paths: Paths) -> RunningDaemon:
    """As ``find_running``. Raises NotRunningError when there is none."""
    daemon = find_running(paths)
    if daemon is None:
        raise _not_running()
    return daemon


def _not_running() -> NotRunningError:
    return NotRunningError("mousetrackd is not running.", "Start it with: mousetrackd run")


def _holder(lock: Path) -> int | None:
    """The pid of whoever holds ``lock``, or None."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return _pid_in(lock) if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    else:
        return None
    finally:
        os.close(descriptor)


def _pid_in(lock: Path) -> int | None:
    text, _, _ = _text_of(lock).partition("\n")
    return int(text) if text.isdecimal() and text.isascii() and 0 < int(text) < 1 << 31 else None


def _text_of(lock: Path) -> str:
    try:
        return lock.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


# What the user wants ------------------------------------------------------------------------------------


def wants_pause(paths: Paths) -> bool:
    """Is pause wanted? A file that cannot be read, or says anything else, means pause."""
    try:
        return read_own(paths.wanted).strip() != b"tracking"
    except FileNotFoundError:
        return False
    except OSError:
        return True


def set_wanted(paths: Paths, *, pause: bool) -> None:
    """Write down what is wanted; on disk when this returns. Raises RefusedError."""
    make_private(paths.data_dir)
    try:
        write_whole(paths.wanted, b"paused\n" if pause else b"tracking\n")
    except OSError as error:
        raise RefusedError(
            f"cannot write {paths.wanted}: {error.strerror}",
            "Nothing was changed. Check the disk; to be sure that nothing is tracked: mousetrackd stop",
        ) from error


# What the daemon says -----------------------------------------------------------------------------------


def read_status(paths: Paths) -> dict[str, Any]:
    """What the daemon last said about itself; ``state`` is "stopped" when it does not run any more."""
    running = find_running(paths)
    try:
        said = json.loads((running.status if running else paths.status).read_bytes())
    except (OSError, ValueError):
        said = {}
    if not isinstance(said, dict):
        said = {}
    if running is None:
        return {**said, "state": "stopped", "pid": None}
    if said.get("pid") != running.pid:
        return {"state": "starting", "pid": running.pid, "problems": []}
    return said


def wait_for_status(
    paths: Paths, daemon: RunningDaemon, done: Callable[[dict[str, Any]], bool], doing: str
) -> dict[str, Any]:
    """Wait until the daemon's status says that it is ``done``. Raises MousetrackError when it never does."""
    give_up_s = time.monotonic() + ANSWER_TIMEOUT_S
    while time.monotonic() < give_up_s:
        status = read_status(paths)
        if done(status):
            return status
        if not daemon.is_alive():
            raise NotRunningError(
                f"mousetrackd ended before it could {doing}.",
                "Its log says why: journalctl --user -u mousetrackd",
            )
        time.sleep(_POLL_S)
    raise MousetrackError(
        f"mousetrackd (pid {daemon.pid}) did not {doing} within {ANSWER_TIMEOUT_S:.0f} s.",
        "See: mousetrackd status",
    )


def wait_for_end(daemon: RunningDaemon) -> None:
    """Wait until the daemon has ended. Raises MousetrackError when it does not."""
    give_up_s = time.monotonic() + ANSWER_TIMEOUT_S
    while daemon.is_alive():
        if time.monotonic() > give_up_s:
            raise MousetrackError(
                f"mousetrackd (pid {daemon.pid}) did not end within {ANSWER_TIMEOUT_S:.0f} s.",
                f"It is probably writing its last picture; to skip that: kill {daemon.pid}",
            )
        time.sleep(_POLL_S)
