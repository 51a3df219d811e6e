"""Counts by application in the store: kept beside the sum of all, through every tier, and in doubt not believed."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.batch import Batch, decode, encode
from mousetrackd.storage.readings import Range
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREEN = Monitor("DP-1", 40, 30)
GRID = 16
DAY_S, HOUR_S = 86_400, 3600
YEAR_S = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
AGES = RollupAges(hourly_days=1, daily_days=7, monthly_days=60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as opened:
        yield opened


def tally(**pixels: int) -> Tally:
    """One ms at a pixel for each application: in all, and in its window."""
    one = Counts.from_pixels(40, 30, np.array([*pixels.values()]))
    counts = {Series(SCREEN, "dwell"): one}
    for name, pixel in pixels.items():
        counts[Series(SCREEN, "dwell", name)] = Counts.from_pixels(40, 30, np.array([pixel]))
        counts[Series(SCREEN, "dwell", name, GRID)] = Counts.from_pixels(GRID, GRID, np.array([pixel % (GRID * GRID)]))
    return Tally(counts, {SCREEN: 5.0})


def pixels(store: Store, application: str = "", grid: int = 0) -> dict[int, int]:
    reading = store.read(["dwell"], Range(application=application, grid=grid))
    return {
        pixel: count
        for counts in reading.counts.values()
        for pixel, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
    }


def fill(store: Store) -> None:
    for number in range(100):
        store.commit(tally(a=1, b=2 + number % 2), YEAR_S + number * DAY_S, YEAR_S + number * DAY_S + 60)


EXPECTED = {("", 0): {1: 100, 2: 50, 3: 50}, ("a", 0): {1: 100}, ("b", 0): {2: 50, 3: 50}, ("b", GRID): {2: 50, 3: 50}}


@pytest.mark.parametrize("days", [0, 2, 90, 500])
def test_applications_are_read_apart_in_every_tier(store: Store, days: int) -> None:
    fill(store)
    store.roll_up(YEAR_S + days * DAY_S, AGES)
    assert {asked: pixels(store, *asked) for asked in EXPECTED} == EXPECTED
    assert store.applications() == ["a", "b"]
    assert store.check() == []


def test_an_hour_of_an_application_is_answered_long_after(store: Store) -> None:
    fill(store)
    store.roll_up(YEAR_S + 500 * DAY_S, AGES)
    asked = Range(YEAR_S + DAY_S, YEAR_S + DAY_S + HOUR_S, application="b")
    assert [counts.total for counts in store.read(["dwell"], asked).counts.values()] == [1]
    assert sum(one.total for one in store.totals(asked)) == 1
    assert {one.application for one in store.totals(asked)} == {"b"}
    assert {one.what for one in store.totals(Range(application="b"))} == {"dwell"}, "there is no path of one"


def test_a_side_file_keeps_applications() -> None:
    batch = Batch.of(tally(a=1, b=2), YEAR_S, YEAR_S + 60, Layout())
    assert decode(encode(batch)).tally.counts == batch.tally.counts


def test_a_rescue_keeps_applications(store: Store, tmp_path: Path) -> None:
    fill(store)
    store.roll_up(YEAR_S + 90 * DAY_S, AGES)
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE chunk SET checksum = 1 WHERE id = (SELECT max(id) FROM chunk)")
    connection.close()
    _, rescued = rescue(store.path, datetime.now(UTC))
    assert rescued.lost == 1
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as fresh:
        assert pixels(fresh, "a") == {1: 100}
        assert sum(pixels(fresh).values()) == 200
        assert fresh.check() == []
