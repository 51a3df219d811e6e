"""The two ends of one daemon: the locks that make it the only one, and how commands find and steer it.

A pid is believed only while the lock it stands in is held and that process has it open, and signals go through
a pidfd, so a recycled pid is never hit. What the user wants (tracking or pause) is a file; a signal only says "look".
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mousetrackd.core.errors import ExitCode, MousetrackError, NotRunningError, RefusedError
from mousetrackd.system.paths import NO_LOCKS_HINT, make_private, open_own, read_own, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mousetrackd.system.paths import Paths

ANSWER_TIMEOUT_S = 20.0
"""How long a command waits for the daemon to do as it was told. It may be in the middle of a checkpoint."""

END_TIMEOUT_S = 22.0
"""The daemon ends within 20 s, whatever hangs."""

_POLL_S = 0.01
_LOCK_PATIENCE_S = 0.2
"""Another command that looks whether we run holds a shared lock for a moment; a daemon holds it for life."""
_STATUS_PATIENCE_S = 2.0
_DISK_LOOKS = 5
_WISH_PATIENCE_S = 2.0
"""Writing down what is wanted takes as long as the disk needs."""


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
        """Take the lock, or again what was taken away of it.

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
        """Are what we hold still the file and the folder that others find under their names?"""
        return _is_same(self._file, self._path) and _is_same(self._folder, self._path.parent)

    def release(self) -> None:
        """Let others have it. The file stays: it costs nothing, and who looks at it finds it free. Idempotent."""
        for descriptor in (self._file, self._folder):
            if descriptor != _NOTHING:
                os.close(descriptor)
        self._folder = self._file = _NOTHING

    def _taken(self, held: int, path: Path, flags: int) -> int:
        """A descriptor that holds ``path``: the one already ``held`` if that does."""
        give_up_s = time.monotonic() + _LOCK_PATIENCE_S
        while not _is_same(held, path):  # also where it was deleted between opening and locking
            try:
                descriptor = _opened(path, flags)
            except OSError as error:
                raise RefusedError(
                    f"cannot open the lock {path}: {error.strerror}", "Remove what is there, and try again."
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() > give_up_s:
                    raise AlreadyRunningError(_holder(self._path)) from None
                time.sleep(_POLL_S)
                continue
            except OSError as error:
                if not flags & os.O_DIRECTORY:  # NFS locks no folders: there the file alone has to do
                    os.close(descriptor)
                    raise RefusedError(f"cannot lock {path}: {error.strerror}", NO_LOCKS_HINT) from error
            if held != _NOTHING:
                os.close(held)
            held = descriptor
        return held


_NOTHING = -1
"""Instead of a descriptor, where none is open."""


def _is_same(descriptor: int, path: Path) -> bool:
    """Is what is open what others find under this name?"""
    try:
        return descriptor != _NOTHING and os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


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
            # now, the pidfd is the daemon's. The pid in a lock may be an older daemon's for a moment, until the
            # next one has written its own: so the process must have the lock open as well.
            has_open = _has_open(self.pid, self.lock)
            if _holder(self.lock) != self.pid or not (self._is_settled() if has_open is None else has_open):
                raise _not_running()
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError as error:
            raise _not_running() from error
        finally:
            os.close(pidfd)

    def is_alive(self) -> bool:
        """Does it still hold its lock?"""
        return _holder(self.lock) == self.pid

    def _is_settled(self) -> bool:
        """Whether the pid in the lock is its holder's, as far as that shows where nobody may look at its files.

        An older daemon's pid is there for a moment only, and the status of a running one has its own.
        """
        time.sleep(_LOCK_PATIENCE_S)
        return self.is_alive() and status_of(self)["state"] != "starting"


def find_running(paths: Paths) -> RunningDaemon | None:
    """The user's daemon: this login's, or another login's that counts into the same data.

    Raises MousetrackError where one runs that cannot be told from others.
    """
    give_up_s = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        for lock in (paths.runtime_lock, paths.data_lock):
            pid = _holder(lock)
            if pid is not None:
                _, _, status = _text_of(lock).partition("\n")
                return RunningDaemon(pid, lock, Path(status.strip() or paths.status))
        if not _is_locked(paths.data_dir.resolve(), os.O_RDONLY | os.O_DIRECTORY):
            return None
        if time.monotonic() > give_up_s:  # it is not one that has just begun
            raise MousetrackError(
                f"mousetrackd runs, but the files that tell which process it is were deleted: {paths.data_lock}",
                "It writes them again a minute after the pointer moves. Try again then.",
            )
        time.sleep(_POLL_S)


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
    return _pid_in(lock) if _is_locked(lock) else None


def _opened(path: Path, flags: int) -> int:
    """A descriptor of a lock file, or, with O_DIRECTORY, of the folder that is locked as well. Raises OSError."""
    return os.open(path, flags | os.O_CLOEXEC) if flags & os.O_DIRECTORY else open_own(path, flags)


def _is_locked(path: Path, flags: int = os.O_RDONLY) -> bool:
    try:
        descriptor = _opened(path, flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    else:
        return False
    finally:
        os.close(descriptor)


def _has_open(pid: int, path: Path) -> bool | None:
    """Has this process the file open? None where that is not shown: in the unit's sandbox, of processes outside it."""
    try:
        wanted = path.stat()
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed while we look
                if os.path.samestat(wanted, file.stat()):
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


# What the user wants ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What the user wants. mark: tells one writing of it from the next; None where nothing was ever written."""

    pause: bool
    mark: tuple[int, int] | None


def read_wish(paths: Paths) -> Wish:
    """What is wanted. A file that cannot be read, or says anything else, means pause; none means tracking."""
    try:
        written = paths.wanted.lstat()
        said = read_own(paths.wanted)
    except FileNotFoundError:
        return Wish(pause=False, mark=None)
    except OSError:
        return Wish(pause=True, mark=(0, 0))
    return Wish(said.strip() != b"tracking", (written.st_ino, written.st_mtime_ns))


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


@contextlib.contextmanager
def wish_held_still(paths: Paths) -> Iterator[None]:
    """Between reading what is wanted and writing it, nobody else writes: a pause would be overwritten unread.

    Where someone holds it for long, a frozen command, or it cannot be had, the block runs all the same.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            descriptor = open_own(paths.wanted.with_name("wanted.lock"), os.O_RDWR | os.O_CREAT)
            held.callback(os.close, descriptor)
            give_up_s = time.monotonic() + _WISH_PATIENCE_S
            while time.monotonic() < give_up_s:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(_POLL_S)
        yield


# What the daemon says -----------------------------------------------------------------------------------


def read_status(paths: Paths) -> dict[str, Any]:
    """What the daemon last said about itself; ``state`` is "stopped" when it does not run any more.

    Where its status is not there, it is asked for: the runtime folder goes with the end of another login. ``state`` is
    "running" where that does not help.
    """
    running = find_running(paths)
    if running is None:
        return {**_read_status_file(paths.status), "state": "stopped", "pid": None}
    unreadable = why_unreadable(running.status)
    if unreadable:
        unreadable = _ask_for_status(running)
    if unreadable:
        return {"state": "running", "pid": running.pid, "problems": [f"its status cannot be read: {unreadable}"]}
    return status_of(running)


def status_of(daemon: RunningDaemon) -> dict[str, Any]:
    """What this daemon last reported; ``state`` is "starting" where it has not reported anything yet."""
    said = _read_status_file(daemon.status)
    return said if said.get("pid") == daemon.pid else {"state": "starting", "pid": daemon.pid, "problems": []}


def why_unreadable(status: Path) -> str:
    """Why a status cannot be read: a sentence that names the file; empty when it can."""
    try:
        json.loads(read_own(status))
    except OSError as error:
        return f"{status}: {error.strerror or error}"
    except ValueError:
        return f"{status}: it is not what mousetrackd writes"
    return ""


def _ask_for_status(daemon: RunningDaemon) -> str:
    """Have the daemon write its status again; why it still cannot be read, or nothing."""
    with contextlib.suppress(NotRunningError):
        daemon.send(signal.SIGHUP)
    give_up_s = time.monotonic() + _STATUS_PATIENCE_S
    while why := why_unreadable(daemon.status):
        if time.monotonic() > give_up_s or not daemon.is_alive():
            return f"{why}; {_why_it_stays(daemon.pid)}" if daemon.is_alive() else why
        time.sleep(_POLL_S)
    return ""


def _waits_for_disk(pid: int) -> bool:
    """Does one of the process's threads wait for a disk, and go on waiting?"""
    for _ in range(_DISK_LOOKS):
        if not _has_thread_at_disk(pid):
            return False
        time.sleep(_POLL_S)
    return True


def _has_thread_at_disk(pid: int) -> bool:
    """Is a thread in uninterruptible sleep, or waiting for the answer of a FUSE or NFS server (proc(5))?"""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):  # it has ended
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "D" or (task / "wchan").read_text().startswith(("request_wait_answer", "rpc_", "nfs")):
                return True
    return False


def _read_status_file(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(read_own(path))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def not_saved_by(ended: RunningDaemon) -> str:
    """Why a daemon that has ended could not store its last counts, and where they are; empty when it could."""
    said = _read_status_file(ended.status)
    return str(said.get("unsaved") or "") if said.get("pid") == ended.pid else ""


def headline(said: dict[str, Any]) -> str:
    """A status in one line, for people and for systemd."""
    since = f" since {said['since']}" if said.get("since") else ""
    pid = f" (pid {said['pid']})" if said.get("pid") else ""
    return f"{said['state']}{since}{pid}"


def wait_for_status(daemon: RunningDaemon, done: Callable[[dict[str, Any]], bool], doing: str) -> dict[str, Any]:
    """Wait until the daemon's status says that it is ``done``. Raises MousetrackError when it never does."""
    give_up_s = time.monotonic() + ANSWER_TIMEOUT_S
    while time.monotonic() < give_up_s:
        status = status_of(daemon)
        if done(status):
            return status
        if not daemon.is_alive():
            raise NotRunningError(
                f"mousetrackd ended before it could {doing}.",
                "Its log says why: journalctl --user -u mousetrackd",
            )
        time.sleep(_POLL_S)
    unreadable = why_unreadable(daemon.status)
    if unreadable:
        raise MousetrackError(
            f"mousetrackd (pid {daemon.pid}) runs, but its status cannot be read, so it is not known whether it could"
            f" {doing}: {unreadable}",
            "Check that folder; the daemon makes it again when it can.",
        )
    raise MousetrackError(
        f"mousetrackd (pid {daemon.pid}) does not answer: it did not {doing} within {ANSWER_TIMEOUT_S:.0f} s.",
        _why_it_stays(daemon.pid),
    )


def wait_for_end(daemon: RunningDaemon, *, timeout_s: float = END_TIMEOUT_S) -> None:
    """Wait until the daemon has ended. Raises MousetrackError when it does not."""
    give_up_s = time.monotonic() + timeout_s
    while daemon.is_alive():
        if time.monotonic() > give_up_s:
            raise MousetrackError(
                f"mousetrackd (pid {daemon.pid}) did not end within {timeout_s:.0f} s: {_why_it_stays(daemon.pid)}",
                f"What it counted since its last checkpoint is lost if you end it by force: kill -9 {daemon.pid}",
            )
        time.sleep(_POLL_S)


def _why_it_stays(pid: int) -> str:
    """What keeps a process from ending, as far as the kernel says it: the states of its threads (proc_pid_stat(5))."""
    if _waits_for_disk(pid):
        return "it waits for a disk or a network mount that does not answer."
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError, IndexError):
            states.append(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[0])
    if "T" in states or "t" in states:
        return f"it was stopped, by SIGSTOP or a debugger. To let it go on: kill -CONT {pid}"
    return "it does not say why. See its log: journalctl --user -u mousetrackd"
