"""Waiting for the thing itself: a condition with a deadline, never a sleep that hopes."""

import time
from collections.abc import Callable
from typing import TypeVar

_LOOK_AGAIN_S = 0.005

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], what: str, *, timeout_s: float = 30.0) -> Found:
    """Return what ``condition`` returns as soon as that is true; fail saying ``what`` did not happen."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain until {what}")
        time.sleep(_LOOK_AGAIN_S)
    return found
