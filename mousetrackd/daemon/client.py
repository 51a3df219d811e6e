"""How commands find the running daemon, send it signals, read its status and wait for what it does.

A pid is believed only while the lock that names it is held and that process has the lock open, and signals go through
a pidfd, so a recycled pid is never hit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd.core.errors import MousetrackError, NotRunningError
from mousetrackd.daemon.lock import LOCK_PATIENCE_S, POLL_S, has_open, holder, is_folder_locked, status_of_holder
from mousetrackd.system.files import read_own

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.system.paths import Paths

ANSWER_TIMEOUT_S = 20.0
"""How long a command waits for the daemon to do what it was asked. It may be in the middle of a checkpoint."""

END_TIMEOUT_S = 22.0
"""The daemon ends within 20 s, whatever hangs."""

_STATUS_PATIENCE_S = 2.0
_DISK_CHECKS = 5


@dataclass(frozen=True)
class RunningDaemon:
    """A daemon that held its lock a moment ago, and the file it writes its status to."""

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
            has_it_open = has_open(self.pid, self.lock)
            if holder(self.lock) != self.pid or not (self._is_settled() if has_it_open is None else has_it_open):
                raise _not_running()
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError as error:
            raise _not_running() from error
        finally:
            os.close(pidfd)

    def is_alive(self) -> bool:
        """Whether it still holds its lock."""
        return holder(self.lock) == self.pid

    def _is_settled(self) -> bool:
        """Whether the pid in the lock file is its holder's, as far as that shows where its open files are hidden.

        An older daemon's pid is there for a moment only, and a running daemon's status holds its own pid.
        """
        time.sleep(LOCK_PATIENCE_S)
        return self.is_alive() and status_of(self)["state"] != "starting"


def find_running(paths: Paths) -> RunningDaemon | None:
    """The user's daemon: this login's, or another login's that counts into the same data.

    Raises MousetrackError where one runs that cannot be distinguished from others.
    """
    give_up_s = time.monotonic() + LOCK_PATIENCE_S
    while True:
        for lock in (paths.runtime_lock, paths.data_lock):
            pid = holder(lock)
            if pid is not None:
                return RunningDaemon(pid, lock, status_of_holder(lock) or paths.status)
        if not is_folder_locked(paths.data_dir.resolve()):
            return None
        if time.monotonic() > give_up_s:  # it has not just started
            raise MousetrackError(
                f"mousetrackd runs, but the files that name its process were deleted: {paths.data_lock}",
                "It writes them again a minute after the pointer moves. Try again then.",
            )
        time.sleep(POLL_S)


def require_running(paths: Paths) -> RunningDaemon:
    """As ``find_running``. Raises NotRunningError when there is none."""
    daemon = find_running(paths)
    if daemon is None:
        raise _not_running()
    return daemon


def _not_running() -> NotRunningError:
    return NotRunningError("mousetrackd is not running.", "Start it with: mousetrackd run")


def read_status(paths: Paths) -> dict[str, Any]:
    """What the daemon last reported; ``state`` is "stopped" when it does not run any more.

    Where there is no status file (the runtime folder is removed at the end of another login) the daemon is asked to
    write it again. ``state`` is "running" where that does not help.
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
    status = _read_status_file(daemon.status)
    return status if status.get("pid") == daemon.pid else {"state": "starting", "pid": daemon.pid, "problems": []}


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
        time.sleep(POLL_S)
    return ""


def _read_status_file(path: Path) -> dict[str, Any]:
    try:
        status = json.loads(read_own(path))
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def not_saved_by(ended: RunningDaemon) -> str:
    """Why a daemon that has ended could not store its last counts, and where they are; empty when it could."""
    status = _read_status_file(ended.status)
    return str(status.get("unsaved") or "") if status.get("pid") == ended.pid else ""


def headline(status: dict[str, Any]) -> str:
    """A status in one line, for people and for systemd."""
    since = f" since {status['since']}" if status.get("since") else ""
    pid = f" (pid {status['pid']})" if status.get("pid") else ""
    return f"{status['state']}{since}{pid}"


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
        time.sleep(POLL_S)
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
        time.sleep(POLL_S)


def _why_it_stays(pid: int) -> str:
    """What keeps a process from ending, as far as the states of its threads show (proc_pid_stat(5))."""
    if _waits_for_disk(pid):
        return "it waits for a disk or a network mount that does not answer."
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError, IndexError):
            states.append(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[0])
    if "T" in states or "t" in states:
        return f"it was stopped, by SIGSTOP or a debugger. To let it go on: kill -CONT {pid}"
    return "it does not say why. See its log: journalctl --user -u mousetrackd"


def _waits_for_disk(pid: int) -> bool:
    """Whether one of the process's threads waits for a disk, and goes on waiting."""
    for _ in range(_DISK_CHECKS):
        if not _has_thread_at_disk(pid):
            return False
        time.sleep(POLL_S)
    return True


def _has_thread_at_disk(pid: int) -> bool:
    """Whether a thread is in uninterruptible sleep, or waits for a FUSE or NFS server (proc(5))."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):  # it has ended
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "D" or (task / "wchan").read_text().startswith(("request_wait_answer", "rpc_", "nfs")):
                return True
    return False
