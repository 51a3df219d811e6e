"""Whether the user wants tracking or pause: a file, which outlives the daemon.

Signals lose their order, and a command cannot wait for a daemon that does not run. So the file is written first, and
a signal only says that there is something to read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.errors import MousetrackError, RefusedError
from mousetrackd.system.files import make_private, open_own, read_own, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.system.paths import Paths

_LOCK_PATIENCE_S = 2.0
"""Writing the state takes as long as the disk needs."""
_POLL_S = 0.01


@dataclass(frozen=True)
class DesiredState:
    """What the user wants. mark: differs each time it is written; None where it never was."""

    pause: bool
    mark: tuple[int, int] | None


def read_desired_state(paths: Paths) -> DesiredState:
    """The state as last written. No file means tracking; one that cannot be read or understood means pause."""
    try:
        written = paths.desired_state.lstat()
        content = read_own(paths.desired_state)
    except FileNotFoundError:
        return DesiredState(pause=False, mark=None)
    except OSError:
        return DesiredState(pause=True, mark=(0, 0))
    return DesiredState(content.strip() != b"tracking", (written.st_ino, written.st_mtime_ns))


def write_desired_state(paths: Paths, *, pause: bool) -> None:
    """Write the state; it is on disk when this returns. Raises RefusedError."""
    make_private(paths.data_dir)
    try:
        write_whole(paths.desired_state, b"paused\n" if pause else b"tracking\n")
    except OSError as error:
        raise RefusedError(
            f"cannot write {paths.desired_state}: {error.strerror}",
            "Nothing was changed. Check the disk; to be sure that nothing is tracked: mousetrackd stop",
        ) from error


@contextlib.contextmanager
def desired_state_lock(paths: Paths) -> Iterator[None]:
    """Let nobody else write the state between reading and writing it: a pause would be overwritten unread.

    Where a frozen command holds the lock for long, or it cannot be opened, the block runs all the same.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            descriptor = open_own(paths.desired_state.with_name("wanted.lock"), os.O_RDWR | os.O_CREAT)
            held.callback(os.close, descriptor)
            give_up_s = time.monotonic() + _LOCK_PATIENCE_S
            while time.monotonic() < give_up_s:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(_POLL_S)
        yield


class PauseState:
    """Whether the daemon is paused, by the file and the signals. problem: why the file says otherwise, or nothing."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._seen = DesiredState(pause=False, mark=None)
        self.is_paused = False
        self.problem = ""

    def load(self) -> None:
        """Go by the file, at the start."""
        self._seen = read_desired_state(self._paths)
        self.is_paused = self._seen.pause

    @property
    def since_s(self) -> float | None:
        """When the user paused it (UTC), maybe in an earlier life of the daemon; None where it is not known."""
        return self._seen.mark[1] / 1e9 if self.is_paused and self._seen.mark is not None else None

    def settle(self, *, asked_pause: bool, asked_resume: bool) -> bool:
        """Bring the file and what signals asked for together; returns whether ``is_paused`` has changed.

        Where they disagree their order is unknowable: pause wins. The file is written where it says otherwise.
        """
        before = self.is_paused
        self.problem = ""
        with desired_state_lock(self._paths):
            state = read_desired_state(self._paths)
            # A file that is gone says nothing. One that was written again does, even if what it said before.
            is_new = state.mark is not None and state != self._seen
            if asked_pause or (is_new and state.pause):
                self.is_paused = True
            elif asked_resume or is_new:
                self.is_paused = False
            if state.pause != self.is_paused:
                try:
                    write_desired_state(self._paths, pause=self.is_paused)
                    state = read_desired_state(self._paths)
                except MousetrackError as error:
                    self.problem = error.message
            self._seen = state
        return self.is_paused != before
