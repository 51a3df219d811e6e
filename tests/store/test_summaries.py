"""The kept sum of all months: exact whatever comes, dropped by whoever touches what it sums; and an older store."""

import contextlib
import fcntl
import os
import random
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import StoreError, UsageError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.daemon.child_process import Job, command
from mousetrackd.storage.batch import Batch
from mousetrackd.storage.connection import Connection
from mousetrackd.storage.errors import DamagedError, NotOursError
from mousetrackd.storage.migration import BACKUP_KEPT_S, InUseError, backup_of, migrate
from mousetrackd.storage.readings import Range
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import LONG_S, RollupAges

SCREEN = Monitor("DP-1", 4, 3)
OTHER = Monitor("HDMI-1", 3, 3)
DAY_S = 86_400
NEW_YEAR_S = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
LATER_S = NEW_YEAR_S + 300 * DAY_S
AGES = RollupAges(hourly_days=1, daily_days=7, monthly_days=400)
LAYERS = ("dwell", "travel")

Cells = Counter[tuple[str, str, int]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heat.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, zone=UTC) as opened:
        yield opened


def commit(
    store: Store, day: int, pixels: list[int], *, layers: Sequence[str] = ("dwell",), span_s: int = DAY_S
) -> None:
    counts = Counts.from_pixels(SCREEN.width_px, SCREEN.height_px, np.array(pixels, np.int64))
    begin_s = NEW_YEAR_S + day * DAY_S
    store.commit(Tally({Series(SCREEN, layer): counts for layer in layers}, {SCREEN: 1.0}), begin_s, begin_s + span_s)


def cells(found: dict[Series, Counts]) -> Cells:
    return Counter(
        {
            (screen.label, layer, pixel): count
            for (screen, layer, *_), counts in found.items()
            for pixel, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
        }
    )


def all_time(store: Store) -> Cells:
    return cells(dict(store.read(LAYERS).counts))


def without_sums(store: Store) -> Cells:
    """All time from the chunks alone: ``pieces`` knows no sums."""
    found: dict[Series, list[Counts]] = {}
    for piece in store.pieces(LAYERS, []):
        found.setdefault(Series(piece.monitor, piece.layer), []).append(piece.counts)
    return cells({key: Counts.merge(parts) for key, parts in found.items()})


def sql(path: Path, statement: str, *values: object) -> list[tuple[int, ...]]:
    """Do what no method of Store would do."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def sums(path: Path) -> int:
    return sql(path, "SELECT count(*) FROM sum")[0][0]


def three_months(store: Store) -> Cells:
    """A piece a day in two layers; rolled up, January and February are months, and summed."""
    expected: Cells = Counter()
    for day in range(80):
        pixels = [day % 12, (day * 7) % 12]
        commit(store, day, pixels, layers=LAYERS)
        expected.update((SCREEN.label, layer, pixel) for layer in LAYERS for pixel in pixels)
    return expected


def now_s(day: int) -> int:
    return NEW_YEAR_S + day * DAY_S


# Exact ------------------------------------------------------------------------------------------------

commits = st.tuples(
    st.just("commit"),
    st.integers(0, 900),
    st.sampled_from([1, 3600, DAY_S, LONG_S - 1, LONG_S, 31 * DAY_S, 100 * DAY_S]),
    st.sampled_from(LAYERS),
    st.lists(st.integers(0, 11), min_size=1, max_size=3),
)
rollups = st.tuples(st.just("roll up"), st.integers(0, 1500))
prunes = st.tuples(st.just("prune"), st.integers(0, 400))
damages = st.tuples(st.just("damage"), st.sampled_from(["crc = crc + 1", "counts = x'00'", "last_s = last_s + 1"]))


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.one_of(commits, commits, commits, rollups, rollups, prunes, damages), max_size=25))
def test_all_time_is_exact_whatever_was_committed_rolled_up_and_pruned(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "heat.sqlite3", zone=UTC) as store:
        expected: Cells = Counter()
        for step in steps:
            match step:
                case ("commit", int(day), int(span_s), str(layer), list(pixels)):
                    commit(store, day, pixels, layers=[layer], span_s=span_s)
                    expected.update((SCREEN.label, layer, pixel) for pixel in pixels)
                case ("roll up", int(day)):
                    store.roll_up(now_s(day), AGES)
                case ("prune", int(day)):
                    store.prune(now_s(day))
                    expected = without_sums(store)
                case ("damage", str(change)):
                    sql(store.path, f"UPDATE sum SET {change}")  # noqa: S608 - from the list above
            assert all_time(store) == without_sums(store) == expected


def test_a_roll_up_of_a_month_keeps_its_sum_and_all_time_is_read_from_it(path: Path, store: Store) -> None:
    expected = three_months(store)
    assert store.roll_up(now_s(40), AGES) > 0
    assert sums(path) == len(LAYERS)
    store.roll_up(now_s(80), AGES)
    assert sums(path) == len(LAYERS)
    assert all_time(store) == expected
    # Damage as a disk does it, which no trigger sees: the sum still knows what the month held.
    sql(path, "DROP TRIGGER no_sum_after_update_of_new")
    sql(path, "DROP TRIGGER no_sum_after_update_of_old")
    sql(path, "UPDATE chunk SET counts = zeroblob(9) WHERE span_s >= ?", LONG_S)
    reading = store.read(LAYERS)
    assert cells(dict(reading.counts)) == expected
    assert reading.left_out == ()
    assert reading.first_s == NEW_YEAR_S
    assert reading.last_s == now_s(80)


def test_a_year_of_months_changes_no_sum(path: Path, store: Store) -> None:
    expected = three_months(store)
    store.roll_up(now_s(120), AGES)
    before = sql(path, "SELECT crc FROM sum WHERE layer = 'dwell'")
    assert store.roll_up(now_s(900), AGES) > 0
    assert sql(path, "SELECT DISTINCT span_s FROM chunk") == [(365 * DAY_S,)]
    assert sums(path) == len(LAYERS)
    assert all_time(store) == expected
    assert sql(path, "SELECT crc FROM sum WHERE layer = 'dwell'") != before  # it now reaches to the end of the year
    assert store.read(LAYERS).last_s == now_s(365)


def test_a_range_with_an_end_within_the_months_is_read_from_them(store: Store) -> None:
    three_months(store)
    store.roll_up(now_s(80), AGES)
    february = store.read(["dwell"], Range(now_s(31), now_s(59)))
    assert february.counts[Series(SCREEN, "dwell")].total == 28 * 2
    assert february.left_out == ()
    cut = store.read(["dwell"], Range(now_s(40)))
    assert cut.counts[Series(SCREEN, "dwell")].total == 21 * 2  # the days of March
    assert cut.left_out == ("left out one piece kept only per month, too coarse for this range",)
    mondays = store.read(["dwell"], Range(weekdays={0}))
    assert mondays.counts[Series(SCREEN, "dwell")].total == 3 * 2
    assert mondays.left_out == ("left out 2 pieces kept only per month, too coarse for this range",)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM chunk WHERE id = (SELECT max(id) FROM chunk WHERE span_s >= :long AND layer = 'dwell')",
        "UPDATE chunk SET layer = 'dwell' WHERE span_s >= :long AND layer = 'travel'",
        "UPDATE chunk SET span_s = 60 WHERE span_s >= :long AND layer = 'dwell'",
        """INSERT INTO chunk SELECT NULL, start_s, span_s, monitor, layer, total, counts, checksum,
        application, grid FROM chunk
        WHERE span_s >= :long AND layer = 'dwell' LIMIT 1""",
    ],
)
def test_whoever_touches_what_it_sums_drops_it(path: Path, store: Store, change: str) -> None:
    three_months(store)
    store.roll_up(now_s(80), AGES)
    with contextlib.closing(sqlite3.connect(path)) as older_program, older_program:
        older_program.execute(change, {"long": LONG_S})
    assert sql(path, "SELECT 1 FROM sum WHERE layer = 'dwell'") == []
    store.roll_up(now_s(80), AGES)
    assert all_time(store) == without_sums(store)


def test_counts_of_the_past_are_added_to_it(path: Path, store: Store) -> None:
    expected = three_months(store)
    store.roll_up(now_s(80), AGES)
    commit(store, 3, [5, 5], span_s=1)
    expected[SCREEN.label, "dwell", 5] += 2
    assert all_time(store) == expected
    store.roll_up(now_s(80), AGES)
    assert sql(path, "SELECT 1 FROM chunk WHERE start_s < ? AND span_s < ?", now_s(59), LONG_S) == []
    assert sums(path) == len(LAYERS)
    assert all_time(store) == expected


def test_what_is_forgotten_is_in_no_sum(path: Path, store: Store) -> None:
    three_months(store)
    store.roll_up(now_s(80), AGES)
    with contextlib.closing(sqlite3.connect(path)) as disk, disk:
        for event in ("old", "new"):
            disk.execute(f"DROP TRIGGER no_sum_after_update_of_{event}")
        # A damaged piece names another layer than the one whose sum it is in.
        disk.execute("UPDATE chunk SET layer = 'scroll' WHERE span_s >= ? AND start_s = ?", (LONG_S, now_s(0)))
    store.erase(Range(now_s(0), now_s(31)))
    assert sums(path) == 0
    assert all_time(store) == without_sums(store)
    store.roll_up(now_s(80), AGES)
    assert sums(path) == len(LAYERS)
    assert all_time(store) == without_sums(store)
    assert store.read(["dwell"]).counts[Series(SCREEN, "dwell")].total == (80 - 31) * 2


# Damage -----------------------------------------------------------------------------------------------


def test_a_damaged_sum_is_reported_and_not_believed(path: Path, store: Store) -> None:
    expected = three_months(store)
    store.roll_up(now_s(60), AGES)
    assert store.check() == []
    sql(path, "UPDATE sum SET crc = crc + 1 WHERE layer = 'dwell'")
    assert store.check() == ["the sum of dwell on screen 1 is damaged, and what it sums is read instead"]
    assert all_time(store) == expected
    store.roll_up(now_s(80), AGES)  # February becomes a month
    assert store.check() == []
    assert all_time(store) == expected


def test_what_a_sum_could_not_include_is_named(path: Path, store: Store) -> None:
    three_months(store)
    store.roll_up(now_s(80), AGES)
    sql(
        path,
        "UPDATE chunk SET checksum = checksum + 1 WHERE span_s >= ? AND layer = 'dwell' AND start_s = ?",
        LONG_S,
        now_s(0),
    )
    named = store.read(["dwell"]).left_out
    assert len(named) == 1
    assert "(dwell of 2023-01-01 00:00): its checksum is wrong" in named[0]
    store.roll_up(now_s(80), AGES)
    assert sums(path) == len(LAYERS)
    assert store.read(["dwell"]).left_out == named
    assert store.read(["dwell"]).counts[Series(SCREEN, "dwell")].total == (80 - 31) * 2


# Killed, and not alone --------------------------------------------------------------------------------

FOLDING_CHILD = """
import sys
from datetime import UTC
from pathlib import Path
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.tiers import LONG_S
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
with Store.open(Path(sys.argv[1]), zone=UTC) as store:
    print("ready", flush=True)
    store.roll_up(int(sys.argv[2]), RollupAges(1, 7, 400))
print("done", flush=True)
"""


def killed_after(code: str, words: list[str], delay_s: float) -> bool:
    """Run a child, and kill it so long after it said that it is ready. Had it not ended by then?"""
    with subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        until_s = time.perf_counter() + delay_s
        while time.perf_counter() < until_s and child.poll() is None:
            pass
        child.kill()
        return child.stdout.read() != "done\n"


def kill_and_look(path: Path, code: str, *words: str, look: Callable[[], None]) -> None:
    """Kill a child that works on the store, and ``look``; again until five were killed in the middle of it."""
    untouched = path.read_bytes()
    rng = random.Random(5)  # noqa: S311 - moments to kill at, no secret
    killed, longest_s = 0, 0.01
    while killed < 5:
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(untouched)
        if killed_after(code, [str(path), *words], rng.uniform(0, longest_s)):
            killed += 1
        else:
            longest_s *= 0.8  # this machine is quicker
        look()


def test_a_roll_up_killed_at_any_moment_changes_no_sum(path: Path) -> None:
    with Store.open(path, zone=UTC) as store:
        expected = three_months(store)

    def look() -> None:
        with Store.open(path, zone=UTC) as store:
            assert all_time(store) == without_sums(store) == expected
            assert store.check() == []

    kill_and_look(path, FOLDING_CHILD, str(LATER_S), look=look)
    with Store.open(path, zone=UTC) as store:
        store.roll_up(LATER_S, AGES)
        assert all_time(store) == expected
        assert sums(path) == len(LAYERS)
    assert sql(path, "SELECT sum(length_px) FROM path") == [(80,)]


def test_rolling_up_beside_one_who_saves_loses_and_doubles_nothing(path: Path) -> None:
    with Store.open(path, zone=UTC) as store:
        expected = three_months(store)
        saved, ended = threading.Event(), threading.Event()

        def roll_up_again_and_again() -> None:
            try:
                with Store.open(path, zone=UTC, as_helper=True) as other:
                    for day in range(30, 130, 12):
                        saved.wait()  # or who only rolls up would keep the other waiting
                        saved.clear()
                        other.roll_up(now_s(day), AGES)
            finally:
                ended.set()

        rolling_up = threading.Thread(target=roll_up_again_and_again)
        rolling_up.start()
        try:
            nth = 0
            while not ended.is_set():
                nth += 1
                commit(store, nth % 80, [nth % 12], span_s=60)
                saved.set()
                expected[SCREEN.label, "dwell", nth % 12] += 1
                assert all_time(store) == expected
        finally:
            saved.set()
            rolling_up.join()
        store.roll_up(now_s(130), AGES)
        assert all_time(store) == without_sums(store) == expected


# An older schema --------------------------------------------------------------------------------------

SCHEMA_1 = """
CREATE TABLE monitor (
    id INTEGER PRIMARY KEY,
    output TEXT NOT NULL,
    width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL,
    edid_hash TEXT NOT NULL,
    width_mm INTEGER NOT NULL DEFAULT 0,
    height_mm INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    start_s INTEGER NOT NULL,
    span_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    total INTEGER NOT NULL,
    counts BLOB NOT NULL,
    crc INTEGER NOT NULL
) STRICT;
CREATE INDEX chunk_by_time ON chunk (start_s);
CREATE TABLE path (
    start_s INTEGER NOT NULL,
    span_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    length_px INTEGER NOT NULL
) STRICT;
CREATE INDEX path_by_time ON path (start_s);
CREATE TABLE placement (
    since_s INTEGER NOT NULL,
    monitor INTEGER NOT NULL REFERENCES monitor,
    desktop_x INTEGER NOT NULL,
    desktop_y INTEGER NOT NULL
) STRICT;
PRAGMA application_id = 1297379947;
PRAGMA user_version = 1;
"""

SCHEMA_2 = """
CREATE TABLE sum (
    monitor INTEGER NOT NULL REFERENCES monitor,
    layer TEXT NOT NULL,
    first_s INTEGER NOT NULL,
    last_s INTEGER NOT NULL,
    left_out TEXT NOT NULL,
    counts BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (monitor, layer)
) STRICT;
CREATE TRIGGER no_sum_after_insert_of_new AFTER insert ON chunk WHEN new.span_s >= 2332800 BEGIN
    DELETE FROM sum WHERE monitor = new.monitor AND layer = new.layer;
END;
CREATE TRIGGER no_sum_after_delete_of_old AFTER delete ON chunk WHEN old.span_s >= 2332800 BEGIN
    DELETE FROM sum WHERE monitor = old.monitor AND layer = old.layer;
END;
CREATE TRIGGER no_sum_after_update_of_old AFTER update ON chunk WHEN old.span_s >= 2332800 BEGIN
    DELETE FROM sum WHERE monitor = old.monitor AND layer = old.layer;
END;
CREATE TRIGGER no_sum_after_update_of_new AFTER update ON chunk WHEN new.span_s >= 2332800 BEGIN
    DELETE FROM sum WHERE monitor = new.monitor AND layer = new.layer;
END;
PRAGMA user_version = 2;
"""


def make_old(path: Path, version: int = 1) -> Cells:
    """A store as 0.1.0 made them, or the version after: three months of days and two rolled-up ones."""
    new = path.with_name("new.sqlite3")
    with Store.open(new, zone=UTC) as store:
        store.commit(Tally(), NEW_YEAR_S, NEW_YEAR_S, Layout([Placement(SCREEN, 0, 0), Placement(OTHER, 4, 0)]))
        expected = three_months(store)
        store.roll_up(now_s(80), AGES)
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript("PRAGMA journal_mode = WAL;" + SCHEMA_1 + (SCHEMA_2 if version == 2 else ""))
        old.execute("ATTACH ? AS new", (str(new),))
        columns = {"chunk": "id, start_s, span_s, monitor, layer, total, counts, checksum"}
        for table in ("monitor", "chunk", "path", "placement", *(["sum"] if version == 2 else [])):
            old.execute(f"INSERT INTO {table} SELECT {columns.get(table, '*')} FROM new.{table}")  # noqa: S608 - from the lists above
        old.commit()
    path.chmod(0o600)
    new.unlink()
    return expected


def version(path: Path) -> int:
    return sql(path, "PRAGMA user_version")[0][0]


@pytest.mark.parametrize("old_version", [1, 2])
def test_an_older_store_is_brought_up_to_date_and_kept_as_it_was(path: Path, old_version: int) -> None:
    expected = make_old(path, old_version)
    old = sql(path, "SELECT * FROM chunk")
    with Store.open(path, zone=UTC) as store:
        assert all_time(store) == expected
        assert len(store.layout().monitors) == 2
        assert version(path) == SCHEMA_VERSION
        store.roll_up(now_s(80), AGES)
        assert sums(path) == len(LAYERS)
        assert all_time(store) == expected
        assert store.check() == []
    backup = backup_of(path, old_version)
    assert {file.name for file in path.parent.iterdir()} == {path.name, f"heat.schema-{old_version}.sqlite3"}
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert version(backup) == old_version
    assert sql(backup, "SELECT * FROM chunk") == old
    with Store.open_read_only(backup, zone=UTC) as store:
        assert all_time(store) == expected


@pytest.mark.parametrize("old_version", [1, 2])
def test_an_older_store_has_the_tables_of_a_new_one(path: Path, old_version: int) -> None:
    new = path.with_name("other.sqlite3")
    make_old(path, old_version)
    for file in (path, new):
        Store.open(file).close()
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    assert sql(path, query) == sql(new, query)


@pytest.mark.parametrize("old_version", [1, 2])
def test_an_older_store_is_read_as_it_is(path: Path, old_version: int) -> None:
    expected = make_old(path, old_version)
    before = path.read_bytes()
    with Store.open_read_only(path, zone=UTC) as store:
        assert all_time(store) == expected
        assert store.check() == []
    assert path.read_bytes() == before
    assert not backup_of(path, old_version).exists()


def test_a_store_of_no_schema_is_damaged(path: Path) -> None:
    make_old(path)
    sql(path, "PRAGMA user_version = 0")
    with pytest.raises(DamagedError):
        Store.open(path)


def test_a_copy_that_cannot_be_made_leaves_the_store_as_it_was(path: Path) -> None:
    expected = make_old(path)
    backup_of(path, 1).mkdir()
    with pytest.raises(StoreError):
        Store.open(path)
    assert version(path) == 1
    backup_of(path, 1).rmdir()
    with Store.open(path, zone=UTC) as store:
        assert all_time(store) == expected


class Overtaken(Connection):
    """Another command brings the store up to date as soon as this one has seen that it is old."""

    is_overtaken = False

    def version(self) -> int:
        seen = super().version()
        if not self.is_overtaken:
            self.is_overtaken = True
            Store.open(self.path, zone=UTC).close()
        return seen


def test_the_copy_is_of_the_older_store_when_two_commands_meet_it(path: Path) -> None:
    expected = make_old(path, 2)
    slower = Overtaken(path, "rw", UTC)
    migrate(slower)
    slower.close()
    assert version(path) == SCHEMA_VERSION
    assert version(backup_of(path, 2)) == 2
    with Store.open(path, zone=UTC) as store:
        assert all_time(store) == expected


def test_nobody_changes_an_older_store_while_it_is_copied(path: Path) -> None:
    make_old(path, 2)
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as older:
        busy: list[bool] = []

        def write(statement: str) -> None:
            with contextlib.suppress(sqlite3.OperationalError):
                older.execute(statement)
                busy.append(False)
                older.rollback()
                return
            busy.append(True)

        class Watched(Connection):
            """What the space for the copy is computed from is asked for just before it is made."""

            def execute(self, statement: str, values: Sequence[int | str | bytes | None] = ()) -> sqlite3.Cursor:
                if statement == "PRAGMA page_count":
                    write("DELETE FROM path")
                return super().execute(statement, values)

        watched = Watched(path, "rw", UTC)
        migrate(watched)
        watched.close()
    assert busy == [True]


def test_the_copy_is_removed_after_a_while(path: Path) -> None:
    make_old(path)
    Store.open(path).close()
    backup = backup_of(path, 1)
    for age_s, kept in ((BACKUP_KEPT_S - 60, True), (BACKUP_KEPT_S + 60, False)):
        made_s = time.time() - age_s
        os.utime(backup, (made_s, made_s))
        with Store.open(path) as store:
            assert backup.exists()  # for opening it is no reason to remove anything
            store.drop_backups(time.time() - BACKUP_KEPT_S)
        assert backup.exists() == kept


@pytest.mark.parametrize(
    ("keep_days", "age_days", "kept"),
    [(7, 6.9, True), (7, 7.1, False), (90, 29.9, True), (90, 30.1, False), (0, 8, True)],
)
def test_the_copy_is_kept_no_longer_than_counts_are(
    tmp_path: Path, keep_days: int, age_days: float, kept: bool
) -> None:
    path = tmp_path / "mousetrackd" / "heat.sqlite3"
    path.parent.mkdir(mode=0o700)
    make_old(path)
    with Store.open(path) as store:  # the clock agrees with what is there
        commit(store, (int(time.time()) - NEW_YEAR_S) // DAY_S - 2, [0])
    made_s = time.time() - age_days * DAY_S
    os.utime(backup_of(path, 1), (made_s, made_s))
    subprocess.run(
        command(Job("mousetrackd.daemon.rollup_worker", "housekeeping", b"")),
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
        input=f"store.keep_days = {keep_days}",
        text=True,
        timeout=60,
        check=True,
    )
    assert backup_of(path, 1).exists() == kept


OPENING_CHILD = """
import sys
from pathlib import Path
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.tiers import LONG_S
from mousetrackd.storage.store import Store
print("ready", flush=True)
Store.open(Path(sys.argv[1])).close()
print("done", flush=True)
"""


@pytest.mark.parametrize("old_version", [1, 2])
def test_a_migration_killed_at_any_moment_loses_nothing(path: Path, old_version: int) -> None:
    expected = make_old(path, old_version)

    def look() -> None:
        if version(path) == SCHEMA_VERSION:
            assert version(backup_of(path, old_version)) == old_version
        with Store.open(path, zone=UTC) as store:
            assert all_time(store) == expected
            assert store.check() == []
        assert sql(backup_of(path, old_version), "SELECT count(*) FROM chunk") == sql(
            path, "SELECT count(*) FROM chunk"
        )
        assert not [*path.parent.glob(".*")]

    kill_and_look(path, OPENING_CHILD, look=look)


@pytest.mark.parametrize("old_version", [1, 2])
def test_a_damaged_older_store_is_rescued_into_a_new_one(path: Path, old_version: int) -> None:
    expected = make_old(path, old_version)
    sql(path, "UPDATE chunk SET total = -1 WHERE id = (SELECT max(id) FROM chunk WHERE layer = 'travel')")
    ((lost,),) = sql(path, "SELECT count(*) FROM chunk WHERE total < 0")
    with pytest.raises(DamagedError):
        Store.open(path)
    _, rescued = rescue(path, datetime(2026, 1, 1, tzinfo=UTC))
    assert (rescued.lost, rescued.days) == (lost, 0) == (1, 0)
    with Store.open(path, zone=UTC) as store:
        assert version(path) == SCHEMA_VERSION
        assert store.check() == []
        found = all_time(store)
        assert {key: count for key, count in found.items() if key[1] == "dwell"} == {
            key: count for key, count in expected.items() if key[1] == "dwell"
        }
        assert found.total() < expected.total()


def test_a_store_that_cannot_be_written_is_not_migrated_and_can_be_read(path: Path) -> None:
    expected = make_old(path, 2)
    before = path.read_bytes()
    child = subprocess.run(
        ["prlimit", "--fsize=4096:", sys.executable, "-c", OPENING_CHILD, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode != 0
    assert path.read_bytes() == before
    assert not backup_of(path, 2).exists()
    with Store.open_read_only(path, zone=UTC) as store:
        assert all_time(store) == expected


# A daemon of another version --------------------------------------------------------------------------


@contextlib.contextmanager
def held(place: Path) -> Iterator[None]:
    """As a daemon holds its locks."""
    descriptor = os.open(place, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_nobody_but_the_daemon_that_holds_the_lock_migrates(path: Path, what: str) -> None:
    expected = make_old(path, 2)
    lock = path.with_name("lock")
    lock.touch(0o600)
    with held(path.parent if what == "folder" else lock):
        for as_helper in (False, True):
            with pytest.raises(InUseError, match="Restart it"):
                Store.open(path, zone=UTC, as_helper=as_helper)
        assert version(path) == 2
        assert not backup_of(path, 2).exists()
        with Store.open_read_only(path, zone=UTC) as store:
            assert all_time(store) == expected
        Store.open(path, zone=UTC, holds_lock=True).close()
    assert version(path) == SCHEMA_VERSION


def test_an_older_daemon_cannot_write_into_a_newer_schema(path: Path) -> None:
    make_old(path, 2)
    with contextlib.closing(sqlite3.connect(path)) as older:
        insert = """INSERT INTO chunk (start_s, span_s, monitor, layer, total, counts, crc)
        VALUES (1, 60, 1, 'dwell', 0, x'', 0)"""
        older.execute(insert)
        older.rollback()
        Store.open(path, zone=UTC).close()
        with pytest.raises(sqlite3.OperationalError, match="crc"):
            older.execute(insert)


def test_a_store_that_a_newer_version_has_changed_meanwhile_is_not_written(path: Path, store: Store) -> None:
    commit(store, 0, [1])
    sql(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    tally = Tally({Series(SCREEN, "dwell"): Counts.from_pixels(SCREEN.width_px, SCREEN.height_px, np.array([1]))})
    writes: list[Callable[[], object]] = [
        lambda: commit(store, 1, [1]),
        lambda: store.commit_batch(Batch.of(tally, 1, 2, Layout())),
        lambda: store.commit_import([(1, tally)]),
        lambda: store.roll_up(LATER_S, AGES),
        lambda: store.prune(LATER_S),
        lambda: store.erase(Range()),
    ]
    for write in writes:
        with pytest.raises(NotOursError, match="Restart mousetrackd"):
            write()
    assert all_time(store) == {(SCREEN.label, "dwell", 1): 1}


# Who it is, and what it counts ------------------------------------------------------------------------


def test_each_store_has_an_id_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    found = set()
    for name in ("a.sqlite3", "b.sqlite3"):
        for _ in range(2):
            with Store.open(tmp_path / name) as store:
                found.add(store.store_ids())
    assert len(found) == 2
    assert all(len(one) == 1 and re.fullmatch("[0-9a-f]{32}", one[0]) for one in found)


def test_imported_counts_keep_their_unit_and_are_never_added_to_others(store: Store) -> None:
    tally = Tally({Series(OTHER, "dwell"): Counts.from_pixels(3, 3, np.array([1, 1]))})
    store.commit_import([(NEW_YEAR_S, tally), (NEW_YEAR_S + 3600, tally)], "visits")
    assert store.units() == {Series(OTHER, "dwell"): "visits"}
    commit(store, 0, [1])
    for screen, unit in ((OTHER, None), (OTHER, "looks"), (SCREEN, "visits"), (SCREEN, "\n"), (SCREEN, "")):
        counts = Counts.from_pixels(screen.width_px, screen.height_px, np.array([1]))
        with pytest.raises(UsageError):
            store.commit_import([(NEW_YEAR_S, Tally({Series(screen, "dwell"): counts}))], unit)
    assert all_time(store) == {(OTHER.label, "dwell", 1): 4, (SCREEN.label, "dwell", 1): 1}
    assert {piece.start_s for piece in store.pieces(["dwell"], []) if piece.monitor == OTHER} == {
        NEW_YEAR_S,
        NEW_YEAR_S + 3600,
    }
