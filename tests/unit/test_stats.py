"""Sums worked by hand, on the clock of Vienna, whose summer time ended on 25 October 2026 at 3:00."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mousetrackd.core.monitors import Monitor
from mousetrackd.storage.readings import PATH, Total
from mousetrackd.storage.stats import Sums, lines, summarise

VIENNA = ZoneInfo("Europe/Vienna")
HOUR_S, DAY_S, LONGEST_DAY_S = 3600, 86400, 25 * 3600
KNOWN = Monitor("DP-1", 1000, 500)
UNKNOWN = Monitor("VGA-1", 800, 600)
SIZES_MM = {KNOWN: (500, 250)}
"""Half a millimetre to the pixel."""

Sizes = Mapping[Monitor, tuple[int, int]]


def total(when: str, what: str, amount: int, *, span_s: int = HOUR_S, monitor: Monitor = KNOWN) -> Total:
    """A chunk that begins at ``when`` on Vienna's clock."""
    return Total(int(datetime.fromisoformat(when).replace(tzinfo=VIENNA).timestamp()), span_s, monitor, what, amount)


def test_nothing_counted_is_all_zero() -> None:
    stats = summarise([], {}, VIENNA)
    assert stats.total == Sums()
    assert stats.days == {}
    assert stats.active_ms_by_hour == [0] * 24
    assert stats.hours_unknown_ms == 0


def test_everything_is_summed_per_day_and_in_all() -> None:
    stats = summarise(
        [
            total("2026-11-20 23:00", "dwell", 1000),
            total("2026-11-20 23:00", "clicks.left", 3),
            total("2026-11-21 00:00", "dwell", 500),
            total("2026-11-21 10:00", "dwell", 250),
            total("2026-11-21 10:00", "clicks.left", 4),
            total("2026-11-21 10:00", "clicks.right", 2),
            total("2026-11-21 10:00", "clicks.middle", 5),
            total("2026-11-21 10:00", "clicks.other", 1),
            total("2026-11-21 10:00", "scroll", 70),
            total("2026-11-21 11:00", "scroll", 7),
            total("2026-11-21 11:00", "travel", 99999),
        ],
        SIZES_MM,
        VIENNA,
    )
    friday, saturday = stats.days["2026-11-20"], stats.days["2026-11-21"]
    assert list(stats.days) == ["2026-11-20", "2026-11-21"]
    assert (friday.active_ms, friday.scroll, friday.clicks) == (
        1000,
        0,
        {"left": 3, "middle": 0, "right": 0, "other": 0},
    )
    assert (saturday.active_ms, saturday.scroll) == (750, 77)
    assert saturday.clicks == {"left": 4, "middle": 5, "right": 2, "other": 1}
    assert (stats.total.active_ms, stats.total.scroll) == (1750, 77)
    assert stats.total.clicks == {"left": 7, "middle": 5, "right": 2, "other": 1}
    assert (stats.total.distance_px, stats.total.distance_m) == (0, 0)


def test_a_day_is_that_of_the_zone() -> None:
    late = total("2026-11-20 23:30", "dwell", 1)
    assert list(summarise([late], {}, VIENNA).days) == ["2026-11-20"]
    assert list(summarise([late], {}, ZoneInfo("Asia/Tokyo")).days) == ["2026-11-21"]


def test_active_time_is_also_shown_by_the_hour_of_the_day() -> None:
    stats = summarise(
        [
            total("2026-11-20 09:00", "dwell", 10),
            total("2026-11-20 09:59", "dwell", 5, span_s=60),
            total("2026-11-21 09:00", "dwell", 100),
            total("2026-11-21 23:00", "dwell", 7),
            total("2026-11-21 10:00", "scroll", 5000),
        ],
        SIZES_MM,
        VIENNA,
    )
    assert {hour: ms for hour, ms in enumerate(stats.active_ms_by_hour) if ms} == {9: 115, 23: 7}


def test_the_hour_that_comes_twice_when_summer_time_ends_is_one_hour_of_the_day() -> None:
    first = int(datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp())  # 2:00 in summer time
    twice = [Total(first + n * HOUR_S, HOUR_S, KNOWN, "dwell", 10 ** (n + 1)) for n in (-1, 0, 1, 2)]
    stats = summarise(twice, {}, VIENNA)
    assert {hour: ms for hour, ms in enumerate(stats.active_ms_by_hour) if ms} == {1: 1, 2: 110, 3: 1000}
    assert list(stats.days) == ["2026-10-25"]


def test_the_hour_that_is_missing_when_summer_time_begins_is_empty() -> None:
    first = int(datetime(2026, 3, 29, 0, 0, tzinfo=UTC).timestamp())  # 1:00 in winter time
    stats = summarise([Total(first + n * HOUR_S, HOUR_S, KNOWN, "dwell", 10**n) for n in (0, 1)], {}, VIENNA)
    assert {hour: ms for hour, ms in enumerate(stats.active_ms_by_hour) if ms} == {1: 1, 3: 10}


def test_the_day_of_25_hours_is_a_day() -> None:
    stats = summarise([total("2026-10-25 00:00", "dwell", 5, span_s=LONGEST_DAY_S)], {}, VIENNA)
    assert list(stats.days) == ["2026-10-25"]


def test_a_month_or_a_year_that_was_rolled_up_is_named_as_one() -> None:
    stats = summarise(
        [
            total("2024-01-01 00:00", "dwell", 1, span_s=366 * DAY_S),
            total("2026-02-01 00:00", "dwell", 20, span_s=28 * DAY_S),
            total("2026-10-01 00:00", "dwell", 300, span_s=31 * DAY_S + HOUR_S),
            total("2026-11-20 00:00", "dwell", 4000, span_s=DAY_S),
            total("2026-11-21 08:00", "dwell", 50000),
        ],
        {},
        VIENNA,
    )
    assert {day: sums.active_ms for day, sums in stats.days.items()} == {
        "2024": 1,
        "2026-02": 20,
        "2026-10": 300,
        "2026-11-20": 4000,
        "2026-11-21": 50000,
    }
    assert sum(stats.active_ms_by_hour) == 50000
    assert stats.hours_unknown_ms == 4321
    assert stats.total.active_ms == 54321


# Distance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes_mm", "metres"),
    [(SIZES_MM, 2.0), ({KNOWN: (1000, 500)}, 4.0), ({KNOWN: (500, 500)}, 3.0), ({}, 0.0)],
    ids=["0.5 mm", "1 mm", "not square", "unknown"],
)
def test_distance_is_in_metres_where_the_screens_size_is_known(sizes_mm: Sizes, metres: float) -> None:
    stats = summarise([total("2026-11-20 09:00", PATH, 3000), total("2026-11-20 10:00", PATH, 1000)], sizes_mm, VIENNA)
    assert stats.total.distance_px == 4000
    assert stats.total.distance_m == pytest.approx(metres)
    assert stats.days["2026-11-20"].distance_m == pytest.approx(metres)


def test_every_screen_has_its_own_metres() -> None:
    other = Monitor("DP-2", 2000, 1000)
    stats = summarise(
        [total("2026-11-20 09:00", PATH, 1000), total("2026-11-20 09:00", PATH, 1000, monitor=other)],
        {KNOWN: (500, 250), other: (500, 250)},
        VIENNA,
    )
    assert stats.total.distance_m == pytest.approx(0.5 + 0.25)


def test_distance_on_a_screen_of_unknown_size_is_not_lost_beside_that_of_a_known_one() -> None:
    stats = summarise(
        [total("2026-11-20 09:00", PATH, 2000), total("2026-11-20 09:00", PATH, 123_456, monitor=UNKNOWN)],
        SIZES_MM,
        VIENNA,
    )
    assert stats.total.distance_px == 125_456
    assert stats.total.distance_m == pytest.approx(1.0)
    shown = "\n".join(lines(stats))
    assert "1.0 m" in shown
    assert "123,456 px" in shown, "1.0 m alone would be a lie"


# Words -----------------------------------------------------------------------------------------------------------


def test_json_holds_the_same_sums() -> None:
    stats = summarise(
        [total("2026-11-20 09:00", "dwell", 1000), total("2026-11-20 09:00", PATH, 2000)], SIZES_MM, VIENNA
    )
    said = json.loads(json.dumps(stats.as_json()))
    assert set(said) >= {"total", "days", "active_ms_by_hour", "hours_unknown_ms"}
    assert said["active_ms_by_hour"] == [0] * 9 + [1000] + [0] * 14
    assert said["hours_unknown_ms"] == 0
    assert list(said["days"]) == ["2026-11-20"]
    no_clicks = {"left": 0, "middle": 0, "right": 0, "other": 0}
    sums = {"active_ms": 1000, "distance_px": 2000, "distance_m": 1.0, "scroll": 0, "clicks": no_clicks}
    for found in (said["total"], said["days"]["2026-11-20"]):
        assert {key: found[key] for key in sums} == sums


def test_the_table_has_a_row_per_day_and_one_for_all() -> None:
    stats = summarise(
        [
            total("2026-11-20 09:00", "dwell", 59_600),
            total("2026-11-20 09:00", PATH, 2_400),
            total("2026-11-20 09:00", "clicks.left", 1_234),
            total("2026-11-21 09:00", "dwell", 3_600_000),
            total("2026-11-21 09:00", PATH, 2_100_000),
            total("2026-11-21 09:00", "scroll", 10_000),
        ],
        SIZES_MM,
        VIENNA,
    )
    assert lines(stats)[:4] == [
        "       day      active  distance   left  middle  right  other  scroll",
        "2026-11-20  1 min 00 s     1.2 m  1,234       0      0      0       0",
        "2026-11-21  1 h 00 min   1.05 km      0       0      0      0  10,000",
        "    in all  1 h 01 min   1.05 km  1,234       0      0      0  10,000",
    ]


def test_the_columns_of_the_table_are_straight() -> None:
    stats = summarise([total(f"2026-11-{day} 09:00", "dwell", 7**day) for day in range(10, 20)], {}, VIENNA)
    assert len({len(line) for line in lines(stats)[: 1 + 10 + 1]}) == 1


def test_the_chart_is_highest_at_the_busiest_hour_and_shows_the_least_busy() -> None:
    stats = summarise(
        [
            total("2026-11-20 00:00", "dwell", 1),
            total("2026-11-20 09:00", "dwell", 80_000),
            total("2026-11-20 14:00", "dwell", 40_000),
            total("2026-11-20 23:00", "dwell", 10_001),
        ],
        {},
        VIENNA,
    )
    bars, hours = lines(stats)[-2:]
    chart = {hour: bars[15 + 2 * hour : 17 + 2 * hour] for hour in range(24)}
    assert {hour: bar for hour, bar in chart.items() if bar.strip()} == {0: "▁▁", 9: "██", 14: "▄▄", 23: "▂▂"}
    for hour in (0, 3, 6, 9, 12, 15, 18, 21):
        assert hours[15 + 2 * hour :].startswith(f"{hour}"), "each number is under its bar"


def test_where_no_hour_is_known_there_is_no_chart_but_a_sentence() -> None:
    stats = summarise([total("2026-02-01 00:00", "dwell", 7_200_000, span_s=28 * DAY_S)], {}, VIENNA)
    shown = lines(stats)
    assert not any("busiest" in line for line in shown)
    assert shown[-1].startswith("2 h 00 min of it are no longer kept per hour")
