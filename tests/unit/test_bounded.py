"""Calls that answer, fail, or never return."""

import threading

import pytest

from mousetrackd.system.bounded_calls import bounded


def test_what_is_returned_or_raised_is_passed_on() -> None:
    assert bounded(10, lambda: 5) == 5
    assert bounded(10, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        bounded(10, lambda: 1 // 0)


def test_one_that_never_returns_is_left_behind_and_keeps_nothing_alive() -> None:
    released = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0.05 s"):
        bounded(0.05, released.wait, name="hangs")
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "hangs"]
    assert thread.daemon
    released.set()
    thread.join(10)
