"""What cannot be undone waits for a clock that can be believed: on real stores, with the clock of the test."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mousetrackd.config import StoreConfig
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.clock_guard import DAY_S, HOUR_S, Known, Moment
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.daemon.clocks import known_of_clock
from mousetrackd.daemon.rollup_worker import roll_up
from mousetrackd.storage.erase import MoreThanPromisedError, Promise
from mousetrackd.storage.migration import BACKUP_KEPT_S, backup_of
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREEN = Monitor("DP-1", 64, 48)
NOON_S = int(datetime(2026, 5, 14, 12, tzinfo=UTC).timestamp())
KEEP = StoreConfig(keep_days=365)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as opened:
        for day in range(-3, 1):
            for minute in range(3):
                put(opened, NOON_S + day * DAY_S + minute * 60)
        yield opened


def put(store: Store, start_s: int) -> None:
    store.commit(
        Tally({Series(SCREEN, "dwell"): Counts.from_pixels(64, 48, np.array([start_s % 3000]))}), start_s, start_s + 60
    )


def spans(store: Store) -> list[int]:
    with contextlib.closing(sqlite3.connect(store.path)) as sql:
        return [span_s for (span_s,) in sql.execute("SELECT span_s FROM chunk ORDER BY start_s, id")]


def look(store: Store, days: float, *, keep: StoreConfig = KEEP, up_s: float = 0, start: str = "1 1") -> Known:
    """Keep house so many days after the newest counts."""
    clock_file = store.path.with_name("clock.json")
    now_s = int(NOON_S + 180 + days * DAY_S)
    roll_up(store, keep, clock_file, Moment(now_s, int(up_s), start))
    return known_of_clock(clock_file)


def test_a_clock_that_agrees_rolls_up(store: Store) -> None:
    assert look(store, 0.1).leap is None
    assert spans(store) == [HOUR_S] * 4
    assert look(store, 20).leap is None
    assert set(spans(store)) == {DAY_S}


def test_one_look_three_years_ahead_changes_nothing_not_even_a_copy(store: Store) -> None:
    backup = backup_of(store.path, 1)
    backup.touch()
    os.utime(backup, (NOON_S, NOON_S))
    before = spans(store)
    put(store, NOON_S + 1100 * DAY_S)
    assert look(store, 1100).leap is not None
    assert spans(store) == [*before, 60]
    assert backup.exists()
    assert look(store, 0.2).leap is None
    assert spans(store) == [*[HOUR_S] * 4, 60]  # that of the future is left until then
    assert backup.exists()
    assert look(store, BACKUP_KEPT_S / DAY_S + 1).leap is None
    assert not backup.exists()


def test_nothing_is_pruned_before_the_clock_ran_for_a_day(store: Store) -> None:
    before = spans(store)
    for hour in range(24):
        put(store, int(NOON_S + (1100 + hour / 24) * DAY_S))
        assert look(store, 1100 + hour / 24, up_s=hour * HOUR_S).leap is not None
        assert spans(store)[: len(before)] == before
    assert look(store, 1101, up_s=DAY_S).leap is None
    assert min(one.start_s for one in store.totals()) > NOON_S + 1000 * DAY_S


def test_after_months_away_the_second_day_rolls_up(store: Store) -> None:
    keep = StoreConfig()
    assert look(store, 90, keep=keep).leap is not None
    assert look(store, 91, keep=keep, start="2 1").leap is None
    assert max(spans(store)) > 27 * DAY_S


def test_a_clock_file_that_nobody_wrote_is_no_obstacle(store: Store) -> None:
    clock_file = store.path.with_name("clock.json")
    clock_file.write_bytes(b"\xff{")
    assert look(store, 0.1).leap is None
    assert spans(store) == [HOUR_S] * 4
    clock_file.unlink()
    clock_file.mkdir()  # it cannot be written either
    assert look(store, 1100).leap is None or spans(store) == [HOUR_S] * 4
    assert spans(store) == [HOUR_S] * 4


def test_forgetting_takes_no_more_than_was_announced(store: Store) -> None:
    since_s, until_s = NOON_S, NOON_S + 60
    told = store.held(Range(since_s, until_s))
    assert told.stretches == ((NOON_S, NOON_S + 60),)
    promise = Promise(told, NOON_S + 200)
    store.roll_up(NOON_S + HOUR_S, RollupAges())
    before = spans(store)
    with pytest.raises(MoreThanPromisedError):
        store.held(Range(since_s, until_s), promise)
    with pytest.raises(MoreThanPromisedError):
        store.erase(Range(since_s, until_s), promise)
    assert spans(store) == before
    again = Promise(store.held(Range(since_s, until_s)), NOON_S + 200)
    assert store.erase(Range(since_s, until_s), again).pieces == 1


def test_what_is_counted_after_the_question_is_forgotten_as_well(store: Store) -> None:
    promise = Promise(store.held(Range(NOON_S)), NOON_S + 180)
    assert promise.held.stretches == ((NOON_S, NOON_S + 180),)
    put(store, NOON_S + 180)
    assert store.erase(Range(NOON_S), promise).pieces == 4
