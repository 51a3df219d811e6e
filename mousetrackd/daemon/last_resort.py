"""The end of the daemon: asked for, given a time, and enforced where something hangs that nobody thought of."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final

from mousetrackd.system.deadline import Deadline, TimeLimits

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
        """It is not needed any more."""
        self._disarmed.set()
        self._free.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Not within this block: what it does takes its time and must not be started again and again."""
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
        is_logged = threading.Event()
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=_log, args=(is_logged,), daemon=True).start()
            is_logged.wait(_LOG_TIMEOUT_S)
        self._exit(1)


class EndRequest:
    """That the daemon is to end, and how long that may take. asked: how often; more than once means in a hurry."""

    def __init__(self, limits: TimeLimits, monotonic_s: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._budget: Deadline | None = None
        self.last_resort = LastResort()
        self.asked = 0

    @property
    def is_hurried(self) -> bool:
        """Whether the user has asked more than once: only what is counted matters then."""
        return self.asked > 1

    def begin(self) -> None:
        """Let the time run. To be called by the handler of a signal, too; what it does then, it does once."""
        if self._budget is None:
            self._budget = Deadline(self._limits.shutdown_s, monotonic_s=self._monotonic_s)
        self.last_resort.arm(self._limits.last_resort_s)

    @property
    def budget(self) -> Deadline:
        """The time that all steps of the shutdown have together."""
        self.begin()
        assert self._budget is not None  # noqa: S101 - for mypy
        return self._budget

    def picture_time(self) -> Deadline:
        """The time that the last picture has from now on."""
        left_s = self.budget.left_s(reserve_s=self._limits.last_steps_s)
        return Deadline(min(left_s, self._limits.last_picture_s), monotonic_s=self._monotonic_s)


def _log(is_logged: threading.Event) -> None:
    log.error(
        "something hangs that keeps mousetrackd from ending, so it is ended: what was counted since the last "
        "checkpoint may be lost. See whether a disk or network mount does not answer."
    )
    is_logged.set()
