"""Calls that answer, fail, or never return."""

import errno
import threading
from pathlib import Path

import pytest

from mousetrackd.system.bounded_calls import Disk, HangingError, NoAnswerError, OneAtATime, bounded


def test_what_is_returned_or_raised_is_passed_on() -> None:
    assert bounded(10, lambda: 5) == 5
    assert bounded(10, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        bounded(10, lambda: 1 // 0)


def test_one_that_never_returns_is_left_behind_and_keeps_nothing_alive() -> None:
    released = threading.Event()
    with pytest.raises(NoAnswerError, match=r"no answer within 0.05 s"):
        bounded(0.05, released.wait, name="hangs")
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "hangs"]
    assert thread.daemon
    released.set()
    thread.join(10)


def test_beside_one_that_hangs_no_other_is_started() -> None:
    calls, released = OneAtATime("one"), threading.Event()
    with pytest.raises(NoAnswerError):
        calls.run(released.wait, 0.05)
    assert calls.is_hanging()
    with pytest.raises(NoAnswerError, match="an earlier call still hangs"):
        calls.run(lambda: pytest.fail("it was called"), 10)
    released.set()
    calls.wait()
    assert not calls.is_hanging()
    assert calls.run(lambda: 5, 10) == 5


def test_a_disk_that_reports_a_timeout_does_not_hang() -> None:
    """As a network mount does (ETIMEDOUT), whose call has returned."""
    disk = Disk(Path("/data"))

    def work() -> None:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    with pytest.raises(TimeoutError, match="Connection timed out"):
        disk.run(work, 10)
    assert not disk.is_hanging()


def test_a_disk_that_hangs_is_reported_with_its_folder() -> None:
    disk, released = Disk(Path("/data")), threading.Event()

    def work() -> None:
        released.wait()

    with pytest.raises(HangingError, match="the disk under /data does not answer"):
        disk.run(work, 0.05)
    assert disk.is_hanging()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "disk"]
    released.set()
    thread.join(10)
    assert not disk.is_hanging()
