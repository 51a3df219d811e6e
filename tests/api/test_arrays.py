"""``mousetrackd.counts`` and ``load``: what the store and files hold, as arrays, and nothing of either is changed."""

import io
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.program import Home
from support.xserver import LEFT, Pointer, Xvfb

from mousetrackd import MousetrackError, MousetrackWarning, counts, heatmap, load
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

DESK = Monitor("DP-1", 320, 200)
SIDE = Monitor("HDMI-1", 160, 100, "1a2b3c4d")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""A Monday."""
HOUR = timedelta(hours=1)


def at(monitor: Monitor, *dots: tuple[int, int, int]) -> Counts:
    """Counts of (x, y, count)."""
    dense = np.zeros((monitor.height_px, monitor.width_px), np.int64)
    for x, y, count in dots:
        dense[y, x] = count
    return Counts.from_dense(dense)


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The store of a user who rested at noon, an hour later and the day after, and clicked with two buttons."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    home.paths.data_dir.mkdir(mode=0o700, parents=True)
    layout = Layout([Placement(DESK, 0, 0), Placement(SIDE, 320, 0)])
    with Store.open(home.paths.store, zone=UTC) as opened:
        for when, x in ((NOON, 10), (NOON + HOUR, 20), (NOON + 24 * HOUR, 30)):
            tally = Tally(
                {
                    Series(DESK, "dwell"): at(DESK, (x, 50, 4000), (200, 150, 7)),
                    Series(DESK, "clicks.left"): at(DESK, (x, 50, 2)),
                    Series(DESK, "clicks.right"): at(DESK, (x, 50, 1)),
                }
            )
            opened.commit(tally, int(when.timestamp()), int(when.timestamp()) + 60, layout)
        last = int((NOON + 25 * HOUR).timestamp())
        opened.commit(Tally({Series(SIDE, "scroll"): at(SIDE, (3, 4, 5))}), last, last + 60)
    yield home.paths.store
    monkeypatch.undo()
    time.tzset()


def columns(found: dict[str, Any]) -> list[int]:
    """Where on the desk it rested, but for the place that is in all."""
    dense = found.get(DESK.label, np.zeros((1, 1), np.int64))
    return [*map(int, np.flatnonzero(dense[50:51] if len(dense) > 50 else dense[:0]))]


def test_there_is_an_array_for_each_monitor(store: Path) -> None:
    found = counts()
    assert list(found) == ["DP-1@320x200"]
    dense = found["DP-1@320x200"]
    assert (dense.shape, dense.dtype.name) == ((200, 320), "int64")
    assert (dense[150, 200], dense[50, 10], dense.sum()) == (21, 4000, 12021)
    assert np.array_equal(counts(store=store)["DP-1@320x200"], dense)
    assert counts("scroll")["HDMI-1@160x100#1a2b3c4d"][4, 3] == 5


@pytest.mark.usefixtures("store")
def test_clicks_are_the_sum_of_all_buttons() -> None:
    (dense,) = counts("clicks").values()
    assert (dense[50, 10], dense.sum()) == (3, 9)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("asked", "rested_at"),
    [
        ({}, [10, 20, 30]),
        ({"since": "2026-11-23 13:00"}, [20, 30]),
        ({"since": NOON + HOUR}, [20, 30]),
        ({"until": datetime(2026, 11, 23, 13)}, [10]),  # noqa: DTZ001 - local, as the commands' words are
        ({"until": date(2026, 11, 23)}, [10, 20]),
        ({"since": date(2026, 11, 24), "until": "2026-11-24"}, [30]),
        ({"hours": "13"}, [20]),
        ({"hours": range(13, 15)}, [20]),
        ({"hours": [12]}, [10, 30]),
        ({"weekdays": "mon"}, [10, 20]),
        ({"weekdays": {1}}, [30]),
        ({"weekdays": [0], "hours": (12,)}, [10]),
        ({"monitor": "DP-1"}, [10, 20, 30]),
        ({"monitor": "HDMI-1"}, []),
        ({"since": "2026-11-25"}, []),
    ],
    ids=str,
)
def test_a_range_is_what_the_commands_mean_by_it(asked: dict[str, Any], rested_at: list[int]) -> None:
    assert columns(counts(**asked)) == rested_at


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"layer": "dwells"}, 'there is no layer "dwells"'),
        ({"layer": "counts"}, 'there is no layer "counts"'),
        ({"since": "tomorrowish"}, 'cannot understand the time "tomorrowish"'),
        ({"since": "2026-11-24", "until": "2026-11-23"}, "ends"),
        ({"since": 5}, "since: expected a time, got 5"),
        ({"hours": [24]}, "hours: expected numbers from 0 to 23, got [24]"),
        ({"hours": 9}, "hours: expected numbers from 0 to 23, got 9"),
        ({"weekdays": []}, "weekdays: expected numbers from 0 to 6, got []"),
        ({"weekdays": "noday"}, '"noday" are no days of the week'),
        ({"monitor": "DP-9"}, 'there is no monitor "DP-9"'),
        ({"monitor": 5}, "monitor: expected a name, got 5"),
        ({"layer": 5}, "layer: expected a name, got 5"),
        ({"store": ""}, "store: expected a path, got ''"),
        ({"application": "firefox"}, 'nothing was counted for an application "firefox"'),
        ({"application": 5}, "application: expected a name, got 5"),
        ({"store": "/nowhere/heat.sqlite3"}, "there is no /nowhere/heat.sqlite3"),
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_an_error(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(MousetrackError) as raised:
        counts(**asked)
    assert words in str(raised.value)


def test_what_is_kept_too_coarsely_is_reported(store: Path) -> None:
    coarse = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    with Store.open(store, zone=UTC) as opened:
        opened.commit(Tally({Series(DESK, "dwell"): at(DESK, (40, 50, 1))}), coarse, coarse + 31 * 86400)
    with pytest.warns(MousetrackWarning, match="left out one piece kept only per month") as told:
        found = counts(hours="12")
    assert columns(found) == [10, 30]
    assert told[0].filename == __file__, "the warning names the caller's line"


def test_a_damaged_store_is_read_as_far_as_it_can_be_and_stays_as_it_is(store: Path) -> None:
    content = store.read_bytes()
    broken = content[:-4096]
    store.write_bytes(broken)
    with pytest.warns(MousetrackWarning, match="damaged"):
        counts()
    assert store.read_bytes() == broken
    assert set(files_in(store.parent)) == {store.name}


def files_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and mode of all in a folder, but for the empty journal and its index that SQLite needs to read."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    files = {path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in paths}
    return {name: found for name, found in files.items() if not (name.endswith("-wal") and found[0] == b"")}


def test_nothing_is_written_and_no_store_is_made(home: Home, store: Path, tmp_path: Path) -> None:
    before = files_in(tmp_path)
    assert store.name in before
    counts()
    assert files_in(tmp_path) == before
    shutil.rmtree(home.paths.data_dir)
    with pytest.raises(MousetrackError, match="nothing has been counted yet"):
        counts()
    assert not home.paths.data_dir.exists()


def test_a_picture_of_the_counts_is_the_one_that_render_draws(home: Home, store: Path) -> None:
    del store
    for words, asked in (((), {}), (("--hours", "13"), {"hours": "13"})):
        out = home.folder / "rendered.png"
        home.run_ok("render", out, "--no-legend", "--monitor", "DP-1", *words)
        (dense,) = counts(monitor="DP-1", **asked).values()
        with Image.open(out) as image:
            assert np.array_equal(np.asarray(heatmap(dense, unit="ms", legend=False)), np.asarray(image.convert("RGB")))


@pytest.mark.slow
def test_it_reads_beside_a_daemon_that_goes_on_counting(home: Home, desktop: Xvfb) -> None:
    del desktop
    with home.running() as daemon:
        for x in (100, 300):
            with Pointer() as pointer:
                pointer.move((x, 100))
                pointer.click(LEFT)
                pointer.position()
            daemon.await_read()
            home.run_ok("snapshot")
            before = home.store_bytes()
            ((label, dense),) = counts("clicks.left", store=home.paths.store).items()
            assert home.store_bytes() == before
            assert label.endswith("@1920x1080")
            assert (dense[100, 100], dense[100, 300]) == (1, int(x == 300))
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1, (300, 100): 1}


# Files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_by_its_content(tmp_path: Path) -> None:
    text = "x;y;frequency\n640;480;3\n640;480;4\n"
    file = tmp_path / "dots.txt"
    file.write_text(text)
    for source in (file, str(file), io.BytesIO(text.encode())):
        (dense,) = load(source, (1280, 720)).values()
        assert (dense.shape, dense.dtype.name, dense[480, 640], dense.sum()) == ((720, 1280), "int64", 7, 7)


def test_a_picture_of_a_file_is_the_one_that_render_draws(home: Home) -> None:
    file, out = home.folder / "dots.csv", home.folder / "rendered.png"
    file.write_text("x,y,n\n40,50,3\n41,50,90\n200,150,1000\n")
    home.run_ok("render", out, "--from", file, "--size", "320x200", "--unit", "visits")
    (dense,) = load(file, (320, 200)).values()
    picture = heatmap(dense, unit="visits")
    with Image.open(out) as image:
        assert np.array_equal(np.asarray(picture), np.asarray(image.convert("RGB")))


def test_a_loaded_file_of_one_screen_is_drawn_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "dots.csv"
    file.write_text("x,y,count\n40,50,3\n200,150,12\n")
    with pytest.raises(MousetrackError) as raised:
        load(file)
    assert "like size=(1920, 1080)" in raised.value.message
    found = load(file, size=(320, 200))
    (dense,) = found.values()
    assert np.array_equal(np.asarray(heatmap(found)), np.asarray(heatmap(dense)))
    with pytest.raises(MousetrackError) as raised:
        heatmap({**found, "DP-2@320x200": dense})
    assert "give one of the arrays" in raised.value.hint


def test_what_was_assumed_of_a_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "dots.csv"
    file.write_text("x,y,count\n640,480,3\n2000,10,4\n")
    with pytest.raises(MousetrackError, match="outside") as raised:
        load(file, (1280, 720))
    assert "drop_outside" in str(raised.value)
    assert "--" not in str(raised.value)
    with pytest.warns(MousetrackWarning, match="outside"):
        (dense,) = load(file, (1280, 720), drop_outside=True).values()
    assert dense.sum() == 3


def test_a_file_is_read_as_the_keywords_say(tmp_path: Path) -> None:
    file = tmp_path / "dots.csv"
    file.write_text("480,640,2\n")
    (dense,) = load(file, (1280, 720), columns=("y", "x", "count"), each_ms=40).values()
    assert dense[480, 640] == 80
    np.save(tmp_path / "grid.npy", np.arange(64 * 36).reshape(64, 36))
    with pytest.warns(MousetrackWarning, match="spread"):
        (grid,) = load(tmp_path / "grid.npy", (128, 72), transpose=True).values()
    assert (grid.shape, grid.sum()) == ((72, 128), np.arange(64 * 36).sum())


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"layer": "dwells"}, 'there is no layer "dwells"'),
        ({"layer": "clicks"}, '"clicks" are several layers'),
        ({"layer": "counts"}, 'there is no layer "counts"'),
        ({"size": (0, 5)}, "a screen is from 1x1"),
        ({"each_ms": 0}, "each_ms: expected a whole number from 1 up, got 0"),
        ({"columns": "x,y"}, "columns: expected the names of columns, got 'x,y'"),
        ({"file": 5}, "file: expected a path or an open file, got 5"),
        ({"time_unit": "h"}, "time_unit: expected s, ms, us or ns, got 'h'"),
        ({}, "cannot read nowhere.csv"),
    ],
    ids=str,
)
def test_what_cannot_be_loaded_is_an_error(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(MousetrackError) as raised:
        load(**{"file": "nowhere.csv", **keywords})
    assert words in str(raised.value)
    assert not os.path.lexists("nowhere.csv")
