"""Waiting for the thing itself: a condition with a deadline, never a sleep that hopes."""

import time
from collections.abc import Callable

_LOOK_AGAIN_S = 0.005


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 30.0) -> None:
    """Return as soon as ``condition`` holds; fail saying ``what`` did not happen."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain until {what}")
        time.sleep(_LOOK_AGAIN_S)
