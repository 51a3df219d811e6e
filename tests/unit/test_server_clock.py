"""The X server's clock: what its time stamps are on ours, also after it was set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.capture.x11.server_clock import ServerClock

HOUR_MS = 3_600_000


def known(offset_ms: int = 1000) -> ServerClock:
    clock = ServerClock()
    clock.measure(5000, 5000, 5000 - offset_ms)
    assert clock.offset_ms == offset_ms
    return clock


@pytest.mark.parametrize("step_ms", [-HOUR_MS, HOUR_MS, -900, 900])
def test_a_clock_that_was_set_seems_off_until_it_is_measured(step_ms: int) -> None:
    clock = known()
    assert not clock.seems_off(9000, 10_000)
    assert clock.seems_off(9000 + step_ms, 10_000)
    clock.measure(10_000, 10_010, 9005 + step_ms)
    assert abs(clock.offset_ms - (1000 - step_ms)) <= 5
    assert not clock.seems_off(9000 + step_ms, 10_000)


def test_events_that_are_read_late_are_no_reason_to_change_it() -> None:
    clock = known()
    assert clock.seems_off(9000, 10_000 + HOUR_MS)
    clock.measure(10_000 + HOUR_MS, 10_300 + HOUR_MS, 9100 + HOUR_MS)
    assert clock.offset_ms == 1000


@given(st.integers(0, 300), st.integers(0, 300), st.integers(-(2**30), 2**30), st.integers(0, 2**32 - 1))
def test_after_a_measurement_the_answer_lies_between_question_and_arrival(
    way_ms: int, back_ms: int, step_ms: int, now_ms: int
) -> None:
    clock = known(now_ms)
    asked_ms = 2**33 + now_ms
    stamp_ms = (asked_ms + way_ms - now_ms + step_ms) % 2**32
    clock.measure(asked_ms, asked_ms + way_ms + back_ms, stamp_ms)
    at_ms = (stamp_ms + clock.offset_ms - asked_ms + 2**31) % 2**32 - 2**31
    assert -2 <= at_ms <= way_ms + back_ms + 2
    if step_ms == 0:
        assert clock.offset_ms == now_ms
