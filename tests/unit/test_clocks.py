"""Which time counts belong to when a clock is set or the machine sleeps."""

import pytest

from mousetrackd.daemon.clocks import CLOCKS, Clocks, Moment, stretch_s

SINCE = Moment(wall_s=1000.0, monotonic_s=50.0, boottime_s=60.0)


@pytest.mark.parametrize(
    ("now", "expected_s"),
    [
        (Moment(1060.0, 110.0, 120.0), (1000, 1060)),
        (Moment(1060.0, 50.0, 120.0), (1000, 1000)),  # it slept
        (Moment(1061.9, 110.0, 120.0), (1000, 1060)),  # slewed
        (Moment(4660.0, 110.0, 120.0), (4600, 4660)),  # set forward
        (Moment(160.0, 110.0, 120.0), (100, 160)),  # set back
        (Moment(-5000.0, 110.0, 120.0), (0, 60)),
    ],
    ids=["awake", "asleep", "slewed", "set forward", "set back", "before 1970"],
)
def test_a_stretch_is_dated_by_the_clock_as_it_is_set_now_and_leaves_sleep_out(
    now: Moment, expected_s: tuple[int, int]
) -> None:
    assert stretch_s(SINCE, now) == expected_s


def test_now_is_read_of_all_three() -> None:
    clocks = Clocks(lambda: 1.5, lambda: 2.5, lambda: 3.5)
    assert clocks.now() == Moment(1.5, 2.5, 3.5)
    assert clocks.now_utc().timestamp() == 1.5


def test_those_of_the_machine_go_on() -> None:
    before, after = CLOCKS.now(), CLOCKS.now()
    assert after.monotonic_s >= before.monotonic_s
    assert after.boottime_s >= before.boottime_s
