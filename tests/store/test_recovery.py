"""Damage of every kind: what is whole is kept exactly, once, and the damaged file is never lost."""

import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

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
from mousetrackd.core.validity import IMPORTED_HOUR_S
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.recovery import Rescued, readable, rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

NOON_S = int(datetime(2024, 5, 14, 12, tzinfo=UTC).timestamp())
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ASIDE = "heat.damaged-20261122T000000Z.sqlite3"
A, B = Monitor("DP-1", 400, 300), Monitor("HDMI-1", 640, 480, "1a2b3c4d")
LAYOUT = Layout([Placement(A, 0, 0, 520, 290), Placement(B, 400, 0)])
PAGE = 4096
LEAF = 13  # how a page with rows of a table begins (sqlite.org/fileformat2.html, 1.6)

Pieces = dict[tuple[int, int, int, str], Counts]
"""By start, span, width of the screen, and layer. Not by the screen's name, which has no checksum."""


def pieces_of(store: Store) -> Pieces:
    left_out: list[str] = []
    found = [*store.pieces(LAYERS, left_out)]
    assert left_out == []
    pieces = {(p.start_s, p.span_s, p.monitor.width_px, p.layer): p.counts for p in found}
    assert len(pieces) == len(found), "a piece is there twice"
    return pieces


@dataclass(frozen=True)
class Whole:
    """A store's bytes, and what is in it."""

    content: bytes
    pieces: Pieces


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Two screens, an hour of it rolled up, tables of several levels, and pages given up."""
    path = tmp_path_factory.mktemp("whole") / "heat.sqlite3"
    rng = np.random.default_rng(4)
    with Store.open(path, zone=UTC) as store:
        for minute in range(130):
            screen = (A, B)[minute % 2]
            index = rng.integers(0, screen.width_px * screen.height_px, rng.integers(3, 700))
            counts = Counts.from_pixels(screen.width_px, screen.height_px, index)
            tally = Tally({Series(screen, "dwell"): counts, Series(screen, "travel"): counts}, {screen: 100.0})
            start_s = NOON_S + 60 * minute
            store.commit(tally, start_s, start_s + 60, LAYOUT)
            if minute == 70:
                store.roll_up(start_s, RollupAges())
        pieces = pieces_of(store)
    return Whole(path.read_bytes(), pieces)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heat.sqlite3"


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def expect_rescue(path: Path, whole: Whole) -> Rescued:
    """Rescue; what was kept is what was written, the damaged file is what it was, and nothing else is left."""
    damaged = path.read_bytes()
    aside, rescued = rescue(path, NOW)
    assert aside.read_bytes() == damaged
    assert names(path.parent) == [ASIDE, path.name]
    with Store.open(path, zone=UTC) as store:
        assert store.check() == []
        kept = pieces_of(store)
        store.commit(Tally({Series(A, "dwell"): Counts.from_pixels(400, 300, np.array([1]))}), NOON_S, NOON_S + 1)
    assert all(whole.pieces.get(key) == counts for key, counts in kept.items())
    assert rescued.kept == len(kept)
    if rescued.lost is not None:
        assert rescued.kept + rescued.lost <= len(whole.pieces)
    return rescued


def vandalise(content: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(content)
    kind = dice.randrange(6)
    if kind == 0:
        return content[: dice.randrange(len(content))]
    if kind == 1:
        page = dice.randrange(len(content) // PAGE) * PAGE
        damaged[page : page + PAGE] = dice.randbytes(PAGE) if dice.random() < 0.5 else bytes(PAGE)
    elif kind == 2:
        damaged[dice.randrange(PAGE)] = dice.randrange(256)  # what says what the file is
    elif kind == 3:
        for _ in range(20):
            damaged[dice.randrange(len(content))] = dice.randrange(256)
    else:
        damaged[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def test_whatever_the_damage_what_is_kept_is_exact_and_the_file_is_not_lost(tmp_path: Path, whole: Whole) -> None:
    dice = random.Random(7)  # noqa: S311 - a repeatable vandal
    kept = []
    for number in range(2 * settings().max_examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "heat.sqlite3"
        path.write_bytes(vandalise(whole.content, dice))
        kept.append(expect_rescue(path, whole).kept)
    # Most damage is small, and costs little.
    assert sorted(kept)[len(kept) // 2] >= 0.95 * len(whole.pieces)


@pytest.mark.parametrize("page", range(1, 8))
def test_of_a_store_without_one_of_its_first_pages_the_rest_is_kept(path: Path, whole: Whole, page: int) -> None:
    """Its first pages are where the tables begin: at worst one table is lost, and counts are in one of them."""
    content = whole.content
    path.write_bytes(content[: (page - 1) * PAGE] + bytes(PAGE) + content[page * PAGE :])
    rescued = expect_rescue(path, whole)
    if page != 3:  # where the chunks begin
        assert rescued == Rescued(len(whole.pieces), 0)


def test_without_the_names_of_its_screens_their_counts_are_kept(path: Path, whole: Whole) -> None:
    path.write_bytes(whole.content)
    with closing(sqlite3.connect(path)) as sql, sql:
        sql.execute("UPDATE monitor SET output = CAST(x'ff00' AS TEXT) WHERE id = 1")
        sql.execute("UPDATE monitor SET width_px = 641 WHERE id = 2")
    assert rescue(path, NOW)[1] == Rescued(len(whole.pieces), 0)
    with Store.open_read_only(path) as store:
        assert pieces_of(store) == whole.pieces
        assert store.monitors() == {1: Monitor("unknown-1", 400, 300), 2: B}


def test_what_was_counted_within_an_imported_hour_is_kept_beside_it(path: Path) -> None:
    counts = Counts.from_pixels(400, 300, np.array([7]))
    tally = Tally({Series(A, "dwell"): counts})
    with Store.open(path, zone=UTC) as store:
        store.commit(tally, NOON_S + 60, NOON_S + 120, LAYOUT)
        store.commit_import([(NOON_S, tally)], span_s=IMPORTED_HOUR_S)
    _, rescued = rescue(path, NOW)
    assert (rescued.kept, rescued.lost) == (2, 0)
    with Store.open(path, zone=UTC) as store:
        store.roll_up(NOON_S + 7200, RollupAges())
        assert pieces_of(store) == {(NOON_S, 3600, 400, "dwell"): Counts.merge([counts, counts])}


def test_how_the_screens_stood_and_how_far_the_pointer_went_is_kept(path: Path, whole: Whole) -> None:
    path.write_bytes(bytes(PAGE) + whole.content[PAGE:])
    rescue(path, NOW)
    with Store.open_read_only(path) as store:
        assert store.layout() == LAYOUT
        assert sum(total.total for total in store.totals() if total.what == "path") == 130 * 100


def test_the_journal_of_a_daemon_that_was_killed_is_read_too(tmp_path: Path, path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with Store.open(path) as store:
        for minute in range(5):
            counts = Counts.from_pixels(400, 300, np.array([minute]))
            store.commit(Tally({Series(A, "dwell"): counts}), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
        for file in tmp_path.glob("heat.sqlite3*"):
            (crashed / file.name).write_bytes(file.read_bytes())
    path = crashed / path.name
    path.write_bytes(b"")  # nothing had been written back
    _, rescued = rescue(path, NOW)
    assert rescued.kept == 5
    assert (crashed / f"{ASIDE}-wal").stat().st_size > 0


@pytest.mark.parametrize("number_of_hour", [10, 0])
def test_pages_that_were_given_up_bring_nothing_back(path: Path, number_of_hour: int) -> None:
    """A damaged pointer leads into a page of what was rolled up since, whose checksums are right."""
    with Store.open(path, zone=UTC) as store:
        for minute in range(3):
            counts = Counts.from_pixels(400, 300, np.array([minute]))
            store.commit(Tally({Series(A, "dwell"): counts}), NOON_S + 60 * minute, NOON_S + 60 * minute + 60)
    with closing(sqlite3.connect(path)) as sql:
        rows = sql.execute("SELECT * FROM chunk").fetchall()
    with Store.open(path, zone=UTC) as store:
        store.roll_up(NOON_S + 3600, RollupAges())
    index = "FROM sqlite_schema WHERE name = 'chunk_by_time'"
    with closing(sqlite3.connect(path)) as sql, sql:
        # Version 0.1 deleted first: the hour's number may be less than those of what it was rolled up from.
        sql.execute("UPDATE chunk SET id = ?", (number_of_hour,))
        sql.execute("PRAGMA writable_schema = ON")
        (of_index,) = sql.execute(f"SELECT * {index}").fetchall()
        sql.execute(f"DELETE {index}")
    with closing(sqlite3.connect(path)) as sql, sql:  # what was given up is in no index
        sql.executemany("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        sql.execute("PRAGMA writable_schema = ON")
        sql.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", of_index)
    _, rescued = rescue(path, NOW)
    assert rescued == Rescued(1, 3)
    with Store.open_read_only(path, zone=UTC) as store:
        assert store.read(["dwell"]).counts[Series(A, "dwell")].total == 3


def be_a_folder(path: Path) -> None:
    path.mkdir()
    (path / "diary").write_text("Today")


def be_a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def be_noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))  # noqa: S311 - noise


def be_zeros(path: Path) -> None:
    path.write_bytes(bytes(20_000))


def be_empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("be", [be_a_folder, be_a_link_to_nothing, be_noise, be_zeros, be_empty])
def test_what_never_was_a_store_is_set_aside_as_it_is_and_a_new_one_begins(
    path: Path, be: Callable[[Path], None]
) -> None:
    be(path)
    before = path.lstat()
    with pytest.raises(DamagedError):
        Store.open(path)
    aside, rescued = rescue(path, NOW)
    assert rescued.kept == 0
    assert os.path.samestat(aside.lstat(), before)
    with Store.open(path) as store:
        assert store.check() == []
        assert pieces_of(store) == {}


# Stopped on the way -----------------------------------------------------------------------------------


def kill_at_call(number: int, path: Path) -> bool:
    """Rescue in a child that is killed at its ``number``-th file call. True when it was."""
    child = os.fork()
    if child == 0:
        calls = iter(range(1, 1_000_000))

        def hook(event: str, _: object) -> None:
            watched = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")
            if event in watched and next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        rescue(path, NOW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


def test_a_rescue_killed_at_any_call_is_done_once_at_the_next_start(tmp_path: Path, whole: Whole) -> None:
    content = whole.content[: 3 * PAGE] + bytes(PAGE) + whole.content[4 * PAGE :]
    number, killed = 0, True
    while killed:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "heat.sqlite3"
        path.write_bytes(content)
        killed = kill_at_call(number, path)
        try:
            store = Store.open(path)
        except DamagedError:
            rescue(path, NOW)
            store = Store.open(path)
        with store:
            assert pieces_of(store) == whole.pieces
        assert [name for name in names(folder) if name != ".heat.sqlite3.rescue"] == [ASIDE, path.name]
        assert not [*folder.glob(".heat.sqlite3.rescue/*")]
        assert (folder / ASIDE).read_bytes() == content
    assert number > 20


def test_nobody_writes_while_a_rescue_is_under_way(path: Path, whole: Whole) -> None:
    path.write_bytes(whole.content[:PAGE])
    kill_at_call(12, path)
    with pytest.raises(DamagedError, match="recovery into a new one was interrupted"):
        Store.open(path)
    with pytest.raises(StoreError):
        Store.open_read_only(path)


# Looking at it ----------------------------------------------------------------------------------------


@pytest.fixture(params=["page", "cut", "header"])
def damaged(request: pytest.FixtureRequest, path: Path, whole: Whole) -> Path:
    content = whole.content
    leaf = next(at for at in range(20 * PAGE, len(content), PAGE) if content[at] == LEAF)
    path.write_bytes(
        {
            "page": content[:leaf] + bytes(PAGE) + content[leaf + PAGE :],
            "cut": content[:-PAGE],
            "header": b"SQLite format 4" + content[15:],
        }[request.param]
    )
    return path


def test_a_damaged_store_can_be_looked_at_as_far_as_it_is_whole(damaged: Path, whole: Whole) -> None:
    before = damaged.read_bytes()
    with readable(damaged) as (store, said):
        found = pieces_of(store)
    assert "is damaged" in said
    assert f"{len(found)} of its pieces could be read" in said
    assert len(found) >= 0.9 * len(whole.pieces)
    assert all(whole.pieces[key] == counts for key, counts in found.items())
    assert damaged.read_bytes() == before
    assert [file for file in names(damaged.parent) if not file.endswith(("-wal", "-shm"))] == [damaged.name]


def test_a_whole_store_is_looked_at_itself(path: Path, whole: Whole) -> None:
    path.write_bytes(whole.content)
    with readable(path) as (store, said):
        assert (store.path, said) == (path, "")
