"""The end of a process that was told to end and does not, because something hangs that nobody thought of."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final

from mousetrackd.system.deadline import Deadline

log = logging.getLogger("mousetrackd")

_LOG_TIMEOUT_S: Final = 0.5
"""What hangs may be the log."""


class LastResort:
    """Ends the process, with exit code 1, some time after it was armed, unless that is disarmed before.

    exit_process: does it. It is called from a thread that exists only from ``arm`` on.
    """

    def __init__(self, exit_process: Callable[[int], object] = os._exit) -> None:
        self._exit = exit_process
        self._disarmed = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._is_armed = False

    def arm(self, span_s: float) -> None:
        """End the process in ``span_s`` seconds. To be called by a signal handler too: takes no lock. Once only."""
        if not self._is_armed:
            self._is_armed = True
            with contextlib.suppress(RuntimeError):  # no more threads: then there is no such end
                _thread.start_new_thread(self._wait, (Deadline(span_s),))

    def disarm(self) -> None:
        """There is no need for it any more."""
        self._disarmed.set()
        self._free.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Not within this block: what it does takes its time and must not be begun again and again."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def _wait(self, deadline: Deadline) -> None:
        self._disarmed.wait(deadline.left_s())
        self._free.wait()
        if self._disarmed.is_set():
            return
        said = threading.Event()
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=_say, args=(said,), daemon=True).start()
            said.wait(_LOG_TIMEOUT_S)
        self._exit(1)


def _say(said: threading.Event) -> None:
    log.error(
        "something hangs that keeps mousetrackd from ending, so it is ended: what was counted since the last "
        "checkpoint may be lost. See whether a disk or network mount does not answer."
    )
    said.set()
