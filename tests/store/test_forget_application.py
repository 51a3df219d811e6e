"""Of an application that is forgotten nothing is left, in the totals either; all others stay to the last count."""

import contextlib
import itertools
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mousetrackd.core import cells, difference
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage import forget, forget_note
from mousetrackd.storage.forget import Choice
from mousetrackd.storage.merge import merge
from mousetrackd.storage.readings import PATH, Range
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import HOUR, RollupAges
from mousetrackd.system.paths import Paths

SMALL = Monitor("DP-1", 40, 30)  # whose cells are of one pixel: what is read can be compared exactly
LARGE = Monitor("HDMI-1", 1920, 1080)
GRID = 16
DAY_S, HOUR_S, HALF_S = 86_400, 3600, 1800
YEAR_S = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
AGES = RollupAges(hourly_days=1, daily_days=7, monthly_days=60)
LATER_S = YEAR_S + 500 * DAY_S
NAMES = ("a", "b", "other")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as opened:
        yield opened


def tally(of_each: dict[str, list[int]], screen: Monitor = SMALL, layer: str = "dwell") -> Tally:
    """The pixels of each application; those of "" belong to none, as before applications were counted."""

    def counts(pixels: list[int]) -> Counts:
        return Counts.from_pixels(screen.width_px, screen.height_px, np.array(pixels, np.int64))

    found = {Series(screen, layer): counts([*itertools.chain(*of_each.values())])}
    for name, pixels in of_each.items():
        if name and pixels:
            found[Series(screen, layer, name)] = counts(pixels)
            in_window = Counts.from_pixels(GRID, GRID, np.array(pixels, np.int64) % GRID**2)
            found[Series(screen, layer, name, GRID)] = in_window
    return Tally(found, {screen: 7.0})


def found(store: Store, application: str = "", grid: int = 0, asked: Range | None = None) -> Counter[int]:
    """The counts of each pixel."""
    wanted = asked or Range()
    reading = store.read(
        ["dwell"], Range(wanted.since_s, wanted.until_s, wanted.monitor, application=application, grid=grid)
    )
    return Counter(
        {
            pixel: count
            for counts in reading.counts.values()
            for pixel, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
        }
    )


# Against a plain list ---------------------------------------------------------------------------------

Counted = tuple[int, int, str, int]  # from, to, application, pixel
borders = st.builds(lambda day, half: day * 48 + half, st.sampled_from([31, 32, 59, 90, 365]), st.integers(-24, 24))
halves = st.integers(0, 100 * 48) | borders
zones = st.sampled_from([UTC, *(timezone(timedelta(hours=hours)) for hours in (5.5, 9, -9))])
pixels = st.lists(st.integers(0, 20), max_size=3)
commits = st.tuples(st.just("commit"), halves, st.dictionaries(st.sampled_from(["", *NAMES]), pixels, min_size=1))
roll_ups = st.tuples(st.just("roll up"), st.sampled_from([2, 3, 33, 36, 62, 120, 470]), zones)
names = st.sampled_from([*NAMES, *NAMES, ""])
forgets = st.tuples(st.just("forget"), names, st.none() | st.tuples(halves, st.integers(1, 80)))


BOTH = {"a": [1, 2], "b": [2, 3], "": [2]}


@settings(deadline=None)
@given(st.lists(st.one_of(commits, commits, commits, roll_ups, roll_ups, forgets), max_size=14), names)
# Rare among random lives: a part of a day, month and year of one, once and again, and after all of an hour went.
@example([("commit", 2, BOTH), ("commit", 9, BOTH), ("roll up", 3, UTC), ("forget", "a", (2, 1))], "b")
@example([("commit", 2, BOTH), ("commit", 9, BOTH), ("roll up", 36, UTC), ("forget", "b", (2, 1))], "a")
@example(
    [
        *(("commit", half, BOTH) for half in (2, 9, 60, 31 * 48 + 2)),
        *(("roll up", 470, UTC), ("forget", "a", (2, 1)), ("forget", "a", (8, 60)), ("forget", "", (60, 1))),
    ],
    "b",
)
@example([("commit", 2, BOTH), ("commit", 9, {"": [1]}), ("roll up", 3, UTC), ("forget", "", (9, 1))], "a")
def test_totals_are_those_of_the_others_in_any_life(steps: list[tuple[object, ...]], last: str) -> None:
    """Commits, roll-ups in changing zones, and applications or times forgotten, in any order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heat.sqlite3"
        expected: list[Counted] = []
        Store.open(path, zone=UTC).close()
        for step in [*steps, ("forget", last or "a", None)]:
            match step:
                case ("commit", int(half), dict(of_each)):
                    at_s = YEAR_S + half * HALF_S
                    with Store.open(path, zone=UTC) as store:
                        store.commit(tally(of_each), at_s, at_s + 60)
                    expected += [(at_s, at_s + 60, name, pixel) for name, all_of in of_each.items() for pixel in all_of]
                case ("roll up", int(day), timezone() as zone):
                    with Store.open(path, zone=zone) as store:
                        store.roll_up(YEAR_S + day * DAY_S, AGES)
                    expected = [by_the_hour(one, YEAR_S + day * DAY_S, zone) for one in expected]
                case ("forget", str(name), when):
                    first, length = when if isinstance(when, tuple) else (-1000, 10**6)
                    gone = Range(YEAR_S + first * HALF_S, YEAR_S + (first + length) * HALF_S)
                    with Store.open(path, zone=UTC) as store:
                        store.erase(Range(gone.since_s, gone.until_s, application=name))
                    expected = [
                        one for one in expected if not (name in ("", one[2]) and gone.touches(one[0], one[1], UTC))
                    ]
        with Store.open(path, zone=UTC) as store:
            assert store.check() == []
            assert found(store) == Counter(pixel for *_, pixel in expected)
            for name in NAMES:
                of_it = Counter(pixel for _, _, whose, pixel in expected if whose == name)
                assert found(store, name) == of_it
                assert found(store, name, GRID) == of_it
                assert sum(one.total for one in store.totals(Range(application=name))) == of_it.total()
            by_hour = Counter[int]()
            for piece in store.pieces(["dwell"], [], step_s=HOUR_S):
                by_hour[piece.start_s] += piece.counts.total
            assert by_hour.total() == len(expected)


def by_the_hour(one: Counted, now_s: int, zone: timezone) -> Counted:
    """What is kept of it at a roll-up: the hour of the local clock, once that is over. An hour stays as it is."""
    start_s, end_s, name, pixel = one
    begin_s, over_s = HOUR.period(start_s, zone)
    return (begin_s, over_s, name, pixel) if end_s - start_s < HOUR_S and over_s <= now_s else one


# To the cell, where that is all that is kept ----------------------------------------------------------

SIDE_PX = cells.cell_px(LARGE.width_px, LARGE.height_px)


def scattered(seed: int) -> list[int]:
    return [int(pixel) for pixel in np.random.default_rng(seed).integers(0, LARGE.width_px * 200, 300)]


def in_cells(counts: Counter[int]) -> Counts:
    """The sums of cells of the large screen."""
    index, count = (np.array([*values], np.int64) for values in (counts.keys(), counts.values()))
    return cells.binned(Counts.from_pixels(LARGE.width_px, LARGE.height_px, index, count), SIDE_PX)


@pytest.mark.parametrize("days", [3, 36, 120, 470], ids=["day", "week", "month", "year"])
@pytest.mark.parametrize("first", [None, (1, 2), (2, 3)], ids=["whole", "after its hour", "after another's hour"])
def test_what_is_kept_in_cells_is_taken_out_of_the_same_cells(
    store: Store, days: int, first: tuple[int, int] | None
) -> None:
    """An hour that is forgotten leaves the sum of all in cells, and an application without that hour in pixels."""
    lives = {"a": {0: 1, 1: 2}, "b": {0: 3, 1: 4, 2: 5}}
    for hour in range(3):
        of_each = {name: scattered(seeds[hour]) for name, seeds in lives.items() if hour in seeds}
        at_s = YEAR_S + hour * HOUR_S
        store.commit(tally(of_each, LARGE), at_s, at_s + 60)
    store.roll_up(YEAR_S + days * DAY_S, AGES)
    if first is not None:
        store.erase(Range(YEAR_S + first[0] * HOUR_S, YEAR_S + first[1] * HOUR_S))
    store.erase(Range(application="a"))
    gone = range(*first) if first else ()
    expected = Counter(pixel for hour, seed in lives["b"].items() if hour not in gone for pixel in scattered(seed))
    assert store.check() == []
    assert in_cells(found(store)) == in_cells(found(store, "b")) == in_cells(expected)
    if first is None:
        assert found(store) == expected, "to the pixel"
    first_hour = Range(YEAR_S, YEAR_S + HOUR_S)
    assert in_cells(found(store, asked=first_hour)) == in_cells(Counter(scattered(3)))


def test_where_only_the_application_is_rolled_up_yet_the_totals_are_right_as_well(store: Store) -> None:
    """As in a roll-up that was killed after its series, or where the sums that it is a part of are damaged."""
    both = tally({"a": [1, 1, 2], "b": [1, 3]}).counts
    for hour, pixels in enumerate(([1, 1, 1], [2, 3])):
        of_all = Counts.from_pixels(40, 30, np.array(pixels))
        store.commit(Tally({Series(SMALL, "dwell"): of_all}), YEAR_S + hour * HOUR_S, YEAR_S + hour * HOUR_S + 60)
    of_each = {series: counts for series, counts in both.items() if series.application}
    store.commit(Tally(of_each), YEAR_S, YEAR_S + DAY_S)
    store.erase(Range(application="a"))
    assert found(store) == found(store, "b") == Counter([1, 3])
    assert store.check() == []
    store.erase(Range(application="b"))
    assert not found(store)


def test_of_two_stores_in_one_the_totals_are_right_as_well(tmp_path: Path) -> None:
    """In one there are two sums of all of the same time, and the application is a part of either."""
    for number in (1, 2):
        with Store.open(tmp_path / f"{number}.sqlite3", zone=UTC) as store:
            for hour in range(2):
                of_each = {name: scattered(number * 10 + hour + len(name)) for name in ("a", "other")}
                store.commit(tally(of_each, LARGE), YEAR_S + hour * HOUR_S, YEAR_S + hour * HOUR_S + 60)
            store.roll_up(YEAR_S + 3 * DAY_S, AGES)
    merge(tmp_path / "both.sqlite3", [tmp_path / "1.sqlite3", tmp_path / "2.sqlite3"])
    with Store.open(tmp_path / "both.sqlite3", zone=UTC) as store:
        store.roll_up(YEAR_S + 36 * DAY_S, AGES)
        store.erase(Range(YEAR_S, YEAR_S + HOUR_S, application="a"))
        store.erase(Range(application="a"))
        assert store.check() == []
        assert found(store) == found(store, "other")


def test_the_centre_of_mass_of_what_is_left_is_that_of_what_is_left() -> None:
    size = 64, 48
    whole = Counts.from_pixels(*size, np.array([1 + 64, 13 + 5 * 64, 17]), np.array([3, 1, 2]))
    part = Counts.from_pixels(*size, np.array([1 + 64, 40]), np.array([3, 7]))
    left = difference.of_centres(cells.gathered(whole, 16), cells.gathered(part, 16), 16)
    assert (left.index.tolist(), left.count.tolist()) == ([17, 13 + 5 * 64], [2, 1])
    assert difference.of_centres(part, whole, 16).total == 7
    assert not difference.of_centres(whole, whole, 16).pixels


# All files --------------------------------------------------------------------------------------------


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Folders with three days of two applications, the second of which begins on the second, and daily pictures."""
    made = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    made.snapshots.mkdir(parents=True)
    with Store.open(made.store, zone=UTC) as store:
        for day in range(3):
            at_s = YEAR_S + day * DAY_S
            of_each = {"b": scattered(day), "private.app": scattered(day + 10) if day else []}
            store.commit(tally(of_each, LARGE), at_s, at_s + HOUR_S)
    for name, day in (("20230101T120000Z.png", 0), ("20230102T120000Z.png", 1), ("latest.png", 2), ("history.html", 2)):
        path = made.snapshots / name
        path.write_bytes(b"a picture")
        os.utime(path, (YEAR_S + day * DAY_S + HOUR_S,) * 2)
    return made


def is_anywhere(blob: bytes, folder: Path) -> bool:
    """Does any file hold a piece of it?"""
    found_pieces = [blob[at : at + 32] for at in range(24, len(blob) - 32, 256)] or [blob]
    return any(piece in path.read_bytes() for path in folder.rglob("*") if path.is_file() for piece in found_pieces)


def test_no_byte_is_left_and_only_pictures_that_may_show_it_go(paths: Paths) -> None:
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        rows = sql.execute("SELECT counts FROM chunk WHERE application != 'b' AND start_s > ?", (YEAR_S,)).fetchall()
    assert len(rows) == 6
    assert is_anywhere(b"private.app", paths.data_dir)
    choice = forget.named(paths, Choice(application="Private.App.desktop"))
    expected = forget.find(paths, choice)
    lines = " ".join(expected.lines(choice))
    assert "4 pieces of the counts for private.app, from 2023-01-02" in lines
    assert "travel and distance stay" in lines
    assert forget.carry_out(paths, choice) == expected
    assert not [row for (row,) in rows if is_anywhere(row, paths.data_dir)]
    assert not is_anywhere(b"private.app", paths.data_dir)
    assert {path.name for path in paths.snapshots.iterdir()} == {"20230101T120000Z.png"}
    with Store.open(paths.store, zone=UTC) as store:
        assert found(store) == found(store, "b")
        assert store.applications() == ["b"]
        assert sum(one.total for one in store.totals() if one.what == PATH) == 21
        assert store.check() == []


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        (Choice(since_s=YEAR_S + 2 * DAY_S, application="private.app"), {1}),
        (Choice(until_s=YEAR_S + 2 * DAY_S, application="private.app"), {2}),
        (Choice(monitor="HDMI-1", application="private.app"), set()),
        (Choice(monitor="DP-1", application="private.app"), {1, 2}),
    ],
    ids=lambda value: value.options() if isinstance(value, Choice) else "",
)
def test_with_a_time_or_a_monitor_only_what_is_both(paths: Paths, choice: Choice, left: set[int]) -> None:
    with Store.open(paths.store, zone=UTC) as store:
        store.commit(tally({"b": [1]}), YEAR_S, YEAR_S + 60)
    forget.carry_out(paths, choice)
    expected = Counter(pixel for day in left for pixel in scattered(day + 10))
    with Store.open(paths.store, zone=UTC) as store:
        assert found(store, "private.app") == expected
        assert found(store) == found(store, "b") + expected
        assert len(store.monitors()) == 2


def test_of_a_damaged_piece_what_its_hours_hold_is_taken_out(paths: Paths) -> None:
    with Store.open(paths.store, zone=UTC) as store:
        store.roll_up(YEAR_S + 36 * DAY_S, AGES)
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        sql.execute("UPDATE chunk SET checksum = 1 WHERE application = 'private.app' AND grid = 0")
        sql.commit()
    forget.carry_out(paths, Choice(application="private.app"))
    with Store.open(paths.store, zone=UTC) as store:
        assert store.check() == []
        assert in_cells(found(store)) == in_cells(found(store, "b"))


def test_one_that_was_never_counted_is_an_error(paths: Paths) -> None:
    with pytest.raises(UsageError) as raised:
        forget.named(paths, Choice(application="privat.app"))
    assert "Did you mean private.app?" in raised.value.hint


def test_one_that_is_gone_already_can_be_forgotten_to_the_end(paths: Paths) -> None:
    """As where it was interrupted after the store had it no more."""
    choice = Choice(application="gone.app")
    paths.forgetting.write_text(f"{choice.options()}\n")
    assert forget.named(paths, choice) == choice
    assert not forget.carry_out(paths, choice)
    assert forget_note.unfinished(paths) == []
    assert (paths.snapshots / "latest.png").exists()


def test_by_time_and_by_monitor_applications_go_too(paths: Paths) -> None:
    forget.carry_out(paths, Choice(since_s=YEAR_S + 2 * DAY_S))
    with Store.open(paths.store, zone=UTC) as store:
        assert found(store, "private.app") == found(store, "private.app", asked=Range(until_s=YEAR_S + 2 * DAY_S))
        assert found(store, "private.app").total() == 300
    forget.carry_out(paths, Choice(monitor="HDMI-1"))
    with Store.open(paths.store, zone=UTC) as store:
        assert store.applications() == []
    assert not is_anywhere(b"private.app", paths.data_dir)
