"""Several stores made into one: nothing is lost, nothing counted twice, and nothing written beside the old ones."""

import contextlib
import shutil
import sqlite3
import stat
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from support.older_store import make_older
from support.program import Home

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import StoreError, UsageError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage.merge import merge
from mousetrackd.storage.readings import Range
from mousetrackd.storage.recovery import readable
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

pytest_plugins = ("support.fixtures",)

DAY_S, HOUR_S = 86_400, 3600
BEGIN_S = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
AGES = RollupAges(hourly_days=1, daily_days=7, monthly_days=20)
PANEL = Monitor("eDP-1", 40, 30, "aaaa1111")
DOCKED = Monitor("DP-3", 40, 30, "bbbb2222")
ELSEWHERE = Monitor("HDMI-1", 40, 30, "bbbb2222")  # the same screen at the desktop's connector
PLAIN = Monitor("VGA-1", 30, 20)


def fill(path: Path, monitors: tuple[Monitor, ...], seed: int, days: int = 40) -> None:
    """A store with chunks of every tier, hours, paths, two layouts and counts of another unit."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    layouts = [
        Layout([Placement(monitors[0], 0, 0, 300, 200)]),
        Layout([Placement(m, 50 * n, seed) for n, m in enumerate(monitors)]),
    ]
    with Store.open(path, zone=UTC) as store:
        for number in range(0, days * 24, 13):
            start_s = BEGIN_S + number * HOUR_S + seed
            tally = Tally()
            for monitor in monitors:
                for layer in LAYERS[:3]:
                    pixels = rng.integers(0, monitor.width_px * monitor.height_px, 5)
                    counts = Counts.from_pixels(monitor.width_px, monitor.height_px, pixels, rng.integers(1, 999, 5))
                    tally.counts[Series(monitor, layer)] = counts
                tally.path_px[monitor] = float(rng.integers(1, 5000))
            store.commit(tally, start_s, start_s + 60, layouts[number > 100])
        odd = Counts.from_pixels(10, 10, np.array([seed]), np.array([3]))
        store.commit_import([(BEGIN_S, Tally({Series(Monitor("imported", 10, 10), "dwell"): odd}))], "fixations")
        store.roll_up(BEGIN_S + days * DAY_S, AGES)


def identity(monitor: Monitor) -> tuple[str, int, int]:
    return monitor.edid_hash or monitor.output, monitor.width_px, monitor.height_px


def pixels_of(path: Path, asked: Range = Range()) -> Counter[tuple[object, ...]]:  # noqa: B008 - a frozen value
    """Every count of a store by screen, layer and pixel."""
    found: Counter[tuple[object, ...]] = Counter()
    with readable(path, elsewhere=True) as (store, _):
        for series, counts in store.read(LAYERS, asked).counts.items():
            for index, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True):
                found[identity(series.monitor), series.layer, index] += count
    return found


def sums_of(path: Path) -> Counter[tuple[object, ...]]:
    """Every sum of a store by time, screen and layer, the length of the path with them."""
    found: Counter[tuple[object, ...]] = Counter()
    with readable(path, elsewhere=True) as (store, _):
        for one in store.totals():
            found[one.start_s, one.span_s, identity(one.monitor), one.what] += one.total
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stores of a laptop and a desktop that share a screen."""
    folder = tmp_path_factory.mktemp("merge")
    fill(folder / "laptop" / "heat.sqlite3", (PANEL, DOCKED), 1)
    fill(folder / "desktop" / "heat.sqlite3", (ELSEWHERE, PLAIN), 2)
    return folder


@pytest.fixture
def two(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "laptop" / "heat.sqlite3", tmp_path / "desktop" / "heat.sqlite3"


RANGES = {
    "all": Range(),
    "a week of old": Range(BEGIN_S + 3 * DAY_S, BEGIN_S + 10 * DAY_S),
    "office hours": Range(hours=range(9, 17), weekdays=range(5)),
    "the last days": Range(since_s=BEGIN_S + 37 * DAY_S),
}


@pytest.mark.parametrize("asked", RANGES.values(), ids=RANGES)
def test_the_sum_is_exact_for_whatever_is_asked(two: tuple[Path, Path], tmp_path: Path, asked: Range) -> None:
    out = tmp_path / "out.sqlite3"
    assert merge(out, two).left_out == []
    parts = [pixels_of(path, asked) for path in two]
    assert all(parts)
    assert pixels_of(out, asked) == parts[0] + parts[1]


def test_hours_paths_placements_and_units_are_there(two: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.sqlite3"
    made = merge(out, two)
    assert sums_of(out) == sums_of(two[0]) + sums_of(two[1])
    with readable(out, elsewhere=True) as (store, _):
        assert store.check() == []
        assert set(store.units().values()) == {"fixations"}
        places = {(identity(p.monitor), p.desktop_x) for _, layout in store.layouts() for p in layout.placements}
        assert places == {(identity(one), x) for one, x in ((PANEL, 0), (DOCKED, 50), (ELSEWHERE, 0), (PLAIN, 50))}
        assert len({identity(one) for one in store.monitors().values()}) == made.monitors == 4
        assert store.sizes_mm()[PANEL] == (300, 200)


def test_every_table_of_a_store_is_thought_of(two: tuple[Path, Path]) -> None:
    """Who adds a table decides what a merge does with it."""
    with contextlib.closing(sqlite3.connect(two[0])) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    copied = {"monitor", "chunk", "hour", "cells", "path", "placement", "unit", "identity"}
    made_again = {"sum"}
    of_one_store = {"saved"}  # which batches it has: of its own side files
    assert tables - of_one_store == copied | made_again


def test_whoever_merges_again_gets_the_same_sum(two: tuple[Path, Path], tmp_path: Path) -> None:
    third = tmp_path / "third" / "heat.sqlite3"
    fill(third, (PLAIN,), 3, days=5)
    merge(tmp_path / "some.sqlite3", two)
    merge(tmp_path / "all.sqlite3", [third, tmp_path / "some.sqlite3"])
    merge(tmp_path / "at once.sqlite3", [*two, third])
    assert pixels_of(tmp_path / "all.sqlite3") == pixels_of(tmp_path / "at once.sqlite3")


def test_a_merged_store_opens_for_writing_and_is_rolled_up_without_a_change(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "own" / "heat.sqlite3"
    out.parent.mkdir(mode=0o700)
    merge(out, two)
    before = pixels_of(out)
    with Store.open(out, zone=UTC) as store:
        store.roll_up(BEGIN_S + 900 * DAY_S, AGES)
        assert store.check() == []
    assert pixels_of(out) == before


@pytest.mark.parametrize(
    "case", ["twice", "a copy", "one that holds it", "an older version", "out is there", "no folder"]
)
def test_what_would_count_twice_or_overwrite_is_refused(two: tuple[Path, Path], tmp_path: Path, case: str) -> None:
    laptop, desktop = two
    out, given = tmp_path / "out.sqlite3", [laptop, desktop]
    if case == "twice":
        given = [laptop, laptop]
    elif case == "a copy":
        given.append(Path(shutil.copy(laptop, tmp_path / "copy.sqlite3")))
    elif case == "one that holds it":
        merge(tmp_path / "both.sqlite3", two)
        given = [tmp_path / "both.sqlite3", desktop]
    elif case == "an older version":
        given[1] = tmp_path / "older.sqlite3"
        make_older(desktop, given[1], 2)
    elif case == "out is there":
        out = Path(shutil.copy(laptop, out))
    else:
        out = tmp_path / "nowhere" / "out.sqlite3"
    before = out.read_bytes() if out.exists() else None
    with pytest.raises(UsageError) as raised:
        merge(out, given)
    assert raised.value.hint
    assert (out.read_bytes() if out.exists() else None) == before


def test_a_series_in_two_units_is_refused_and_nothing_is_left(two: tuple[Path, Path], tmp_path: Path) -> None:
    one = Counts.from_pixels(10, 10, np.array([5]), np.array([1]))
    with Store.open(tmp_path / "laptop" / "other.sqlite3") as store:
        store.commit(Tally({Series(Monitor("imported", 10, 10), "dwell"): one}), 9, 10)  # in ms, there
    with pytest.raises(UsageError, match="another unit"):
        merge(tmp_path / "out.sqlite3", [two[0], tmp_path / "laptop" / "other.sqlite3"])
    assert {path.name for path in tmp_path.iterdir()} == {"desktop", "laptop"}


def test_what_is_damaged_is_named_and_the_rest_is_there(two: tuple[Path, Path], tmp_path: Path) -> None:
    connection = sqlite3.connect(two[0])

    connection.execute("UPDATE chunk SET checksum = checksum + 1 WHERE id = (SELECT max(id) FROM chunk)")
    connection.commit()
    connection.close()
    made = merge(tmp_path / "out.sqlite3", two)
    assert ["checksum" in sentence for sentence in made.left_out] == [True]
    assert pixels_of(tmp_path / "out.sqlite3").total() == sum(pixels_of(path).total() for path in two)


# Stores that lie elsewhere ------------------------------------------------------------------------


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def test_a_store_in_a_shared_folder_is_read_without_a_trace(home: Home, two: tuple[Path, Path]) -> None:
    shared = two[0].parent
    shared.chmod(0o755)
    two[0].chmod(0o644)
    before = state_of(shared)
    for words in (
        ("stats",),
        ("export", "-"),
        ("render", home.folder / "a.png"),
        ("timelapse", home.folder / "a.gif", "--step", "30d", "--width", "64"),
    ):
        home.run_ok(*words, "--store", two[0])
    home.run_ok("merge", home.folder / "out.sqlite3", *two)
    assert state_of(shared) == before
    assert stat.S_IMODE((home.folder / "out.sqlite3").stat().st_mode) == 0o600
    assert not home.paths.data_dir.exists()


def test_newer_counts_in_a_journal_beside_it_are_read_too(two: tuple[Path, Path]) -> None:
    before = pixels_of(two[0]).total()
    with Store.open(two[0]) as store:
        store.commit(Tally({Series(PLAIN, "scroll"): Counts.from_pixels(30, 20, np.array([5]), np.array([4]))}), 9, 10)
        assert two[0].with_name("heat.sqlite3-wal").stat().st_size
        state = state_of(two[0].parent)
        assert pixels_of(two[0]).total() == before + 4
        assert state_of(two[0].parent) == state


def test_options_choose_the_store(home: Home, two: tuple[Path, Path]) -> None:
    home.run_ok("merge", "both.sqlite3", *two)
    assert home.run_ok("merge", "one.sqlite3", two[0]) == "merged 1 store into one.sqlite3, 3 monitors\n"
    of = {store: home.run_ok("export", "-", "--layer", "travel", "--store", store) for store in (*two, "both.sqlite3")}
    assert len(set(of.values())) == 3
    refused = home.run("render", "a.png", "--store", two[0], "--from", "dots.csv")
    assert (refused.code, len(refused.err_lines)) == (2, 2)


@pytest.mark.parametrize("content", [None, b"", b"PNG, or whatever it is" * 20])
def test_what_is_no_store_is_named(home: Home, content: bytes | None) -> None:
    file = home.folder / "some.file"
    if content is not None:
        file.write_bytes(content)
    for words in (("stats", "--store", file), ("merge", "out.sqlite3", file)):
        result = home.run(*words)
        assert result.code == 1
        assert str(file) in result.err_lines[0]
        assert len(result.err_lines) == 2


def test_a_store_that_is_always_written_is_reported(two: tuple[Path, Path]) -> None:
    two[0].with_name("heat.sqlite3-wal").mkdir()
    with pytest.raises(StoreError):
        pixels_of(two[0])
