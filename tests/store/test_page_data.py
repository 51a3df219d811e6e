"""What a page holds of a store: every count once, by the hour where that is known, and the sums of ``stats``."""

import base64
import io
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from support.page import HOUR_UNKNOWN, Page

from mousetrackd.config import Config, PageConfig
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.applications import GRID
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.daemon.snapshot_worker import renew_page
from mousetrackd.page.making import Subject, make, make_history
from mousetrackd.picture.colours import DIFFERENCE_MAPS
from mousetrackd.storage import forget, stats
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
from mousetrackd.system.output_files import UNFINISHED
from mousetrackd.system.paths import Paths

SCREEN = Monitor("</script><!--", 1920, 1080)
OTHER = Monitor("HDMI-1", 2560, 1440)
LAYOUT = Layout([Placement(SCREEN, 0, 0, 600, 340), Placement(OTHER, 1920, -100)])
DAY_S, HOUR_S = 86_400, 3600
START_S = int(datetime(2024, 11, 4, 9, tzinfo=UTC).timestamp())  # a Monday
NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "heat.sqlite3", zone=UTC) as opened:
        yield opened


def fill(store: Store, days: int, ages: RollupAges) -> None:
    """Two hours of many days until now, in pixels that each differ; rolled up as they grow older."""
    rng = np.random.default_rng(1)
    last_s = int(NOW.timestamp())
    for start_s in (*range(last_s - days * DAY_S, last_s - 9 * DAY_S, max(days // 20, 1) * DAY_S), last_s - 5 * HOUR_S):
        for begin_s in (start_s, start_s + HOUR_S // 2, start_s + 3 * HOUR_S):
            counts = {
                Series(screen, layer): Counts.from_pixels(
                    screen.width_px,
                    screen.height_px,
                    rng.integers(0, screen.width_px * screen.height_px, 9),
                    rng.integers(1, 900, 9),
                )
                for screen in (SCREEN, OTHER)
                for layer in ("dwell", "clicks.left")
            }
            store.commit(Tally(counts, {SCREEN: 70.0}), begin_s, begin_s + 60, LAYOUT)
    store.roll_up(last_s, ages)


def page_of(store: Store, asked: Range | None = None, **subject: object) -> Page:
    out = io.BytesIO()
    left_out = make(out, store, Subject(LAYOUT, NOW, asked or Range(), **subject))  # type: ignore[arg-type]
    assert left_out == []
    return Page(out.getvalue().decode())


AGES = [RollupAges(), RollupAges(hour_cells_days=0), RollupAges(hour_cells_days=60)]


@pytest.mark.parametrize("ages", AGES, ids=["all hours", "no hours", "hours of 60 days"])
def test_a_page_holds_every_count_once_and_the_sums_of_stats(store: Store, ages: RollupAges) -> None:
    fill(store, 500, ages)
    page = page_of(store)
    expected = stats.summarise(store.totals(), store.sizes_mm(), UTC).total
    totals = page.totals_by_layer()
    assert totals == {"dwell": expected.active_ms, "clicks.left": expected.clicks["left"]}
    assert sum(row.total for row in page.rows("paths")) == expected.distance_px
    assert page.sums_by_layer("s") == totals
    by_hour = [row for row in page.rows("totals") if row.days == 1]
    assert sum(page.sums_by_layer("h").values()) == sum(row.total for row in by_hour)
    assert sum(page.total_of(name) for name in page.blocks if name.startswith("f.")) == totals["dwell"]
    assert any(row.hour == HOUR_UNKNOWN for row in by_hour) == (ages.hour_cells_days == 0)
    assert {one["more"] for one in page.meta["sums"]} == {True, False}


def test_each_hour_is_where_it_was_counted(store: Store) -> None:
    fill(store, 40, RollupAges())
    page = page_of(store)
    for number, one in enumerate(page.meta["sums"]):
        rows = {
            (row.day, row.hour): row.total
            for row in page.rows("totals")
            if (row.monitor, row.layer) == (0, 0) and one["first"] <= row.day <= one["last"]
        }
        entries = page.hours(f"{number}.0.0")
        assert {(one["first"] + day, hour): sum(c for c, _ in here.values()) for day, hour, here in entries} == rows


def test_a_range_holds_nothing_beside_it(store: Store) -> None:
    fill(store, 100, RollupAges())
    since_s = int(NOW.timestamp()) - 30 * DAY_S
    asked = Range(since_s, since_s + 11 * DAY_S, OTHER.output)
    page = page_of(store, asked)
    first = (since_s - 1) // DAY_S
    assert {row.day for row in page.rows("totals")} <= {*range(first, first + 12)}
    assert {row.monitor for row in page.rows("totals")} == {1}
    expected = stats.summarise(store.totals(asked), store.sizes_mm(), UTC).total
    assert page.totals_by_layer()["dwell"] == expected.active_ms == page.sums_by_layer("s")["dwell"]


def test_monitors_have_their_places_their_holes_and_their_names(store: Store) -> None:
    fill(store, 10, RollupAges())
    page = page_of(store, exclude=[Exclusion("HDMI-1", 10, 20, 30, 5000)])
    first, second = page.meta["monitors"]
    assert first["name"] == SCREEN.output
    assert SCREEN.output not in page.html
    assert [first["x"], first["cell_px"], first["sum_px"], first["grid_px"], first["holes"]] == [0, 16, 8, 4, []]
    assert [second["x"], second["y"], second["cell_px"], second["grid_px"]] == [1920, -100, 22, 5]
    assert second["holes"] == [[10, 20, 30, 1420]]
    assert first["metres_per_px"] == pytest.approx((0.6 / 1920 + 0.34 / 1080) / 2)
    assert list(page.meta["maps"])[:2] == ["ember", "classic"]


def test_a_difference_has_its_own_colours(store: Store) -> None:
    maps = page_of(store).meta["maps"]
    for name, colours in DIFFERENCE_MAPS.items():
        red, green, blue = base64.b64decode(maps[name])[3 * 128 :][:3]
        assert max(red, green, blue) - min(red, green, blue) <= 6, "no difference is the colour of the background"
        assert abs(green - int(colours[6][3:5], 16)) <= 6


def test_another_resolution_of_a_screen_is_scaled_onto_it(store: Store) -> None:
    before = Monitor(OTHER.output, 1280, 720)
    counts = Counts.from_pixels(1280, 720, np.array([360 * 1280 + 640]), np.array([5]))
    at_s = int(NOW.timestamp()) - HOUR_S
    store.commit(Tally({Series(before, "dwell"): counts}, {}), at_s, at_s + 60)
    page = page_of(store)
    assert len(page.meta["monitors"]) == 2
    ((_, _, here),) = page.hours("0.1.0")
    cols = -(-2560 // 22)
    assert here.keys() == {721 // 22 * cols + 1281 // 22}


def test_a_store_without_counts_is_a_page(store: Store) -> None:
    page = page_of(store)
    assert page.rows("totals") == []
    assert page.meta["sums"] == []


@pytest.mark.parametrize("days", [10, 500], ids=["by the hour", "in a sum only"])
def test_an_hour_that_is_damaged_is_left_out_and_named(store: Store, days: int) -> None:
    fill(store, days, RollupAges())
    whole = page_of(store)
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE cells SET checksum = 1 - checksum WHERE hour = (SELECT min(hour) FROM cells)")
    connection.close()
    out = io.BytesIO()
    with Store.open(store.path, zone=UTC) as damaged:
        left_out = make(out, damaged, Subject(LAYOUT, NOW))
    page = Page(out.getvalue().decode())
    assert len(left_out) == 1
    assert page.meta["notes"] == left_out
    for kind in "sh" if days == 10 else "s":
        assert 0 < sum(page.sums_by_layer(kind).values()) < sum(whole.sums_by_layer(kind).values())


HOSTILE = "</script><!--"


def put_applications(store: Store) -> None:
    """In two hours 5 ms in one application, and 2 ms in the other, all of which are in the sum of all too."""
    at_s = int(NOW.timestamp()) - 3 * DAY_S
    for nth, (name, count) in enumerate(((HOSTILE, 5), ("vim", 2))):
        counts = Counts.from_pixels(1920, 1080, np.array([7 + nth]), np.array([count]))
        in_window = Counts.from_pixels(GRID, GRID, np.array([3]), np.array([count]))
        series = {Series(SCREEN, "dwell"): counts, Series(SCREEN, "dwell", name): counts}
        series[Series(SCREEN, "dwell", name, GRID)] = in_window
        store.commit(Tally(series, {SCREEN: 70.0}), at_s + nth * HOUR_S, at_s + nth * HOUR_S + 60, LAYOUT)


@pytest.mark.parametrize("days", [0, 400])
def test_each_application_is_apart_and_all_are_the_sum(store: Store, days: int) -> None:
    put_applications(store)
    store.roll_up(int(NOW.timestamp()) + days * DAY_S, RollupAges())
    page = page_of(store)
    assert page.meta["applications"] == ["", HOSTILE, "vim"]
    assert page.html.count(HOSTILE) == 0, "a name ends no element"
    for number, count in ((0, 7), (1, 5), (2, 2)):
        end = f".{number}" if number else ""
        assert sum(row.total for row in page.rows(f"totals{end}")) == count
        of_hours = [here for _, _, here in page.hours(f"0.0.0{end}")]
        assert sum(one for here in of_hours for one, _ in here.values()) == count
        assert page.total_of(f"s.0.0.0{end}") == count
    assert page.total_of("f.0") == 7


def test_a_page_of_one_application_holds_no_other(store: Store) -> None:
    put_applications(store)
    page = page_of(store, Range(application="vim"))
    assert page.meta["applications"] == ["vim"]
    assert page.totals_by_layer() == page.sums_by_layer("h") == page.sums_by_layer("s") == {"dwell": 2}
    assert page.rows("paths") == []
    assert [row.hour for row in page.rows("totals")] == [13]


def test_without_applications_there_is_nothing_of_them(store: Store) -> None:
    fill(store, 10, RollupAges())
    page = page_of(store)
    assert page.meta["applications"] == [""]
    assert not [name for name in page.blocks if name.count(".") > 3 or name.startswith("totals.")]


# The page beside the pictures -------------------------------------------------------------------------

MARK = 123_456_789_012
"""A count that is nowhere else, in hexadecimal digits or packed."""


def put_marked(paths: Paths, now: datetime) -> None:
    """Counts of two days, of which the second one's are to be forgotten."""
    paths.data_dir.mkdir()
    with Store.open(paths.store) as store:
        for ago, count in ((2, 7), (1, MARK)):
            counts = Counts.from_pixels(1920, 1080, np.array([5]), np.array([count]))
            at_s = int(now.timestamp()) - ago * DAY_S
            store.commit(Tally({Series(SCREEN, "dwell"): counts}), at_s, at_s + 60, LAYOUT)


def make_beside(paths: Paths, now: datetime) -> Page:
    with Store.open_read_only(paths.store) as store:
        make_history(paths, store, Subject(store.layout(), now))
    return Page(paths.history.read_text("utf-8"))


def counts_in(page: Page) -> set[int]:
    blocks = [name for name in page.blocks if name[0] in "hsf"]
    found = {count for name in blocks for *_, here in page.entries(name) for count, _ in here.values()}
    return found | {row.total for row in page.rows("totals")}


def test_what_is_forgotten_is_in_no_byte_of_a_page(tmp_path: Path) -> None:
    paths = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    now = datetime.now()  # noqa: DTZ005 - of the local clock, as the command has it
    put_marked(paths, now)
    assert counts_in(make_beside(paths, now)) == {7, MARK, MARK + 7}
    assert paths.history.stat().st_mode & 0o777 == 0o600
    left = paths.snapshots / f"{UNFINISHED}left"
    left.mkdir()
    (left / "new.html").write_bytes(paths.history.read_bytes())
    choice = forget.Choice(since_s=int(now.timestamp()) - DAY_S - HOUR_S)
    assert f"the page {paths.history}" in forget.find(paths, choice).lines(choice)
    forget.carry_out(paths, choice)
    assert [*paths.snapshots.iterdir()] == []
    assert counts_in(make_beside(paths, now)) == {7}


def test_a_forgotten_application_is_in_no_byte_of_a_page(tmp_path: Path) -> None:
    paths = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    now = datetime.now()  # noqa: DTZ005
    paths.data_dir.mkdir()
    with Store.open(paths.store) as store:
        at_s = int(now.timestamp()) - DAY_S
        for name, count in (("private.app", MARK), ("vim", 7)):
            counts = Counts.from_pixels(1920, 1080, np.array([5]), np.array([count]))
            store.commit(Tally({Series(SCREEN, "dwell", of): counts for of in ("", name)}), at_s, at_s + 60, LAYOUT)
    assert MARK in counts_in(make_beside(paths, now))
    assert b"private.app" in paths.history.read_bytes()
    forget.carry_out(paths, forget.Choice(application="private.app"))
    assert [*paths.snapshots.iterdir()] == []
    assert counts_in(make_beside(paths, now)) == {7}
    assert b"private.app" not in paths.history.read_bytes()


def test_a_page_older_than_what_is_forgotten_stays(tmp_path: Path) -> None:
    paths = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    now = datetime.now()  # noqa: DTZ005
    put_marked(paths, now)
    make_beside(paths, now)
    forget.carry_out(paths, forget.Choice(since_s=int(now.timestamp()) + HOUR_S))
    assert paths.history.exists()


def test_the_worker_writes_a_page_when_it_is_due(tmp_path: Path) -> None:
    paths = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    now = datetime.now()  # noqa: DTZ005
    put_marked(paths, now)
    conf = Config(page=PageConfig(interval_s=3600))
    assert not renew_page(paths, Config(), now)
    assert not paths.history.exists()
    assert renew_page(paths, conf, now)
    assert not renew_page(paths, conf, now + timedelta(seconds=3500))
    os.utime(paths.history, (0, now.timestamp() - 3700))
    assert renew_page(paths, conf, now)
    left = paths.snapshots / f"{UNFINISHED}left"
    left.mkdir()
    os.utime(left, (0, now.timestamp() - 2 * HOUR_S))
    os.utime(paths.history, (0, now.timestamp() - 3700))
    assert renew_page(paths, conf, now)
    assert [*paths.snapshots.iterdir()] == [paths.history]
