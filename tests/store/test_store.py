"""The store, on real SQLite files: nothing acknowledged is lost, nothing counted twice, nothing damaged believed."""

import contextlib
import os
import random
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import settings

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import StoreError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage.batch import Batch
from mousetrackd.storage.chunks import Chunk, Key, checksum_of
from mousetrackd.storage.database_files import create, set_aside
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.readings import Range
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

A = Monitor("DP-1", 4, 3)
B = Monitor("HDMI-1", 3, 3)
HOUR_S, DAY_S = 3600, 86400
NOON_S = int(datetime(2024, 5, 14, 12, tzinfo=UTC).timestamp())

Cells = Counter[tuple[str, str, int]]
"""How much was counted per monitor label, layer and pixel number."""


def tally_of(*pixels: int, monitor: Monitor = A, layer: str = "dwell", path_px: float = 0.0) -> Tally:
    counts = Counts.from_pixels(monitor.width_px, monitor.height_px, np.array(pixels, np.int64))
    return Tally({Series(monitor, layer): counts}, {monitor: path_px} if path_px else {})


def cells_of(store: Store, since_s: int | None = None, until_s: int | None = None, monitor: str | None = None) -> Cells:
    reading = store.read(LAYERS, Range(since_s, until_s, monitor))
    assert reading.left_out == ()
    return Counter(
        {
            (screen.label, layer, pixel): count
            for (screen, layer, *_), counts in reading.counts.items()
            for pixel, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
        }
    )


def total(store: Store, since_s: int | None = None, until_s: int | None = None) -> int:
    return sum(cells_of(store, since_s, until_s).values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heat.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, zone=UTC) as opened:
        yield opened


def change(path: Path, statement: str, *values: object) -> None:
    """Do what no method of Store would do."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def rows(path: Path, query: str) -> list[tuple[int, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


# Commit and read --------------------------------------------------------------------------------------


def test_what_was_committed_is_read(store: Store) -> None:
    store.commit(tally_of(5, 5, 0), NOON_S, NOON_S + 60)
    reading = store.read(["dwell"])
    assert reading.counts == {Series(A, "dwell"): Counts.from_pixels(4, 3, np.array([0, 5, 5]))}
    assert (reading.first_s, reading.last_s, reading.left_out) == (NOON_S, NOON_S + 60, ())


def test_what_was_committed_is_there_after_closing(path: Path) -> None:
    with Store.open(path) as store:
        store.commit(tally_of(5), NOON_S, NOON_S + 60)
    with Store.open(path) as store:
        assert cells_of(store) == {("DP-1@4x3", "dwell", 5): 1}


def test_commits_add_up(store: Store) -> None:
    for minute in range(3):
        store.commit(tally_of(5, minute), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
    assert cells_of(store) == {
        ("DP-1@4x3", "dwell", 5): 3,
        **{("DP-1@4x3", "dwell", pixel): 1 for pixel in range(3)},
    }


def test_an_empty_store_reads_as_nothing(store: Store) -> None:
    reading = store.read(LAYERS)
    assert (dict(reading.counts), reading.first_s, reading.last_s, reading.left_out) == ({}, None, None, ())
    assert store.layout() == Layout()
    assert store.monitors() == {}
    assert store.check() == []


def test_an_unknown_layer_reads_as_nothing(store: Store) -> None:
    store.commit(tally_of(5), NOON_S, NOON_S + 60)
    assert store.read([]).counts == {}
    assert store.read(["travel"]).counts == {}


def test_layers_and_monitors_are_kept_apart(store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.commit(tally_of(2, layer="travel"), NOON_S, NOON_S + 60)
    store.commit(tally_of(3, monitor=B), NOON_S, NOON_S + 60)
    assert set(store.read(["dwell"]).counts) == {Series(A, "dwell"), Series(B, "dwell")}
    assert cells_of(store) == {
        ("DP-1@4x3", "dwell", 1): 1,
        ("DP-1@4x3", "travel", 2): 1,
        ("HDMI-1@3x3", "dwell", 3): 1,
    }


def test_a_stretch_of_no_time_is_a_second(store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S)
    store.commit(tally_of(2), NOON_S, NOON_S - 100)  # the wall clock was set back
    assert store.read(["dwell"]).last_s == NOON_S + 1


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, {0, 1, 2}),
        (60, None, {1, 2}),
        (None, 120, {0, 1}),
        (60, 120, {1}),
        (180, None, set()),
        (None, 0, set()),
    ],
)
def test_a_range_holds_the_pieces_that_lie_wholly_within(
    store: Store, since: int | None, until: int | None, expected: set[int]
) -> None:
    for minute in range(3):
        store.commit(tally_of(minute), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
    found = cells_of(store, None if since is None else NOON_S + since, None if until is None else NOON_S + until)
    assert {pixel for _, _, pixel in found} == expected


@pytest.mark.parametrize(("since", "until"), [(30, None), (None, 30), (20, 40)])
def test_a_piece_across_an_end_of_the_range_is_left_out_and_named(
    store: Store, since: int | None, until: int | None
) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    reading = store.read(
        ["dwell"], Range(None if since is None else NOON_S + since, None if until is None else NOON_S + until)
    )
    assert reading.counts == {}
    assert len(reading.left_out) == 1
    assert reading.left_out[0].startswith("left out")
    assert "per checkpoint" in reading.left_out[0]


@pytest.mark.parametrize("name", ["HDMI-1", "HDMI-1@3x3"])
def test_one_monitor_is_chosen_by_name(store: Store, name: str) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.commit(tally_of(2, monitor=B), NOON_S, NOON_S + 60)
    assert cells_of(store, monitor=name) == {("HDMI-1@3x3", "dwell", 2): 1}
    assert cells_of(store, monitor="HDMI") == {}


def test_a_person_need_not_say_the_edid() -> None:
    screen = Monitor("DP-1", 4, 3, "1a2b3c4d")
    assert all(screen.matches(name) for name in ("DP-1", "DP-1@4x3", "DP-1@4x3#1a2b3c4d"))
    assert not any(screen.matches(name) for name in ("DP", "DP-11", "DP-1@4x", "#1a2b3c4d", ""))


def test_one_monitor_is_chosen_by_any_name_that_its_screen_ever_had(store: Store) -> None:
    first = Monitor("DP-1", 4, 3, "1a2b3c4d")
    seen = (first, Monitor("DP-3", 4, 3, "1a2b3c4d"), Monitor("DP-2", 2, 2, "1a2b3c4d"), Monitor("DP-9", 4, 3))
    for number, monitor in enumerate(seen):
        start_s = NOON_S + 60 * number
        layout = Layout([Placement(monitor, 10 * number, 0)])
        store.commit(tally_of(1, monitor=monitor), start_s, start_s + 60, layout)
    large = {("DP-1@4x3#1a2b3c4d", "dwell", 1): 2}
    for name in ("DP-1", "DP-3", "DP-2", "#1a2b3c4d"):
        assert cells_of(store, monitor=name) == {**large, ("DP-2@2x2#1a2b3c4d", "dwell", 1): 1}
    for label in ("DP-3@4x3", "DP-3@4x3#1a2b3c4d", "DP-5@4x3#1a2b3c4d"):
        assert cells_of(store, monitor=label) == large
    assert [(place.monitor.output, place.desktop_x) for place in store.last_seen()] == [
        *(("DP-1", 10), ("DP-3", 10), ("DP-2", 20), ("DP-9", 30)),
    ]
    assert store.held(Range(monitor="DP-3")).pieces == 3
    store.erase(Range(monitor="DP-3"))
    assert [one.output for one in store.monitors().values()] == ["DP-9"]


# Who a screen is, and where it is -------------------------------------------------------------------


def test_a_screen_with_an_edid_is_the_same_on_any_connector(store: Store) -> None:
    store.commit(tally_of(1, monitor=Monitor("DP-1", 4, 3, "abcd0123")), NOON_S, NOON_S + 60)
    store.commit(tally_of(1, monitor=Monitor("HDMI-2", 4, 3, "abcd0123")), NOON_S + 60, NOON_S + 120)
    assert cells_of(store) == {("DP-1@4x3#abcd0123", "dwell", 1): 2}


@pytest.mark.parametrize(
    "other",
    [Monitor("HDMI-1", 4, 3), Monitor("DP-1", 4, 3, "abcd0123"), Monitor("DP-1", 3, 4), Monitor("dp-1", 4, 3)],
)
def test_another_connector_identity_or_resolution_is_another_screen(store: Store, other: Monitor) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.commit(tally_of(1, monitor=other), NOON_S, NOON_S + 60)
    assert len(cells_of(store)) == 2


def test_layouts_are_remembered_and_asked_for_by_time(store: Store) -> None:
    alone, beside = Layout([Placement(A, 0, 0)]), Layout([Placement(B, -3, 0), Placement(A, 0, 0)])
    store.commit(tally_of(1), NOON_S, NOON_S + 60, alone)
    store.commit(tally_of(1), NOON_S + 60, NOON_S + 120, alone)
    store.commit(tally_of(1), NOON_S + 120, NOON_S + 180, beside)
    store.commit(tally_of(1), NOON_S + 180, NOON_S + 240)
    assert store.layout() == beside
    assert store.layout(NOON_S + 121) == beside
    assert store.layout(NOON_S + 120) == alone
    assert store.layout(NOON_S - DAY_S) == alone  # as they stood first


def test_a_layout_that_comes_back_is_the_last_one_again(store: Store) -> None:
    one, two = Layout([Placement(A, 0, 0)]), Layout([Placement(A, 1, 0)])
    for layout in (one, two, one):
        store.commit(Tally(), NOON_S, NOON_S + 60, layout)  # all at the same time of a clock that was set back
    assert store.layout() == one


def test_the_size_in_millimetres_is_known_as_soon_as_it_is(store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60, Layout([Placement(A, 0, 0)]))
    store.commit(tally_of(1), NOON_S, NOON_S + 60, Layout([Placement(A, 0, 0, 520, 290)]))
    store.commit(tally_of(1), NOON_S, NOON_S + 60, Layout([Placement(A, 0, 0, 0, 0)]))
    assert store.layout() == Layout([Placement(A, 0, 0, 520, 290)])


# Whole or not at all ----------------------------------------------------------------------------------


class Unwritable(Counts):
    """Counts that cannot be turned into bytes."""

    def encode(self) -> bytes:
        raise MemoryError


@pytest.mark.parametrize("size", [(2, 1), (4, 4), (400, 300), (3, 4)])
def test_counts_that_are_not_of_their_monitors_size_are_refused(store: Store, size: tuple[int, int]) -> None:
    tally = Tally({**tally_of(1).counts, Series(B, "travel"): Counts.from_pixels(*size, np.array([1]))})
    with pytest.raises(ValueError, match=r"HDMI-1@3x3 \(travel\)"):
        store.commit(tally, NOON_S, NOON_S + 60, Layout([Placement(A, 0, 0)]))
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]} px"):
        store.commit_batch(Batch.of(tally, NOON_S, NOON_S + 60, Layout()))
    assert (cells_of(store), store.layout(), store.monitors()) == ({}, Layout(), {})


def test_a_chunk_that_is_not_of_its_monitors_size_stays_out_of_the_roll_up(path: Path, store: Store) -> None:
    """A mousetrackd that did not check sizes may have written one."""
    store.commit(tally_of(5), NOON_S, NOON_S + 60)
    store.commit(tally_of(5), NOON_S + 60, NOON_S + 120)
    blob = Counts.from_pixels(2, 1, np.array([1])).encode()
    chunk = Chunk(0, NOON_S + 120, 60, Key(1, "dwell"), 1, blob)
    statement = (
        "INSERT INTO chunk (start_s, span_s, monitor, layer, total, counts, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    change(path, statement, chunk.start_s, 60, 1, "dwell", 1, blob, checksum_of(chunk))
    store.roll_up(NOON_S + 3 * HOUR_S, RollupAges())
    assert rows(path, "SELECT span_s FROM chunk ORDER BY id") == [(60,), (HOUR_S,)]
    reading = store.read(["dwell"])
    assert reading.counts == {Series(A, "dwell"): Counts.from_pixels(4, 3, np.array([5, 5]))}
    assert "2x1 pixels" in reading.left_out[0]


def test_a_commit_that_fails_leaves_nothing_of_itself(store: Store) -> None:
    broken = Unwritable(3, 3, np.array([0]), np.array([1]))
    tally = Tally({**tally_of(1).counts, Series(B, "dwell"): broken}, {A: 5.0})
    with pytest.raises(MemoryError):
        store.commit(tally, NOON_S, NOON_S + 60, Layout([Placement(A, 0, 0)]))
    assert cells_of(store) == {}
    assert store.monitors() == {}
    assert store.layout() == Layout()
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    assert total(store) == 1


@contextlib.contextmanager
def full_disk(limit_bytes: int) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_commit_to_a_full_disk_is_counted_once_when_tried_again(path: Path, store: Store) -> None:
    wide = Monitor("W", 1000, 1000)
    rng = np.random.default_rng(4)
    tally = Tally({Series(wide, "dwell"): Counts.from_pixels(1000, 1000, rng.integers(0, 10**6, 50_000))})
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    journal_bytes = path.with_name(path.name + "-wal").stat().st_size
    with full_disk(journal_bytes + 8192), pytest.raises(StoreError) as raised:
        store.commit(tally, NOON_S, NOON_S + 60)
    assert str(path) in raised.value.message
    assert raised.value.hint
    assert total(store) == 1
    store.commit(tally, NOON_S, NOON_S + 60)
    assert total(store) == 50_001
    assert store.check() == []


def test_a_store_that_the_disk_did_not_take_whole_gets_no_name(path: Path) -> None:
    def fill_disk(_: sqlite3.Connection) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    with full_disk(1 << 30), pytest.raises(sqlite3.Error):
        create(path, fill_disk)
    assert not path.exists()
    with Store.open(path) as store:
        assert store.check() == []


KILLED_CHILD = """
import itertools, sys
from datetime import UTC
from pathlib import Path
import numpy as np
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

screen = Monitor("W", 1000, 1000)
with Store.open(Path(sys.argv[1]), zone=UTC) as store:
    for number in itertools.count(int(sys.argv[2])):
        start_s = 1_700_000_000 + 600 * number
        counts = Counts.from_pixels(1000, 1000, np.array([number]))
        store.commit(Tally({Series(screen, "dwell"): counts}, {screen: 1.0}), start_s, start_s + 60)
        print(number, flush=True)
        if number % 5 == 0:
            store.roll_up(start_s, RollupAges(1, 2, 3))
"""


def test_a_daemon_killed_at_any_moment_loses_and_doubles_nothing_it_acknowledged(path: Path) -> None:
    rng = random.Random(11)  # noqa: S311 - moments to kill at, no secret
    acknowledged: set[int] = set()
    kills = settings().max_examples // 2
    for _ in range(kills):
        wanted, begin = rng.randrange(1, 12), max(acknowledged, default=-1) + 2  # +1 may have been written
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED_CHILD, str(path), str(begin)], stdout=subprocess.PIPE, text=True
        )
        with child:
            assert child.stdout is not None
            acknowledged |= {int(child.stdout.readline()) for _ in range(wanted)}
            until_s = time.perf_counter() + rng.uniform(0, 0.004)
            while time.perf_counter() < until_s:
                pass  # somewhere within the commit or the roll-up that follows
            child.kill()
            acknowledged |= {int(line) for line in child.stdout if line.endswith("\n")}
    with Store.open(path, zone=UTC) as store:
        counted = {pixel: count for (_, _, pixel), count in cells_of(store).items()}
        assert store.check() == []
    assert set(counted.values()) == {1}
    assert acknowledged <= set(counted)
    # What was not acknowledged may be there, once per kill at most: the commit that was under way.
    assert len(set(counted) - acknowledged) <= kills
    assert sum(length for (length,) in rows(path, "SELECT length_px FROM path")) == len(counted)


# Roll-up ----------------------------------------------------------------------------------------------

ZONES: list[tzinfo] = [
    UTC,
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("Asia/Kathmandu"),  # +05:45
    ZoneInfo("Australia/Lord_Howe"),  # half an hour of daylight saving time
    ZoneInfo("America/Havana"),  # midnight happens twice
    ZoneInfo("Africa/Cairo"),  # a day begins at one
]


def two_years_of_pieces(store: Store, seed: int) -> Cells:
    """Commit pieces of an hour and less at random times, some of them beside the changes of daylight saving time."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable history, no secret
    begin_s = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
    changes = [
        int(datetime(2023, *day, tzinfo=UTC).timestamp()) for day in ((3, 26), (4, 1), (4, 28), (10, 29), (11, 5))
    ]
    expected: Cells = Counter()
    for _ in range(250):
        near = rng.choice(
            [begin_s + rng.randrange(2 * 365 * DAY_S), rng.choice(changes) + rng.randrange(-DAY_S, DAY_S)]
        )
        monitor, layer = rng.choice([A, B]), rng.choice(LAYERS)
        pixels = [rng.randrange(9) for _ in range(rng.randrange(1, 5))]
        store.commit(
            tally_of(*pixels, monitor=monitor, layer=layer, path_px=3.0), near, near + rng.choice([1, 60, 600, 3600])
        )
        expected.update((monitor.label, layer, pixel) for pixel in pixels)
    return expected


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_rolling_up_changes_no_sum_and_rolling_up_again_changes_nothing(path: Path, zone: tzinfo) -> None:
    with Store.open(path, zone=zone) as store:
        expected = two_years_of_pieces(store, seed=5)
        paths_px = rows(path, "SELECT monitor, sum(length_px) FROM path GROUP BY monitor")
        for now_s in range(
            int(datetime(2023, 6, 1, tzinfo=UTC).timestamp()),
            int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
            150 * DAY_S,
        ):
            store.roll_up(now_s, RollupAges())
            assert cells_of(store) == expected
            assert store.roll_up(now_s, RollupAges()) == 0
        assert rows(path, "SELECT monitor, sum(length_px) FROM path GROUP BY monitor") == paths_px
        assert store.check() == []
    # All is older than every age: only whole years are left, one chunk per monitor and layer each; and pieces that were
    # counted across the end of one.
    spans = [
        (datetime.fromtimestamp(start_s, zone), datetime.fromtimestamp(start_s + span_s, zone))
        for start_s, span_s in rows(path, "SELECT start_s, span_s FROM chunk")
    ]
    across = [
        (start, end) for start, end in spans if (start.month, start.day, start.hour, start.minute) != (1, 1, 0, 0)
    ]
    assert all(end - start <= timedelta(hours=1) and end.year == start.year + 1 for start, end in across)
    years = [span[0] for span in spans if span not in across]
    assert len(years) <= len(set(years)) * 2 * len(LAYERS)


def test_rolling_up_in_the_local_zone_changes_no_sum(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-5:45YYY-6:45,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        with Store.open(path) as store:
            expected = two_years_of_pieces(store, seed=6)
            assert store.roll_up(int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()), RollupAges()) > 0
            assert cells_of(store) == expected
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("age_days", "span_s", "start"),
    [
        (0, 60, datetime(2024, 5, 14, 12, 30, tzinfo=UTC)),
        (1, HOUR_S, datetime(2024, 5, 14, 12, tzinfo=UTC)),
        (9, DAY_S, datetime(2024, 5, 14, tzinfo=UTC)),
        (60, 31 * DAY_S, datetime(2024, 5, 1, tzinfo=UTC)),
        (700, 366 * DAY_S, datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_pieces_become_hours_days_months_and_years_as_they_age(
    path: Path, store: Store, age_days: int, span_s: int, start: datetime
) -> None:
    moment_s = NOON_S + 1800
    store.commit(tally_of(1), moment_s, moment_s + 60)
    store.roll_up(moment_s + 60 + age_days * DAY_S, RollupAges())
    assert rows(path, "SELECT start_s, span_s FROM chunk") == [(int(start.timestamp()), span_s)]


def test_the_hour_that_still_runs_is_not_rolled_up(path: Path, store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.commit(tally_of(1), NOON_S + 60, NOON_S + 120)
    assert store.roll_up(NOON_S + HOUR_S - 1, RollupAges()) == 0
    assert store.roll_up(NOON_S + HOUR_S, RollupAges()) == 1
    assert rows(path, "SELECT start_s, span_s, total FROM chunk") == [(NOON_S, HOUR_S, 2)]


def test_a_day_that_was_rolled_up_is_left_out_of_a_range_within_it_and_named(store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.roll_up(NOON_S + 30 * DAY_S, RollupAges(hour_cells_days=0))
    reading = store.read(["dwell"], Range(NOON_S))
    assert reading.counts == {}
    assert len(reading.left_out) == 1
    assert "per day" in reading.left_out[0]


def test_rolling_up_leaves_a_damaged_piece_where_it_is(path: Path, store: Store) -> None:
    for _ in range(3):
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
    change(path, "UPDATE chunk SET checksum = checksum + 1 WHERE id = 2")
    store.roll_up(NOON_S + DAY_S, RollupAges())
    assert store.read(["dwell"]).counts[Series(A, "dwell")].total == 2
    assert rows(path, "SELECT span_s FROM chunk ORDER BY id") == [(60,), (HOUR_S,)]


# Pruning ----------------------------------------------------------------------------------------------


def test_pruning_drops_what_ended_before(store: Store) -> None:
    for minute in range(3):
        store.commit(tally_of(minute), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
    assert store.prune(NOON_S + 119) == 1
    assert {pixel for _, _, pixel in cells_of(store)} == {1, 2}
    assert store.prune(NOON_S + 120) == 1
    assert store.prune(NOON_S) == 0
    assert {pixel for _, _, pixel in cells_of(store)} == {2}


# Damage -----------------------------------------------------------------------------------------------

WRONG_CHECKSUMS = [
    "counts = zeroblob(30)",
    "counts = substr(counts, 1, length(counts) - 1)",
    "checksum = checksum + 1",
    "layer = 'travel'",
    "total = total + 1",
    "start_s = start_s + 1",
    "start_s = 1 << 60",
    "start_s = -(1 << 60)",
    "span_s = span_s + 1",
    "span_s = 1 << 62",
]


@pytest.mark.parametrize("damage", WRONG_CHECKSUMS)
def test_a_piece_with_a_wrong_checksum_is_named_and_the_rest_is_read(path: Path, store: Store, damage: str) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    store.commit(tally_of(2), NOON_S, NOON_S + 60)
    change(path, f"UPDATE chunk SET {damage} WHERE id = 1")  # noqa: S608 - from the list above
    reading = store.read(LAYERS)
    assert reading.counts == {Series(A, "dwell"): Counts.from_pixels(4, 3, np.array([2]))}
    assert len(reading.left_out) == 1
    assert "chunk 1 " in reading.left_out[0]
    assert len(store.check()) == 1
    store.roll_up(NOON_S + 3 * 365 * DAY_S, RollupAges())
    assert store.read(LAYERS).counts == reading.counts


def test_the_time_of_a_damaged_piece_is_reported(path: Path, store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    change(path, "UPDATE chunk SET checksum = 0")
    assert store.read(["dwell"]).left_out == ("left out chunk 1 (dwell of 2024-05-14 12:00): its checksum is wrong",)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE path SET length_px = -1", "row 1 of its table path cannot be"),
        ("UPDATE path SET monitor = 7", "row 1 of its table path cannot be"),
        ("UPDATE monitor SET width_mm = -1", "row 1 of its monitors cannot be: a monitor is at most"),
        ("UPDATE monitor SET width_px = 5", "chunk 1 (dwell): it is of 4x3 pixels, its screen is of 5x3"),
    ],
)
def test_a_row_without_a_checksum_that_cannot_be_is_a_problem(
    path: Path, store: Store, damage: str, problem: str
) -> None:
    store.commit(tally_of(1, path_px=5.0), NOON_S, NOON_S + 60)
    assert store.check() == []
    change(path, damage)
    (said,) = store.check()
    assert problem in said


def filled(path: Path) -> bytes:
    """Make a store of many pages; returns the file."""
    rng = np.random.default_rng(8)
    wide = Monitor("W", 1000, 1000)
    with Store.open(path, zone=UTC) as store:
        for minute in range(10):
            counts = Counts.from_pixels(1000, 1000, rng.integers(0, 10**6, 2000))
            store.commit(Tally({Series(wide, "dwell"): counts}), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
    return path.read_bytes()


def make_zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def make_noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))  # noqa: S311 - noise


def make_text(path: Path) -> None:
    path.write_text("I am a diary. " * 100)


def make_short(path: Path) -> None:
    path.write_bytes(filled(path)[:50])


def make_header_only(path: Path) -> None:
    path.write_bytes(filled(path)[:100])


def make_first_page_only(path: Path) -> None:
    path.write_bytes(filled(path)[:4096])


def make_half(path: Path) -> None:
    whole = filled(path)
    path.write_bytes(whole[: len(whole) // 2])


def make_noise_behind_the_header(path: Path) -> None:
    whole = filled(path)
    path.write_bytes(whole[:100] + random.Random(2).randbytes(len(whole) - 100))  # noqa: S311 - noise


def make_zeros_behind_the_header(path: Path) -> None:
    whole = filled(path)
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))


def make_without_tables(path: Path) -> None:
    filled(path)
    for table in ("chunk", "path", "placement", "monitor"):
        change(path, f"DROP TABLE {table}")


def make_directory(path: Path) -> None:
    path.mkdir()


def make_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


DAMAGES = [
    *(make_zero_bytes, make_noise, make_text, make_short, make_header_only, make_first_page_only, make_half),
    *(make_noise_behind_the_header, make_zeros_behind_the_header, make_without_tables),
    *(make_directory, make_link_to_nothing),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_whole_store_is_called_damaged_and_can_be_set_aside(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DamagedError) as raised:
        Store.open(path)
    assert str(path) in raised.value.message
    assert raised.value.hint
    aside = set_aside(path, datetime(2024, 5, 14, 12, tzinfo=UTC))
    assert os.path.lexists(aside)
    if before is not None:
        assert aside.read_bytes() == before
    with Store.open(path) as store:
        assert store.check() == []
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
        assert total(store) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_looking_at_what_is_no_whole_store_says_so(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)

    def look() -> None:
        with Store.open_read_only(path) as store:
            store.read(LAYERS)

    with pytest.raises(StoreError) as raised:
        look()
    assert str(path) in raised.value.message


def test_any_damaged_bytes_are_a_store_error_or_a_problem_reported(tmp_path: Path, path: Path) -> None:
    whole = filled(path)
    rng = random.Random(3)  # noqa: S311 - a repeatable vandal
    for number in range(150):
        broken = bytearray(whole)
        for _ in range(rng.choice([1, 1, 4, 200])):
            broken[rng.randrange(4096 * rng.choice([1, 3, 6]) % len(broken))] = rng.randrange(256)
        victim = tmp_path / f"victim{number}.sqlite3"
        victim.write_bytes(broken)
        with contextlib.suppress(StoreError), Store.open(victim, zone=UTC) as store:
            store.check()
            store.read(LAYERS)
            store.layout()
            store.commit(tally_of(1), NOON_S, NOON_S + 60)
            store.roll_up(NOON_S + 900 * DAY_S, RollupAges())
        for file in tmp_path.glob("victim*"):
            file.unlink()


def test_a_newer_schema_is_refused_and_left_untouched(path: Path) -> None:
    filled(path)
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    for opening in (Store.open, Store.open_read_only):
        with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}, this one reads {SCHEMA_VERSION}") as raised:
            opening(path)
        assert not isinstance(raised.value, DamagedError)  # or the daemon would set it aside
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_database_of_another_program_is_refused_and_left_untouched(path: Path) -> None:
    change(path, "CREATE TABLE cookies (name)")
    before = path.read_bytes()
    for opening in (Store.open, Store.open_read_only):
        with pytest.raises(StoreError, match="another program") as raised:
            opening(path)
        assert not isinstance(raised.value, DamagedError)
    assert path.read_bytes() == before


def test_setting_aside_never_overwrites(path: Path) -> None:
    now = datetime(2024, 5, 14, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    names = []
    for number in range(3):
        path.write_text(str(number))
        names.append(set_aside(path, now).name)
    assert names == [
        "heat.damaged-20240514T100000Z.sqlite3",
        "heat.damaged-20240514T100000Z-2.sqlite3",
        "heat.damaged-20240514T100000Z-3.sqlite3",
    ]
    assert [path.with_name(name).read_text() for name in names] == ["0", "1", "2"]


def test_the_journal_is_set_aside_with_its_store(path: Path) -> None:
    path.write_text("main")
    path.with_name("heat.sqlite3-wal").write_text("journal")
    aside = set_aside(path, datetime(2024, 5, 14, tzinfo=UTC))
    assert aside.with_name(aside.name + "-wal").read_text() == "journal"
    assert not path.with_name("heat.sqlite3-wal").exists()


def test_setting_aside_what_is_not_there_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        set_aside(tmp_path / "none" / "heat.sqlite3", datetime(2024, 5, 14, tzinfo=UTC))


def test_a_journal_whose_store_was_deleted_brings_nothing_back(tmp_path: Path) -> None:
    path, left = tmp_path / "heat.sqlite3", tmp_path / "left"
    left.mkdir()
    with Store.open(path) as store:
        for pixel in range(5):
            store.commit(tally_of(pixel), NOON_S, NOON_S + 60)
        for file in tmp_path.glob("heat.sqlite3-*"):  # as a killed daemon leaves them
            shutil.copy(file, left)
    path.unlink()
    for file in left.iterdir():
        shutil.copy(file, tmp_path)
    with Store.open(path) as store:
        assert cells_of(store) == {}
        store.commit(tally_of(7), NOON_S, NOON_S + 60)
        assert cells_of(store) == {("DP-1@4x3", "dwell", 7): 1}
        assert store.check() == []


# Who may look -----------------------------------------------------------------------------------------


def test_the_store_and_all_beside_it_are_private(tmp_path: Path, path: Path) -> None:
    before = os.umask(0)
    try:
        with Store.open(path) as store, Store.open_read_only(path):
            store.commit(tally_of(1), NOON_S, NOON_S + 60)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("heat.sqlite3", "heat.sqlite3-wal", "heat.sqlite3-shm"), 0o600)


def test_a_reader_beside_a_writer_sees_each_commit_whole(path: Path) -> None:
    with Store.open(path) as writer, Store.open_read_only(path) as reader:
        for number in range(1, 4):
            writer.commit(tally_of(1), NOON_S, NOON_S + 60)
            assert total(reader) == number


def test_a_reader_cannot_write(path: Path, store: Store) -> None:
    store.commit(tally_of(1), NOON_S, NOON_S + 60)
    with Store.open_read_only(path) as reader, pytest.raises(StoreError, match="readonly"):
        reader.commit(tally_of(1), NOON_S, NOON_S + 60)
    assert total(store) == 1


def test_a_reader_needs_no_daemon(path: Path) -> None:
    with Store.open(path) as store:
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
    with Store.open_read_only(path) as reader:
        assert total(reader) == 1


def test_a_reader_of_no_store_is_told_how_to_begin(path: Path) -> None:
    with pytest.raises(StoreError, match="nothing has been counted yet") as raised:
        Store.open_read_only(path)
    assert "mousetrackd run" in raised.value.hint
    assert not path.exists()


def test_a_clean_end_leaves_one_file(tmp_path: Path, path: Path) -> None:
    with Store.open(path) as store:
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
    assert [file.name for file in tmp_path.iterdir()] == ["heat.sqlite3"]
    store.close()  # twice is fine


def test_half_a_new_store_is_no_obstacle(tmp_path: Path, path: Path) -> None:
    (tmp_path / ".heat.sqlite3.new").write_bytes(b"half")
    with Store.open(path) as store:
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
        assert total(store) == 1


def test_a_store_in_a_folder_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% ?mode=memory #1 ü"
    folder.mkdir()
    with Store.open(folder / "heat.sqlite3") as store:
        store.commit(tally_of(1), NOON_S, NOON_S + 60)
    with Store.open_read_only(folder / "heat.sqlite3") as store:
        assert total(store) == 1


def test_a_missing_folder_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        Store.open(tmp_path / "none" / "heat.sqlite3")


def test_a_disk_that_is_read_only_is_named_as_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    with Store.open(folder / "heat.sqlite3") as store:
        store.commit(Tally(), 0, 1)
    if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        with pytest.raises(StoreError, match="read-only file system") as told:
            Store.open(folder / "heat.sqlite3")
        assert "dmesg" in told.value.hint
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
