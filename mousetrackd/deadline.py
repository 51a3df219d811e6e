"""One budget of time for several steps, each of which may use what the others have left."""

from __future__ import annotations

import time
from collections.abc import Callable


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
