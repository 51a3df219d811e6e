"""A machine that sleeps: a display's clock and ours both stop then, so that only this shows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_MS = 1000
"""Less is two clocks that were not read at the same moment."""


def asleep_ms() -> int:
    """How long this machine has been suspended since it was started."""
    return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()) // 1_000_000


class Sleep:
    """Finds whether the machine was suspended in between. asleep_ms: how long it has been so far."""

    def __init__(self, asleep_ms: Callable[[], int]) -> None:
        self._asleep_ms = asleep_ms
        self._before_ms = asleep_ms()

    def is_over(self) -> bool:
        """Was the machine suspended since the last time this was asked?"""
        before_ms, self._before_ms = self._before_ms, self._asleep_ms()
        return self._before_ms - before_ms > _LEAST_MS
