"""From words to seconds: a fixed present, and zones whose days are not all 24 hours long."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.core.errors import UsageError
from mousetrackd.core.timerange import moment_s, parse_hours, parse_range, parse_step_s, parse_weekdays

BERLIN = ZoneInfo("Europe/Berlin")  # 2026: summer time from 29 March 2:00, until 25 October 3:00
NOW = datetime(2026, 11, 22, 14, 30, 15, tzinfo=BERLIN)


def said(text: str, now: datetime = NOW, *, end: bool = False) -> datetime:
    return datetime.fromtimestamp(moment_s(text, now, end=end), now.tzinfo)


def at(*parts: int) -> datetime:
    year, month, day, *clock = parts
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", at(2026, 11, 22, 14, 30, 15)),
        ("today", at(2026, 11, 22)),
        ("  Yesterday ", at(2026, 11, 21)),
        ("2026-11-01", at(2026, 11, 1)),
        ("2026-11-01 09:15", at(2026, 11, 1, 9, 15)),
        ("2026-11-01t09:15:30", at(2026, 11, 1, 9, 15, 30)),
        ("2026-11-01 09:15Z", at(2026, 11, 1, 10, 15)),
        ("2026-11-01 09:15+03:00", at(2026, 11, 1, 7, 15)),
        ("9:15", at(2026, 11, 22, 9, 15)),
        ("23:59:59", at(2026, 11, 22, 23, 59, 59)),
        ("10 minutes ago", at(2026, 11, 22, 14, 20, 15)),
        ("1 hour ago", at(2026, 11, 22, 13, 30, 15)),
        ("1 day ago", at(2026, 11, 21)),
        ("0 days ago", at(2026, 11, 22)),
        ("7 days  ago", at(2026, 11, 15)),
        ("2 weeks ago", at(2026, 11, 8)),
    ],
)
def test_what_people_say(text: str, expected: datetime) -> None:
    assert said(text) == expected


@pytest.mark.parametrize("text", ["today", "yesterday", "2026-11-01", "3 days ago", "1 week ago"])
def test_the_end_of_a_day_is_the_beginning_of_the_next(text: str) -> None:
    assert said(text, end=True) == said(text) + timedelta(days=1)


@pytest.mark.parametrize("text", ["now", "14:30", "2026-11-01 09:15", "3 hours ago"])
def test_a_moment_has_no_other_end(text: str) -> None:
    assert moment_s(text, NOW, end=True) == moment_s(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "24:00", "12:60", "2026-02-30", "2026-13-01", "26-1-1", "-1 days ago", "1.5 hours ago"),
        *("99999 years ago", "today now", "in 3 days"),
    ],
)
def test_what_cannot_be_understood_is_an_error_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        moment_s(text, NOW)
    assert f'"{text}"' in caught.value.message
    assert "yesterday" in caught.value.hint


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_a_day_is_as_long_as_its_clock_says(day: str, hours: int) -> None:
    assert moment_s(day, NOW, end=True) - moment_s(day, NOW) == hours * 3600


@pytest.mark.parametrize("now", [at(2026, 3, 29, 12), at(2026, 10, 25, 12)])
def test_today_begins_at_midnight_also_when_the_clock_has_changed_since(now: datetime) -> None:
    midnight = said("today", now)
    assert (midnight.day, midnight.hour, midnight.minute) == (now.day, 0, 0)
    assert said("yesterday", now, end=True) == midnight
    assert said("1 day ago", now).hour == 0


@pytest.mark.parametrize("now", [at(2026, 3, 29, 4), at(2026, 10, 25, 4)])
def test_hours_ago_are_real_hours_also_when_the_clock_has_changed_since(now: datetime) -> None:
    assert moment_s("3 hours ago", now) == int(now.timestamp()) - 3 * 3600
    assert moment_s("240 minutes ago", now) == int(now.timestamp()) - 4 * 3600


def test_in_the_hour_that_comes_twice_ago_is_from_the_one_it_is() -> None:
    for fold in (0, 1):
        now = at(2026, 10, 25, 2, 30).replace(fold=fold)
        assert moment_s("now", now) == int(now.timestamp())
        assert moment_s("1 hour ago", now) == int(now.timestamp()) - 3600


def test_a_range_is_half_open_and_both_days_are_in_it() -> None:
    since_s, until_s = parse_range("yesterday", "yesterday", NOW)
    assert (since_s, until_s) == (int(at(2026, 11, 21).timestamp()), int(at(2026, 11, 22).timestamp()))
    assert parse_range(None, None, NOW) == (None, None)
    assert parse_range(None, "today", NOW) == (None, int(at(2026, 11, 23).timestamp()))


@pytest.mark.parametrize(("since", "until"), [("today", "yesterday"), ("14:00", "14:00"), ("now", "1 minute ago")])
def test_a_range_that_ends_before_it_begins_is_a_sentence(since: str, until: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_range(since, until, NOW)
    assert since in caught.value.message
    assert until in caught.value.message


def test_without_a_present_it_is_now_in_the_zone_given() -> None:
    zone = timezone(timedelta(hours=14))
    before_s = int(datetime.now(UTC).timestamp())
    since_s, _ = parse_range("now", None, zone=zone)
    assert since_s is not None
    assert before_s <= since_s <= before_s + 60
    midnight_s, _ = parse_range("today", None, zone=zone)
    assert midnight_s is not None
    assert datetime.fromtimestamp(midnight_s, zone).hour == 0


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_an_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(moment_s(text, NOW), int)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8", {8}), ("9-12", {9, 10, 11}), ("22-2", {22, 23, 0, 1}), ("0-24", set(range(24))), ("8, 23-24", {8, 23})],
)
def test_hours(text: str, hours: set[int]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize("text", ["", "24", "9-9", "9-25", "9-10-11", "nine", "-1", "9,"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(UsageError):
        parse_hours(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon", {0}), ("mon-fri", {0, 1, 2, 3, 4}), ("Sat,Sunday", {5, 6}), ("fri-mon", {4, 5, 6, 0}), ("tue-tue", {1})],
)
def test_weekdays(text: str, days: set[int]) -> None:
    assert parse_weekdays(text) == days


@pytest.mark.parametrize("text", ["", "mo", "montag-freitag", "mon-tue-wed", "mon,", "8"])
def test_what_are_no_weekdays(text: str) -> None:
    with pytest.raises(UsageError):
        parse_weekdays(text)


@pytest.mark.parametrize(
    ("text", "step_s"), [("90s", 90), ("15m", 900), ("1h", 3600), ("1 Day", 86400), ("2w", 1209600)]
)
def test_steps(text: str, step_s: int) -> None:
    assert parse_step_s(text) == step_s


@pytest.mark.parametrize("text", ["", "0h", "h", "-1h", "1.5h", "1y", "1month", "999999w"])
def test_what_is_no_step(text: str) -> None:
    with pytest.raises(UsageError):
        parse_step_s(text)
