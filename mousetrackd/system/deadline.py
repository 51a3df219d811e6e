"""One budget of time for several steps, each of which may use what the others have left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TimeLimits:
    """How long the daemon waits for what may hang, in seconds."""

    shutdown_s: float = 18.0
    """From the first SIGTERM to the end: the last save, its retries, the side file, the last picture. Ending takes a
    moment itself, and 20 s are promised."""

    last_resort_s: float = 19.0
    """From the first SIGTERM to an end by force, where a step hangs and a budget is of no use."""

    last_picture_s: float = 10.0
    """How much of the shutdown the last picture may take. It takes a few seconds."""

    last_steps_s: float = 2.0
    """What the last picture leaves of the shutdown, for closing what is open."""

    source_stop_s: float = 6.0
    """How long a source may take to stop. Those that have a limit of their own have one of 5 s."""

    file_s: float = 5.0
    """How long a small file may take to be read that may be on a network mount."""


TIME_LIMITS: Final = TimeLimits()


class Deadline:
    """A moment on a monotonic clock. span_s: how far away it is now, in seconds.

    reserve_s, where a method takes it, is what the caller must leave for the steps that follow.
    """

    def __init__(self, span_s: float, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._due_s = monotonic_s() + span_s

    def left_s(self, *, reserve_s: float = 0.0) -> float:
        """Seconds that are left, never negative."""
        return max(self._due_s - reserve_s - self._monotonic_s(), 0.0)

    def is_over(self, *, reserve_s: float = 0.0) -> bool:
        """True when nothing is left."""
        return self.left_s(reserve_s=reserve_s) <= 0.0
