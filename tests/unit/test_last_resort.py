"""The end by force: when it comes, and when it does not."""

import queue

import pytest

from mousetrackd.daemon.last_resort import EndRequest, LastResort
from mousetrackd.system.deadline import TimeLimits


def test_what_does_not_end_in_time_is_ended_once_and_said(caplog: pytest.LogCaptureFixture) -> None:
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    resort = LastResort(codes.put)
    resort.arm(0.0)
    resort.arm(0.0)
    assert codes.get(timeout=10) == 1
    assert codes.empty()
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "something hangs that keeps mousetrackd from ending"
    ]


def test_what_takes_its_time_is_not_ended_before_it_is_done() -> None:
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    resort = LastResort(codes.put)
    with resort.held():
        resort.arm(0.0)
        with pytest.raises(queue.Empty):
            codes.get(timeout=0.2)
    assert codes.get(timeout=10) == 1


def test_one_that_was_disarmed_ends_nothing() -> None:
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    resort = LastResort(codes.put)
    with resort.held():  # it is due, and waits
        resort.arm(0.0)
        resort.disarm()
    with pytest.raises(queue.Empty):
        codes.get(timeout=0.3)


def test_all_steps_of_the_end_share_one_budget_that_begins_once() -> None:
    now_s = [100.0]
    end = EndRequest(TimeLimits(shutdown_s=18, last_picture_s=10, last_steps_s=2), lambda: now_s[0])
    end.begin()
    now_s[0] += 5
    end.begin()
    assert end.budget.left_s() == 13
    assert end.picture_time().left_s() == 10
    now_s[0] += 5
    assert end.picture_time().left_s() == 6
    end.last_resort.disarm()


def test_who_asks_twice_is_in_a_hurry() -> None:
    end = EndRequest(TimeLimits(), lambda: 0.0)
    end.asked += 1
    assert not end.is_hurried
    end.asked += 1
    assert end.is_hurried
