"""What is forgotten is gone from every file; what is not stays to the last count."""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage import forget, forget_note
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.forget import Choice
from mousetrackd.storage.store import Store
from mousetrackd.system.paths import Paths

A = Monitor("DP-1", 640, 480)
B = Monitor("HDMI-1", 320, 240)
BOTH = Layout([Placement(A, 0, 0), Placement(B, 640, 0)])
HOUR_S = 3600
NOON_S = int(datetime(2024, 5, 14, 12, tzinfo=UTC).timestamp())
_SLICE = 32


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Folders in which eight hours of both screens are kept, an hour at a time, and a picture of each hour."""
    made = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    made.snapshots.mkdir(parents=True)
    dice = np.random.default_rng(5)
    with Store.open(made.store, zone=UTC) as store:
        for hour, screen in itertools.product(range(8), (A, B)):
            index = dice.integers(0, screen.width_px * screen.height_px, 4000)
            weight = dice.integers(1, 2**20, 4000)
            counts = Counts.from_pixels(screen.width_px, screen.height_px, index, weight)
            start_s = NOON_S + hour * HOUR_S
            store.commit(Tally({Series(screen, "dwell"): counts}, {screen: 50.0}), start_s, start_s + HOUR_S, BOTH)
    for hour in range(8):
        put(made.snapshots / f"2024051{4}T{12 + hour}0000Z.png", NOON_S + hour * HOUR_S)
    put(made.latest, NOON_S + 7 * HOUR_S)
    return made


def put(path: Path, written_s: int) -> None:
    path.write_bytes(b"something private")
    os.utime(path, (written_s, written_s))


def blobs(paths: Paths) -> dict[tuple[int, str], bytes]:
    """The bytes of every chunk, by hour and output."""
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        rows = sql.execute("SELECT start_s, output, counts FROM chunk JOIN monitor ON monitor.id = chunk.monitor")
        return {((start_s - NOON_S) // HOUR_S, output): counts for start_s, output, counts in rows}


def is_anywhere(blob: bytes, folder: Path) -> bool:
    """Does any file hold a piece of it? A page of SQLite's cuts it anywhere."""
    pieces = [blob[at : at + _SLICE] for at in range(24, len(blob) - _SLICE, 256)]
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return any(piece in content for piece in pieces for content in contents)


def hours_of(paths: Paths) -> set[tuple[int, str]]:
    with Store.open_read_only(paths.store, zone=UTC) as store:
        assert store.check() == []
    return {*blobs(paths)}


@pytest.fixture(params=[False, True], ids=["alone", "beside the daemon's connection"])
def beside(request: pytest.FixtureRequest, paths: Paths) -> Iterator[None]:
    """Alone, or with a connection open and everything still in the journal, as beside a daemon."""
    if not request.param:
        yield
        return
    with Store.open(paths.store, zone=UTC) as store:
        store.commit(Tally({Series(A, "scroll"): Counts.from_pixels(640, 480, np.array([5]))}), NOON_S - 9, NOON_S - 8)
        journal = paths.store.with_name(paths.store.name + "-wal")
        assert journal.stat().st_size > 0
        yield


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    ("choice", "gone"),
    [
        (Choice(), {(hour, name) for hour in range(8) for name in ("DP-1", "HDMI-1")}),
        (Choice(since_s=NOON_S + 6 * HOUR_S), {(hour, name) for hour in (6, 7) for name in ("DP-1", "HDMI-1")}),
        (Choice(NOON_S + HOUR_S, NOON_S + 2 * HOUR_S), {(1, "DP-1"), (1, "HDMI-1")}),
        (Choice(until_s=NOON_S + HOUR_S, monitor="HDMI-1"), {(0, "HDMI-1")}),
        (Choice(monitor="DP-1@640x480"), {(hour, "DP-1") for hour in range(8)}),
        (Choice(NOON_S + 1800, NOON_S + HOUR_S + 1), {(hour, n) for hour in (0, 1) for n in ("DP-1", "HDMI-1")}),
    ],
    ids=["all", "since", "since until", "until on one", "one", "what straddles goes whole"],
)
def test_no_byte_of_what_is_forgotten_is_left_and_the_rest_is_as_it_was(
    paths: Paths, choice: Choice, gone: set[tuple[int, str]]
) -> None:
    before = {key: blob for key, blob in blobs(paths).items() if key[0] >= 0}
    assert len(before) == 16
    assert all(is_anywhere(blob, paths.data_dir) for blob in before.values())
    found = forget.find(paths, choice)
    done = forget.carry_out(paths, choice)
    assert done == found
    assert not [key for key in gone if is_anywhere(before[key], paths.data_dir)]
    assert {key for key in hours_of(paths) if key[0] >= 0} == {*before} - gone
    assert all(blobs(paths)[key] == before[key] for key in {*before} - gone)
    with Store.open_read_only(paths.store, zone=UTC) as store:
        lengths = {
            ((total.start_s - NOON_S) // HOUR_S, total.monitor.output): total.total
            for total in store.totals()
            if total.what == "path"
        }
    assert lengths == dict.fromkeys({*before} - gone, 50)
    assert forget_note.unfinished(paths) == []


def test_nor_is_any_byte_of_what_was_dropped_before(paths: Paths) -> None:
    before = blobs(paths)
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        sql.execute("PRAGMA secure_delete = OFF")  # as it is but on Debian
        sql.execute("DELETE FROM chunk WHERE start_s < ?", (NOON_S + 4 * HOUR_S,))
        sql.commit()
    dropped = [before[key] for key in {*before} - {*blobs(paths)}]
    assert len(dropped) == 8
    assert any(is_anywhere(blob, paths.data_dir) for blob in dropped)
    forget.carry_out(paths, Choice(since_s=NOON_S + 7 * HOUR_S))
    assert not any(is_anywhere(blob, paths.data_dir) for blob in dropped)


def test_of_a_screen_forgotten_altogether_not_even_the_name_is_kept(paths: Paths) -> None:
    forget.carry_out(paths, Choice(monitor="HDMI-1"))
    assert not is_anywhere(bytes(24) + b"HDMI-1".ljust(_SLICE + 1), paths.data_dir)
    with Store.open_read_only(paths.store) as store:
        assert [*store.monitors().values()] == [A]
        assert store.layout().monitors == (A,)
    assert b"HDMI-1" not in paths.store.read_bytes()


def test_the_sentences_report_that_more_goes_than_was_named(paths: Paths) -> None:
    choice = Choice(since_s=NOON_S + 7 * HOUR_S + 1800)
    assert "more than was named" in " ".join(forget.find(paths, choice).lines(choice))
    whole = Choice(since_s=NOON_S + 7 * HOUR_S)
    assert "more than was named" not in " ".join(forget.find(paths, whole).lines(whole))


def test_a_piece_that_fails_its_checksum_may_be_of_any_time_and_goes(paths: Paths) -> None:
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        sql.execute("UPDATE chunk SET start_s = start_s - 86400 WHERE id = 1")
        sql.commit()
    assert forget.carry_out(paths, Choice(since_s=NOON_S + 7 * HOUR_S)).held.pieces == 3
    assert len(hours_of(paths)) == 13


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        (Choice(), set()),
        (Choice(until_s=NOON_S), set()),
        (Choice(monitor="DP-1"), set()),
        (Choice(since_s=NOON_S + 5 * HOUR_S), {12, 13, 14, 15, 16}),
        (Choice(since_s=NOON_S + 9 * HOUR_S), {*range(12, 20), "latest"}),
    ],
    ids=["all", "before", "monitor", "since-17", "since-21"],
)
def test_every_picture_drawn_since_the_range_began_goes(paths: Paths, choice: Choice, kept: set[int | str]) -> None:
    half_done = paths.snapshots / ".latest.png.123.new"
    put(half_done, NOON_S + 7 * HOUR_S)
    pictures = {path.stem for path in paths.snapshots.glob("*.png")}
    assert len(pictures) == 9
    forget.carry_out(paths, choice)
    left = {int(path.stem[9:11]) if path.stem != "latest" else "latest" for path in paths.snapshots.glob("*.png")}
    assert left == kept
    assert half_done.exists() == ("latest" in kept)


def test_backups_and_stores_set_aside_go_unless_they_are_older(paths: Paths) -> None:
    names = ("heat.damaged-20240514T190000Z.sqlite3", "heat.sqlite3.backup", ".heat.sqlite3.new")
    for name in names:
        put(paths.data_dir / name, NOON_S + 7 * HOUR_S)
    put(paths.data_dir / "heat.damaged-20230101T000000Z.sqlite3", NOON_S - 1)
    done = forget.carry_out(paths, Choice(since_s=NOON_S))
    assert {path.name for path in done.copies} == {*names}
    assert not [name for name in names if (paths.data_dir / name).exists()]
    assert (paths.data_dir / "heat.damaged-20230101T000000Z.sqlite3").exists()
    forget.carry_out(paths, Choice())
    assert not [*paths.data_dir.glob("heat.damaged-*")]


def test_of_a_damaged_store_only_all_can_be_forgotten(paths: Paths) -> None:
    paths.store.write_bytes(b"a diary" * 100)
    with pytest.raises(DamagedError):
        forget.carry_out(paths, Choice(since_s=NOON_S))
    assert paths.latest.exists()
    forget.carry_out(paths, Choice())
    assert [path.name for path in paths.data_dir.iterdir()] == ["snapshots"]
    assert [*paths.snapshots.iterdir()] == []


def test_a_monitor_never_seen_is_not_forgotten(paths: Paths) -> None:
    with pytest.raises(UsageError, match="DP-7"):
        forget.find(paths, Choice(monitor="DP-7"))


def test_where_nothing_was_ever_counted_there_is_nothing_to_forget(tmp_path: Path) -> None:
    empty = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    assert not forget.find(empty, Choice())
    assert not forget.carry_out(empty, Choice())
    assert not empty.store.exists()


def test_what_is_read_meanwhile_is_said_and_can_be_done_again(paths: Paths) -> None:
    reader = sqlite3.connect(paths.store)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM chunk").fetchone()
    choice = Choice(since_s=NOON_S + 7 * HOUR_S)
    with pytest.raises(MousetrackError):
        forget.carry_out(paths, choice)
    assert forget_note.unfinished(paths) == [choice.options()]
    reader.close()
    forget.carry_out(paths, choice)
    assert forget_note.unfinished(paths) == []
