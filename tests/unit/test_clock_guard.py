"""A clock that leaps is not believed at once, and one that is right is believed soon."""

import itertools

import pytest

from mousetrackd.core.clock_guard import DAY_S, HOUR_S, LEAP_S, Known, Moment, limit_s, looked

NOW_S = 1_800_000_000


def at(days: float, *, up_days: float | None = None, start: str = "1 100") -> Moment:
    """A look so many days after ``NOW_S``, in a boot that began then or so many days before the look."""
    up = days if up_days is None else up_days
    return Moment(int(NOW_S + days * DAY_S), int(1000 + up * DAY_S), start)


def of(days: float) -> int:
    return int(NOW_S + days * DAY_S)


def test_the_first_start_of_an_empty_store_has_nothing_to_lose() -> None:
    assert looked(Known(), at(0), None) == Known()


@pytest.mark.parametrize(("age_days", "believed"), [(1, True), (59.9, True), (60.1, False), (1100, False)])
def test_without_an_earlier_look_the_counts_show_what_time_it_was(age_days: float, believed: bool) -> None:
    assert (looked(Known(), at(0), of(-age_days)).leap is None) is believed
    assert (looked(Known(of(-age_days)), at(0), None).leap is None) is believed


def test_ten_seconds_three_years_ahead_change_nothing() -> None:
    known = Known(NOW_S)
    ahead = looked(known, at(1100, up_days=0.1), of(0))
    assert ahead.leap is not None
    assert "1100 days ahead" in ahead.problem()
    back = looked(ahead, at(0.1), of(-1))
    assert back == Known(of(0.1))
    assert back.problem() == ""


def test_a_leap_is_believed_after_a_day_and_not_before() -> None:
    known = Known(NOW_S)
    for hour in range(24):
        known = looked(known, at(90 + hour / 24), of(0))
        assert known.leap is not None, hour
    assert looked(known, at(91), of(90)) == Known(of(91))


def test_counts_made_since_the_leap_do_not_vouch_for_it() -> None:
    known = looked(Known(), at(1100, up_days=0), of(0))
    known = looked(known, at(1100.2, up_days=0.2), of(1100.1))
    assert known.leap is not None
    assert known.trusted_s == NOW_S


def test_a_clock_that_leaps_from_day_to_day_never_runs_for_one() -> None:
    known = Known(NOW_S)
    for step in range(40):
        known = looked(known, at(1100 + step, up_days=step / 1000), of(0))
        assert known.leap is not None, step


def test_a_start_on_another_day_confirms_it() -> None:
    known = looked(Known(NOW_S), at(90, start="1 100"), of(0))
    same_day = looked(known, at(90.3, up_days=0, start="2 100"), of(0))
    assert same_day == known
    assert looked(same_day, at(91, up_days=0, start="3 100"), of(0)) == Known(of(91))


def test_a_clock_that_begins_at_the_same_wrong_time_at_each_start_never_is() -> None:
    known = Known(NOW_S)
    for start in range(50):
        known = looked(known, at(1500 + start / 10_000, up_days=0, start=f"{start} 1"), of(0))
        assert known.leap is not None, start


def test_one_far_from_the_first_is_a_leap_of_its_own() -> None:
    known = looked(Known(NOW_S), at(90), of(0))
    for days in (200, 89, 2000):
        known = looked(known, at(days, up_days=0, start=f"{days} 1"), of(0))
        assert known.leap is not None
        assert known.leap.wall_s == of(days)


def test_a_clock_in_the_past_is_believed_and_then_the_right_one_at_once() -> None:
    """As where no battery keeps the time, and each boot begins in 1970."""
    known = Known(NOW_S)
    for boot in range(3):
        for uptime_s in (60, 4000):
            known = looked(known, Moment(uptime_s, uptime_s, f"{boot} 1"), None)
            assert known == Known()
        known = looked(known, at(boot, up_days=0.1, start=f"{boot} 1"), of(boot - 1))
        assert known == Known(of(boot))


def test_a_clock_that_was_ahead_on_the_first_day_is_no_reference_later() -> None:
    known = looked(Known(), at(1500), None)
    known = looked(known, at(0), None)
    assert known == Known()
    assert looked(known, at(1500, up_days=0.1, start="2 1"), of(0)).leap is not None
    assert looked(Known(of(1500)), at(1), of(0)) == Known(of(1))


def test_short_lived_counts_are_guarded_more_closely() -> None:
    assert limit_s(0) == limit_s(365) == LEAP_S
    assert limit_s(30) == 15 * DAY_S
    assert limit_s(1) == 3 * DAY_S
    assert looked(Known(NOW_S), at(40), of(0), limit_s(30)).leap is not None
    assert looked(Known(NOW_S), at(14), of(0), limit_s(30)).leap is None


@pytest.mark.parametrize("every_days", [1, 2, 7, 30, 59, 90])
def test_whoever_uses_it_now_and_then_is_never_left_waiting(every_days: int) -> None:
    """An hour each time, in a boot of its own: at the latest the day after, all is rolled up."""
    known, believed = Known(NOW_S), 0
    for time in range(1, 11):
        for hour, start in itertools.product((0, 24), ("a", "b")):
            day = time * every_days + hour / 24
            known = looked(known, at(day, up_days=0, start=f"{start}{day}"), of(day - 1))
        believed += known.leap is None
    assert believed == 10


@pytest.mark.parametrize("known", [Known(), Known(5), Known(5, at(3))])
def test_it_is_read_as_it_was_written(known: Known) -> None:
    assert Known.from_json(known.to_json()) == known


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", '{"trusted_s": "5", "leap": null}', '{"trusted_s": -1, "leap": null}'),
        *('{"trusted_s": 1e30, "leap": null}', '{"trusted_s": true, "leap": null}', "[" * 100_000),
        '{"trusted_s": 5, "leap": {"wall_s": 1}}',
        '{"trusted_s": 5, "leap": {"wall_s": 1, "boottime_s": null, "start": ""}}',
    ],
)
def test_of_what_nobody_wrote_nothing_is_known(text: str) -> None:
    assert Known.from_json(text) == Known()


def test_a_day_of_twenty_five_hours_is_no_leap() -> None:
    assert looked(Known(NOW_S), at(1, up_days=1), of(0)).leap is None
    known = looked(Known(NOW_S), at(90, up_days=0), of(0))
    later = Moment(of(91) + HOUR_S // 2, 1000 + DAY_S, "1 100")  # a clock slewed or set by half an hour
    assert looked(known, later, of(0)).leap is None
