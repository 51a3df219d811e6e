"""Hours of the past: kept in cells when their pixels become days and months, and read for whatever is asked."""

import math
import sqlite3
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mousetrackd.core import cells
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage import hours
from mousetrackd.storage.chunks import Key
from mousetrackd.storage.erase import MoreThanPromisedError, Promise
from mousetrackd.storage.hours import Encoded, Hour
from mousetrackd.storage.readings import PATH, Range
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import HOUR, RollupAges

SCREEN = Monitor("DP-1", 40, 30)  # whose cells are of one pixel: what is read can be compared exactly
LARGE = Monitor("HDMI-1", 1920, 1080)
DAY_S, HOUR_S = 86_400, 3600
YEAR_S = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())  # a Sunday
AGES = RollupAges(hourly_days=1, daily_days=7, monthly_days=60)
LATER_S = YEAR_S + 500 * DAY_S


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as opened:
        yield opened


def commit(store: Store, at_s: int, *pixels: int, screen: Monitor = SCREEN, layer: str = "dwell") -> None:
    counts = Counts.from_pixels(screen.width_px, screen.height_px, np.array(pixels, np.int64))
    store.commit(Tally({Series(screen, layer): counts}, {screen: 7.0}), at_s, at_s + 60)


def found(store: Store, asked: Range) -> Counter[int]:
    """The counts of each pixel."""
    reading = store.read(["dwell"], asked)
    return Counter(
        {
            pixel: count
            for counts in reading.counts.values()
            for pixel, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
        }
    )


# Against a plain dictionary ---------------------------------------------------------------------------

HALF_S = 1800
KOLKATA, TOKYO = (timezone(timedelta(hours=hours)) for hours in (5.5, 9))
borders = st.builds(
    lambda day, half: day * 48 + half, st.sampled_from([31, 32, 59, 90, 365]), st.integers(-24, 24)
)  # where a month or a day ends
halves = st.integers(0, 400 * 48) | borders | borders
zones = st.sampled_from([UTC, KOLKATA, TOKYO, *(timezone(timedelta(hours=hours)) for hours in (-9, -1, 12))])
commits = st.tuples(st.just("commit"), halves, st.lists(st.integers(0, 1199), min_size=1, max_size=3))
roll_up_days = st.integers(0, 600) | st.sampled_from([33, 36, 62, 120, 470])
roll_ups = st.tuples(st.just("roll up"), roll_up_days, zones)
forgets = st.tuples(st.just("forget"), halves, st.integers(1, 80))
questions = st.tuples(
    halves,
    st.integers(1, 60 * 48),
    st.none() | st.frozensets(st.integers(0, 23), min_size=1),
    st.none() | st.frozensets(st.integers(0, 6), min_size=1),
)
Counted = tuple[int, int, int]  # from, to, pixel


@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(st.lists(st.one_of(commits, commits, commits, roll_ups, roll_ups, forgets), max_size=20), questions)
# Days of one zone in the month of another, and hours of one in the day of another: rare, so always tried.
@example(
    [("commit", 31 * 48 - 4, [1]), ("commit", 31 * 48 - 30, [2]), ("roll up", 36, UTC), ("roll up", 120, TOKYO)],
    (31 * 48 - 18, 48, None, None),
)
@example(
    [
        *(("commit", 31 * 48 - half, [half]) for half in (4, 30)),
        ("roll up", 36, UTC),
        ("roll up", 120, TOKYO),
        ("forget", 31 * 48 - 18, 80),
    ],
    (0, 31 * 48, None, None),
)
@example(
    [
        *(("commit", 20 * 48 + half, [half]) for half in (21, 40)),
        ("roll up", 20, UTC),
        ("roll up", 21, UTC),
        ("roll up", 23, KOLKATA),
        ("forget", 20 * 48 + 21, 2),
    ],
    (20 * 48, 48, None, None),
)
@example([("commit", 21 * 48 + 6, [1]), ("roll up", 23, TOKYO)], (0, 50 * 48, None, frozenset({5})))
def test_any_question_is_answered_as_a_list_of_hours_would(
    steps: list[tuple[object, ...]], question: tuple[int, int, frozenset[int] | None, frozenset[int] | None]
) -> None:
    """A life split into hours, days, months and years, in changing zones, with late imports, and parts forgotten."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heat.sqlite3"
        expected: list[Counted] = []
        Store.open(path, zone=UTC).close()
        for step in steps:
            match step:
                case ("commit", int(half), list(pixels)):
                    at_s = YEAR_S + half * HALF_S
                    with Store.open(path, zone=UTC) as store:
                        commit(store, at_s, *pixels)
                    expected += [(at_s, at_s + 60, pixel) for pixel in pixels]
                case ("roll up", int(day), timezone() as zone):
                    now_s = YEAR_S + day * DAY_S
                    with Store.open(path, zone=zone) as store:
                        store.roll_up(now_s, AGES)
                    expected = [_by_the_hour(one, now_s, zone) for one in expected]
                case ("forget", int(half), int(length)):
                    gone = Range(YEAR_S + half * HALF_S, YEAR_S + (half + length) * HALF_S)
                    with Store.open(path, zone=UTC) as store:
                        store.erase(Range(gone.since_s, gone.until_s))
                    expected = [one for one in expected if not gone.touches(*one[:2], UTC)]
        first, length, hours_asked, days_asked = question
        asked = Range(YEAR_S + first * HALF_S, YEAR_S + (first + length) * HALF_S, None, hours_asked, days_asked)
        with Store.open(path, zone=UTC) as store:
            assert store.check() == []
            assert found(store, Range()) == _summed(expected, Range())
            assert found(store, asked) == _summed(expected, asked)
            totals = sum(one.total for one in store.totals(asked) if one.what == "dwell")
            assert totals == _summed(expected, asked).total()
            by_step = Counter[int]()
            for piece in store.pieces(["dwell"], [], asked, step_s=HOUR_S):
                by_step[piece.start_s] += piece.counts.total
            assert by_step.total() == totals


def _by_the_hour(one: Counted, now_s: int, zone: timezone) -> Counted:
    """What is kept of it at a roll-up: the hour of the local clock, once that is over. An hour stays as it is."""
    start_s, end_s, pixel = one
    begin_s, over_s = HOUR.period(start_s, zone)
    return (begin_s, over_s, pixel) if end_s - start_s < HOUR_S and over_s <= now_s else one


def _summed(expected: list[Counted], asked: Range) -> Counter[int]:
    return Counter(
        pixel
        for start_s, end_s, pixel in expected
        if asked.touches(start_s, end_s, UTC) and not asked.is_too_coarse(start_s, end_s)
    )


# Changes of zone and of the clock ----------------------------------------------------------------------


def test_a_day_of_another_zone_across_the_end_of_a_month_is_read_forgotten_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "heat.sqlite3"
    last_day_s = YEAR_S + 30 * DAY_S  # 31 January
    with Store.open(path, zone=UTC) as store:
        for hour in range(24):
            commit(store, last_day_s + hour * HOUR_S, hour)
        store.roll_up(YEAR_S + 33 * DAY_S, AGES)
    with Store.open(path, zone=TOKYO) as store:
        store.roll_up(YEAR_S + 50 * DAY_S, AGES)
        ends_s = last_day_s + 15 * HOUR_S  # of January in Tokyo
        assert sql(store, "SELECT start_s, span_s FROM chunk") == [(last_day_s, DAY_S)]
        for asked, expected in ((Range(ends_s), range(15, 24)), (Range(None, ends_s), range(15))):
            assert found(store, asked) == dict.fromkeys(expected, 1)
            assert store.read(["dwell"], asked).left_out == ()
            assert sum(one.total for one in store.totals(asked) if one.what == "dwell") == len(expected)
        assert store.prune(ends_s) == 0
        store.close()
    rescue(path, datetime(2026, 1, 1, tzinfo=UTC))
    with Store.open(path, zone=TOKYO) as store:
        assert found(store, Range()) == dict.fromkeys(range(24), 1)
        assert found(store, Range(ends_s)) == dict.fromkeys(range(15, 24), 1)
        held = store.held(Range(ends_s))
        assert (held.pieces, held.first_s, held.last_s) == (9, ends_s, last_day_s + DAY_S)
        assert store.erase(Range(ends_s)) == held
        assert sql(store, "SELECT count(*) FROM hour") == [(15,)]
        assert found(store, Range()) == dict.fromkeys(range(15), 1)
        assert (store.prune(ends_s), store.prune(last_day_s + DAY_S)) == (0, 1)


def test_a_month_holds_nothing_after_its_end_where_the_zone_changes(tmp_path: Path) -> None:
    path = tmp_path / "heat.sqlite3"
    ends_s = YEAR_S + 30 * DAY_S + 15 * HOUR_S  # of January in Tokyo
    with Store.open(path, zone=UTC) as store:
        commit(store, NOON_S, 1)
        store.roll_up(YEAR_S + 33 * DAY_S, RollupAges(1, 7, 60, 0))
        commit(store, NOON_S + DAY_S, 2)
        commit(store, ends_s, 3)
        store.roll_up(YEAR_S + 33 * DAY_S, AGES)
    with Store.open(path, zone=TOKYO) as store:
        store.roll_up(YEAR_S + 50 * DAY_S, AGES)
        assert found(store, Range(None, ends_s)) == {1: 1, 2: 1}
        assert store.read(["dwell"], Range(None, ends_s)).left_out == ()
        assert sum(one.total for one in store.totals(Range(None, ends_s)) if one.what == "dwell") == 2


@pytest.mark.parametrize("border_s", [YEAR_S + days * DAY_S for days in (1.5, 2, 31, 365)])
def test_what_was_counted_across_the_end_of_a_period_is_forgotten_with_either(store: Store, border_s: float) -> None:
    border = int(border_s)
    for asked in (Range(border - HOUR_S, border), Range(border, border + HOUR_S)):
        commit(store, border - 30, 1)
        store.roll_up(LATER_S, AGES)
        assert found(store, Range()) == {1: 1}
        store.erase(Range(asked.since_s, asked.until_s))
        assert found(store, Range()) == {}


def test_a_rescue_keeps_what_was_counted_across_the_end_of_an_hour(store: Store) -> None:
    commit(store, NOON_S, 1)
    commit(store, NOON_S + HOUR_S - 30, 2)
    store.roll_up(NOON_S + 2 * HOUR_S, AGES)
    assert sql(store, "SELECT span_s FROM chunk ORDER BY start_s") == [(HOUR_S,), (60,)]
    store.close()
    rescue(store.path, datetime(2026, 1, 1, tzinfo=UTC))
    with Store.open(store.path, zone=UTC) as fresh:
        assert found(fresh, Range()) == {1: 1, 2: 1}


@pytest.mark.parametrize(
    ("zone", "counted", "hours"),
    [
        # Rolled up to the hour before, in UTC: it stays that hour.
        ("Asia/Kolkata", [(10 * HOUR_S, HOUR_S)], [10 * HOUR_S]),
        # An hour of its own, across two of the clock.
        ("UTC", [(9 * HOUR_S + 3000, HOUR_S)], [9 * HOUR_S + 3000]),
        # Longer than an hour: of no hour that is known.
        ("UTC", [(9 * HOUR_S + 3000, HOUR_S + 1)], []),
    ],
)
def test_an_hour_stays_the_hour_in_which_it_was_counted(
    tmp_path: Path, zone: str, counted: list[tuple[int, int]], hours: list[int]
) -> None:
    counts = Counts.from_pixels(40, 30, np.array([1]))
    with Store.open(tmp_path / "heat.sqlite3", zone=ZoneInfo(zone)) as store:
        for at_s, span_s in counted:
            store.commit(Tally({Series(SCREEN, "dwell"): counts}, {}), YEAR_S + at_s, YEAR_S + at_s + span_s)
        store.roll_up(YEAR_S + 3 * DAY_S, AGES)
        assert sql(store, "SELECT start_s - ? FROM hour ORDER BY start_s", YEAR_S) == [(at_s,) for at_s in hours]
        start_s = YEAR_S + counted[0][0]
        store.erase(Range(start_s + 3000, start_s + 3300))
        assert found(store, Range()) == {}


def test_where_the_clock_goes_back_by_half_an_hour_each_hour_holds_what_was_counted_in_it() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    one_s = int(datetime(2025, 4, 6, 1, tzinfo=zone).timestamp())  # at 2:00 it is 1:30 again
    for moment_s in range(one_s - 2 * HOUR_S, one_s + 4 * HOUR_S, 300):
        start_s, end_s = HOUR.period(moment_s, zone)
        assert start_s <= moment_s < end_s


def test_a_question_about_today_costs_the_same_whatever_lies_behind(tmp_path: Path) -> None:
    today_s = YEAR_S + 1000 * DAY_S
    costs: list[int] = []
    for days in (10, 200):
        with Store.open(tmp_path / f"{days}.sqlite3", zone=UTC) as store:
            lived(store, days=days)
            commit(store, today_s, 1)
            steps: list[int] = []
            # append returns None, so SQLite goes on
            store._connection.sql.set_progress_handler(partial(steps.append, 1), 20)  # noqa: SLF001 - SQLite's steps
            assert sum(one.total for one in store.totals(Range(today_s)) if one.what == "dwell") == 1
            costs.append(len(steps))
    few, many = costs
    assert 0 < many < 2 * few


def test_where_hours_are_not_kept_none_is_looked_for(tmp_path: Path) -> None:
    looks = []
    for days in (None, 0):
        with Store.open(tmp_path / f"{days}.sqlite3", zone=UTC) as store:
            statements: list[str] = []
            store._connection.sql.set_trace_callback(statements.append)  # noqa: SLF001 - what SQLite is asked
            live(store, RollupAges(1, 1000, 1000, days), days=5)
            looks.append(sum("counts" in one and "FROM chunk" in one for one in statements))
    assert looks[0] - looks[1] == 5  # one for each day


# Cells ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "side_px"),
    [((1920, 1080), 16), ((1080, 1920), 16), ((3840, 2160), 32), ((2560, 1440), 22), ((1, 1), 1), ((16384, 3900), 58)],
)
def test_a_cell_is_a_share_of_the_shorter_side(size: tuple[int, int], side_px: int) -> None:
    assert cells.cell_px(*size) == side_px


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 4899), st.integers(1, 2**40)), max_size=40),
)
def test_cells_keep_every_sum_and_its_centre_in_the_cell(
    size: tuple[int, int], side_px: int, counted: list[tuple[int, int]]
) -> None:
    width_px, height_px = size
    index = np.array([pixel % (width_px * height_px) for pixel, _ in counted], np.int64)
    counts = Counts.from_pixels(width_px, height_px, index, np.array([count for _, count in counted], np.int64))
    gathered = cells.gathered(counts, side_px)
    assert gathered.total == counts.total
    assert cells.binned(gathered, side_px) == cells.binned(counts, side_px)
    assert cells.gathered(gathered, side_px) == gathered
    for axis in (0, 1):
        before, after = (int((np.divmod(one.index, width_px)[axis] * one.count).sum()) for one in (counts, gathered))
        # Each centre is rounded to a pixel, and then to the middle one of the pixels of a sixteenth of the cell.
        assert abs(before - after) <= counts.total * (0.5 + math.ceil(side_px / 16) // 2) + 1
    encoded = cells.encode(gathered, side_px)
    assert cells.decode(encoded, size=size, side_px=side_px, total=counts.total) == gathered


@given(st.binary(max_size=60), st.integers(0, 80), st.integers(0, 255))
def test_bytes_that_are_no_cells_are_refused(noise: bytes, place: int, value: int) -> None:
    counts = cells.gathered(Counts.from_pixels(70, 50, np.arange(0, 3500, 37)), 16)
    good = bytearray(cells.encode(counts, 16))
    good[place % len(good)] = value
    for data in (noise, bytes(good)):
        try:
            decoded = cells.decode(data, size=(70, 50), side_px=16, total=counts.total)
        except ValueError:
            continue
        assert decoded.total == counts.total
        assert cells.gathered(decoded, 16) == decoded


# A year behind it -------------------------------------------------------------------------------------

NOON_S = YEAR_S + 2 * DAY_S + 12 * HOUR_S  # Tuesday, 3 January


def lived(store: Store, ages: RollupAges = AGES, days: int = 100) -> None:
    """A count at 9 and one at 12 of each day, on a pixel of the day; rolled up as it is 500 days later."""
    with closing(sqlite3.connect(_grown(ages, days))) as grown, closing(sqlite3.connect(store.path)) as empty:
        grown.backup(empty)


@cache
def _grown(ages: RollupAges, days: int) -> Path:
    """A store that ``lived``, made once."""
    file = Path(tempfile.mkdtemp()) / "heat.sqlite3"
    with Store.open(file, zone=UTC) as store:
        live(store, ages, days)
    return file


def live(store: Store, ages: RollupAges, days: int) -> None:
    store.commit_import(
        (
            YEAR_S + day * DAY_S + hour * HOUR_S,
            Tally({Series(SCREEN, "dwell"): Counts.from_pixels(40, 30, np.array([day]))}, {SCREEN: 7.0}),
        )
        for day in range(days)
        for hour in (9, 12)
    )
    store.roll_up(LATER_S, ages)


def sql(store: Store, statement: str, *values: int) -> list[tuple[int, ...]]:
    """Do what no method of Store would do."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_a_day_and_the_hours_of_weekdays_of_a_year_ago_are_read_from_cells_and_it_is_mentioned_once(
    store: Store,
) -> None:
    lived(store)
    assert sql(store, "SELECT DISTINCT span_s FROM chunk") == [(365 * DAY_S,)]
    third = Range(YEAR_S + 2 * DAY_S, YEAR_S + 3 * DAY_S)
    reading = store.read(["dwell"], third)
    assert found(store, third) == {2: 2}
    assert reading.cell_px == 1
    assert (reading.first_s, reading.last_s) == (NOON_S - 3 * HOUR_S, NOON_S + HOUR_S)
    assert reading.remarks == ("drawn from 1 px cells before 4 January 2023",)
    tuesdays = Range(hours=frozenset({9}), weekdays=frozenset({1}))
    assert found(store, tuesdays) == dict.fromkeys(range(2, 100, 7), 1)
    assert store.read(["dwell"]).remarks == ()


def test_statistics_of_any_hours_are_exact_and_by_the_day(store: Store) -> None:
    lived(store)
    asked = Range(YEAR_S, YEAR_S + 50 * DAY_S, hours=frozenset({12}))
    left_out: list[str] = []
    by_day = Counter(
        {(one.start_s - YEAR_S) // DAY_S: one.total for one in store.totals(asked, left_out) if one.what == "dwell"}
    )
    assert by_day == dict.fromkeys(range(50), 1)
    assert sum(one.total for one in store.totals(asked) if one.what == PATH) == 50 * 7
    assert left_out == []
    assert sum(one.total for one in store.totals() if one.what == "dwell") == 200


def test_a_film_has_every_step_of_a_year(store: Store) -> None:
    lived(store)
    for step_s, steps in ((HOUR_S, 200), (DAY_S, 100), (7 * DAY_S, 15)):
        pieces = [*store.pieces(["dwell"], [], step_s=step_s)]
        assert len({piece.start_s // step_s for piece in pieces}) >= steps - 1
        assert sum(piece.counts.total for piece in pieces) == 200


@pytest.mark.parametrize(("days", "kept"), [(None, 200), (0, 0), (450, 100)])
def test_hours_are_kept_as_long_as_configured(store: Store, days: int | None, kept: int) -> None:
    lived(store, RollupAges(1, 7, 60, days))
    assert sql(store, "SELECT count(*) FROM hour") == sql(store, "SELECT count(*) FROM cells") == [(kept,)]
    assert sum(one.total for one in store.totals() if one.what == PATH) == 200 * 7
    assert found(store, Range()).total() == 200
    assert store.check() == []
    store.roll_up(LATER_S, RollupAges(1, 7, 60, 0))  # switched off afterwards
    assert sql(store, "SELECT count(*) FROM hour") == [(0,)]
    reading = store.read(["dwell"], Range(NOON_S, NOON_S + HOUR_S))
    assert reading.counts == {}
    assert reading.remarks == ("left out one piece kept only per year, too coarse for this range",)


def test_what_was_counted_before_hours_were_kept_is_left_out_and_named(store: Store) -> None:
    lived(store, RollupAges(1, 7, 60, 0), days=10)
    commit(store, NOON_S, 5)  # imported after the upgrade
    store.roll_up(LATER_S, AGES)
    asked = Range(NOON_S, NOON_S + HOUR_S)
    assert found(store, asked) == {5: 1}
    assert store.read(["dwell"], asked).left_out == (
        "left out one piece kept only per year, too coarse for this range",
    )
    assert found(store, Range()).total() == 21
    assert store.check() == []
    assert sum(piece.counts.total for piece in store.pieces(["dwell"], [], step_s=HOUR_S)) == 21


def test_a_large_screen_keeps_the_exact_sum_and_little_else(store: Store) -> None:
    rng = np.random.default_rng(3)
    pixels = (
        rng.normal(540, 40, 3000).astype(int).clip(0, 1079) * 1920 + rng.normal(900, 60, 3000).astype(int)
    ).tolist()
    commit(store, NOON_S, *pixels, screen=LARGE)
    store.roll_up(LATER_S, AGES)
    ((_, counts),) = store.read(["dwell"], Range(NOON_S, NOON_S + HOUR_S)).counts.items()
    assert counts.total == 3000
    assert counts.pixels < 500
    y, x = np.divmod(counts.index, 1920)
    assert np.average(x, weights=counts.count) == pytest.approx(np.mean(np.array(pixels) % 1920), abs=0.5)
    assert np.average(y, weights=counts.count) == pytest.approx(np.mean(np.array(pixels) // 1920), abs=0.5)


def test_hours_that_are_written_together_fill_their_pages(store: Store) -> None:
    lived(store, days=1)
    rng = np.random.default_rng(4)
    connection, key = store._connection, Key(1, "dwell")  # noqa: SLF001 - bytes of any length
    ((chunk,),) = sql(store, "SELECT id FROM chunk")
    ((pages_before,),) = sql(store, "PRAGMA page_count")
    written_bytes = 0
    for _ in range(20):
        lengths = [*rng.integers(10_000, 14_000, 16).tolist(), *rng.integers(60, 460, 32).tolist()]
        with connection.transaction():
            hours.put(connection, [Encoded(Hour(0, chunk, NOON_S, key, 1), 1, bytes(length)) for length in lengths])
        written_bytes += sum(lengths)
    ((pages,),) = sql(store, "PRAGMA page_count")
    assert (pages - pages_before) * 4096 < 1.06 * written_bytes  # one after the other as they come it is 1.10


# Forgetting and damage --------------------------------------------------------------------------------


def test_forgetting_an_hour_of_a_year_keeps_the_rest_of_it_in_cells(store: Store) -> None:
    lived(store)
    held = store.held(Range(NOON_S, NOON_S + HOUR_S))
    assert (held.pieces, held.first_s, held.last_s) == (1, NOON_S, NOON_S + HOUR_S)
    assert held.coarsened == ((YEAR_S, YEAR_S + 365 * DAY_S),)
    assert store.erase(Range(NOON_S, NOON_S + HOUR_S), Promise(held, LATER_S)) == held
    assert found(store, Range()) == Counter(dict.fromkeys(range(100), 2)) - Counter({2: 1})
    assert found(store, Range(NOON_S, NOON_S + HOUR_S)) == {}
    assert store.check() == []
    assert store.held(Range(NOON_S, NOON_S + HOUR_S)).pieces == 0
    assert store.held(Range()).coarsened == ()


def test_what_is_coarsened_only_since_it_was_shown_is_not(store: Store) -> None:
    lived(store, RollupAges(1000, 1000, 1000))
    promise = Promise(store.held(Range(NOON_S, NOON_S + HOUR_S)), LATER_S)
    store.roll_up(LATER_S, AGES)
    with pytest.raises(MoreThanPromisedError):
        store.erase(Range(NOON_S, NOON_S + HOUR_S), promise)
    assert found(store, Range()).total() == 200


def test_no_byte_of_a_forgotten_hour_is_left(store: Store) -> None:
    lived(store, RollupAges(1000, 1000, 1000))
    commit(store, NOON_S, *range(7, 1190, 13))  # nowhere else is there such an hour
    store.roll_up(LATER_S, AGES)
    with closing(sqlite3.connect(store.path)) as connection:
        ((blob,),) = connection.execute(
            "SELECT counts FROM cells JOIN hour ON hour.id = cells.hour WHERE start_s = ?", (NOON_S,)
        )
    store.prune(YEAR_S)  # which writes, so that the file and its journal hold it
    files = [store.path, store.path.with_name(store.path.name + "-wal")]
    assert any(blob[-40:] in file.read_bytes() for file in files)
    store.erase(Range(NOON_S, NOON_S + HOUR_S))
    assert not any(blob[-40:] in file.read_bytes() for file in files)
    assert found(store, Range()).total() == 199


def test_a_damaged_hour_costs_that_hour(store: Store) -> None:
    lived(store)
    sql(store, "UPDATE cells SET checksum = 0 WHERE hour = (SELECT id FROM hour WHERE start_s = ?)", NOON_S)
    reading = store.read(["dwell"], Range(NOON_S - 3 * HOUR_S, NOON_S + HOUR_S))
    assert [counts.total for counts in reading.counts.values()] == [1]
    assert reading.left_out == ("left out the hour of 2023-01-03 12:00 (dwell): its checksum is wrong",)
    assert any("2023-01-03 12:00" in problem for problem in store.check())
    assert found(store, Range()).total() == 200


def test_the_hours_of_a_damaged_chunk_are_read(store: Store) -> None:
    lived(store)
    sql(store, "UPDATE chunk SET checksum = checksum + 1")
    reading = store.read(["dwell"], THIRD)
    assert found(store, THIRD) == {2: 2}
    assert len(reading.left_out) == 1
    assert "its checksum is wrong" in reading.left_out[0]
    assert found(store, Range()) == dict.fromkeys(range(100), 2)
    remarks: list[str] = []
    assert sum(piece.counts.total for piece in store.pieces(["dwell"], remarks)) == 200
    assert remarks[:1] == [*reading.left_out]
    assert found(store, Range(YEAR_S + 400 * DAY_S)) == {}


LAST = 1920 * 1080 - 1


@pytest.mark.parametrize(
    ("since_s", "until_s", "monitor", "gone"),
    [
        (NOON_S, NOON_S + HOUR_S, None, {2: 1}),
        (YEAR_S + 400 * DAY_S, None, None, {LAST: 1}),
        (None, None, "HDMI-1", {LAST: 1}),
        (None, None, "DP-1", dict.fromkeys(range(100), 2)),
    ],
    ids=["an hour", "another year", "another screen", "all"],
)
def test_forgetting_keeps_the_hours_of_a_damaged_chunk_that_lie_elsewhere(
    store: Store, since_s: int | None, until_s: int | None, monitor: str | None, gone: dict[int, int]
) -> None:
    lived(store)
    commit(store, LATER_S, LAST, screen=LARGE)
    lost = "UPDATE cells SET checksum = 0 WHERE hour = (SELECT id FROM hour WHERE start_s = ?)"
    sql(store, lost, YEAR_S + 9 * HOUR_S)  # one of its hours is damaged as well
    sql(store, "UPDATE chunk SET checksum = checksum + 1 WHERE span_s > ?", DAY_S)
    promise = Promise(store.held(Range(since_s, until_s, monitor)), LATER_S + DAY_S)
    store.erase(Range(since_s, until_s, monitor), promise)
    assert store.check() == []
    kept = Counter({**dict.fromkeys(range(1, 100), 2), 0: 1, LAST: 1}) - Counter(gone)
    assert found(store, Range()) == kept
    in_cells = kept.total() - kept[LAST]
    assert sql(store, "SELECT count(*) FROM hour") == sql(store, "SELECT count(*) FROM cells") == [(in_cells,)]


THIRD = Range(YEAR_S + 2 * DAY_S, YEAR_S + 3 * DAY_S)
DAMAGE = {
    "no such chunk": "UPDATE hour SET chunk = 999 WHERE start_s = ?",
    "chunk of another series": "UPDATE hour SET layer = 'travel' WHERE start_s = ?",
    "impossible time": "UPDATE hour SET start_s = 9000000000000 WHERE start_s = ?",
    "impossible total": "UPDATE hour SET total = -1 WHERE start_s = ?",
    "cells of no hour": "DELETE FROM hour WHERE start_s = ?",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize(
    ("since_s", "until_s", "left"), [(None, None, 0), (THIRD.since_s, THIRD.until_s, 198)], ids=["all", "a day"]
)
def test_a_damaged_hour_is_forgotten_too(
    store: Store, damage: str, since_s: int | None, until_s: int | None, left: int
) -> None:
    lived(store)
    sql(store, damage, NOON_S)  # foreign keys are not looked at: it is damage
    store.erase(Range(since_s, until_s))
    assert sql(store, "SELECT count(*) FROM hour") == sql(store, "SELECT count(*) FROM cells") == [(left,)]
    assert store.check() == []
    assert found(store, Range()) == (Counter(dict.fromkeys(range(100), 2)) - Counter({2: 2}) if left else {})


@pytest.mark.parametrize("damage", ["start_s = 9000000000000", "total = -1", "layer = 'no such'"])
def test_statistics_leave_out_an_hour_that_cannot_be(store: Store, damage: str) -> None:
    lived(store)
    sql(store, f"UPDATE hour SET {damage} WHERE start_s = ?", NOON_S)  # noqa: S608 - of this test
    left_out: list[str] = []
    asked = Range(hours=frozenset({12}))
    assert sum(one.total for one in store.totals(asked, left_out) if one.what == "dwell") == 99
    assert left_out == ["left out one piece kept only per year, too coarse for this range"]
    assert sum(one.total for one in store.totals() if one.what == "dwell") == 200


def test_statistics_do_not_believe_hours_that_have_more_than_their_chunk(store: Store) -> None:
    lived(store)
    sql(store, "UPDATE hour SET total = 1000 WHERE start_s = ?", NOON_S)
    left_out: list[str] = []
    assert [one.total for one in store.totals(left_out=left_out) if one.what == "dwell"] == [200]
    assert len(left_out) == 1
    assert "(dwell of 2023-01-01 00:00): their sum is wrong" in left_out[0]


def test_a_chunk_of_an_impossible_time_stops_no_question_about_days_of_the_week(store: Store) -> None:
    lived(store)
    sql(store, "UPDATE chunk SET start_s = 9000000000000")
    reading = store.read(["dwell"], Range(weekdays=frozenset({1})))
    assert len(reading.left_out) == 1


def test_hours_that_are_not_those_of_their_pixels_are_found(store: Store) -> None:
    lived(store, days=30)
    swapped = "UPDATE hour SET chunk = (SELECT id FROM chunk WHERE layer = 'travel') WHERE layer = 'dwell'"
    commit(store, NOON_S, 3, layer="travel")
    store.roll_up(LATER_S, AGES)
    assert store.check() == []
    sql(store, swapped)
    assert store.check() != []


def test_a_lost_year_is_put_together_from_its_hours(store: Store) -> None:
    lived(store)
    store.close()
    sql(store, "UPDATE chunk SET checksum = checksum + 1")
    sql(store, "UPDATE cells SET counts = zeroblob(9) WHERE hour = (SELECT id FROM hour WHERE start_s = ?)", NOON_S)
    _, rescued = rescue(store.path, datetime(2026, 1, 1, tzinfo=UTC))
    assert (rescued.kept, rescued.lost, rescued.days) == (0, 1, 100)
    with Store.open(store.path, zone=UTC) as fresh:
        assert fresh.check() == []
        assert found(fresh, Range()) == Counter(dict.fromkeys(range(100), 2)) - Counter({2: 1})
        assert found(fresh, Range(YEAR_S, YEAR_S + DAY_S, hours=frozenset({9}))) == {0: 1}


def test_the_hours_of_a_year_are_not_all_decoded_at_a_time(store: Store) -> None:
    screen = Monitor("DP-2", 400, 300)
    counts = Counts.from_pixels(400, 300, np.arange(0, 400 * 300, 4))  # one in each cell
    in_hour = cells.gathered(counts, cells.cell_px(400, 300))
    hours = 60
    store.commit_import(
        (YEAR_S + hour * HOUR_S, Tally({Series(screen, "dwell"): counts}, {screen: 7.0})) for hour in range(hours)
    )
    store.roll_up(LATER_S, AGES)

    def forget() -> None:
        store.erase(Range(YEAR_S, YEAR_S + HOUR_S))
        store.close()

    def recover() -> None:
        sql(store, "UPDATE chunk SET checksum = checksum + 1")
        rescue(store.path, datetime(2026, 1, 1, tzinfo=UTC))

    for work in (forget, recover):
        tracemalloc.start()
        try:
            work()
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak_bytes < 0.5 * hours * (in_hour.index.nbytes + in_hour.count.nbytes)


def test_a_rescue_keeps_hours_with_their_chunk(store: Store) -> None:
    lived(store)
    ids = store.store_ids()
    store.close()
    _, rescued = rescue(store.path, datetime(2026, 1, 1, tzinfo=UTC))
    assert (rescued.kept, rescued.lost, rescued.days) == (1, 0, 0)
    with Store.open(store.path, zone=UTC) as fresh:
        assert fresh.check() == []
        assert fresh.store_ids() == ids
        assert found(fresh, Range(NOON_S, NOON_S + HOUR_S)) == {2: 1}
        assert sum(one.total for one in fresh.totals() if one.what == PATH) == 200 * 7


def test_pruning_takes_hours_with_their_chunks(store: Store) -> None:
    lived(store)
    commit(store, YEAR_S + 450 * DAY_S, 1)
    store.prune(YEAR_S + 400 * DAY_S)
    assert sql(store, "SELECT count(*) FROM hour") == sql(store, "SELECT count(*) FROM cells") == [(0,)]
    assert found(store, Range()) == {1: 1}
    assert store.check() == []
