"""Counts on their way into a real store: saved once, dated rightly, and kept where the store cannot be written."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from support.parts import HandClock, paths_in

from mousetrackd.config import Config, PrivacyConfig
from mousetrackd.core.errors import RefusedError, StoreError
from mousetrackd.core.events import Gap, Item, Kind, LayoutChange, Pointers, batch
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.daemon.checkpointer import Checkpointer
from mousetrackd.daemon.lock import AlreadyRunningError
from mousetrackd.storage import unsaved
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.store import Store
from mousetrackd.system.paths import Paths

SCREEN = Monitor("S", 100, 100)
SHOWN = LayoutChange(0, Layout([Placement(SCREEN, 0, 0)]))
HOUR_S = 1_800_000_000


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = paths_in(tmp_path)
    paths.data_dir.mkdir(mode=0o700)
    return paths


@pytest.fixture
def clock() -> HandClock:
    return HandClock(HOUR_S)


@pytest.fixture
def checkpointer(paths: Paths, clock: HandClock) -> Iterator[Checkpointer]:
    checkpointer = Checkpointer(paths, Config(), clock.clocks, lambda: None)
    checkpointer.count([SHOWN])
    yield checkpointer
    checkpointer.close()


def click(time_ms: int = 1, x: int = 10, y: int = 10) -> Item:
    return batch([(time_ms, Kind.LEFT, x, y)])


def stored(paths: Paths) -> list[tuple[int, int]]:
    """When the chunks of clicks begin, and how many they hold."""
    with Store.open_read_only(paths.store, zone=UTC) as store:
        return [(total.start_s, int(total.total)) for total in store.totals() if total.what == "clicks.left"]


def test_what_is_counted_is_saved_once_and_dated_from_when_it_came(
    checkpointer: Checkpointer, clock: HandClock, paths: Paths
) -> None:
    checkpointer.open()
    checkpointer.note_unsaved()
    assert not checkpointer.count([click(1), click(2)])
    clock.advance(60)
    checkpointer.note_unsaved()
    assert checkpointer.save(3)
    assert stored(paths) == [(HOUR_S, 2)]
    assert not checkpointer.has_pending
    assert not checkpointer.save(3)
    checkpointer.note_unsaved()
    checkpointer.count([click(4)])
    assert checkpointer.save(5)
    assert stored(paths) == [(HOUR_S, 2), (HOUR_S + 60, 1)]
    assert checkpointer.events == 3


def test_a_layout_is_returned_as_new_and_kept(checkpointer: Checkpointer) -> None:
    other = LayoutChange(5, Layout([Placement(Monitor("T", 50, 50), 0, 0)]))
    assert checkpointer.count([Gap(1, "hidden"), Pointers(2, "pointers", 1), other])
    assert checkpointer.layout == other.layout
    assert not checkpointer.count([click()])
    checkpointer.count([click(9, 70, 70)])
    assert checkpointer.out_of_bounds == 1


def test_a_save_is_due_after_the_interval_or_at_the_full_hour(checkpointer: Checkpointer, clock: HandClock) -> None:
    assert checkpointer.due_in_s(60) == 60
    clock.advance(3590)
    assert checkpointer.due_in_s(60) == 10


@pytest.mark.parametrize(("late_s", "span_s"), [(0, 10), (1, 10), (5, 10), (6, 16), (60, 70)])
def test_what_is_saved_a_little_after_the_hour_is_of_that_hour(
    checkpointer: Checkpointer, clock: HandClock, paths: Paths, late_s: int, span_s: int
) -> None:
    checkpointer.open()
    clock.advance(3590)
    checkpointer.note_unsaved()
    checkpointer.count([click()])
    clock.advance(10 + late_s)
    checkpointer.save(2)
    with Store.open_read_only(paths.store, zone=UTC) as store:
        assert {(one.start_s, one.span_s) for one in store.totals()} == {(HOUR_S + 3590, span_s)}


def test_a_save_that_failed_is_tried_again_and_nothing_is_counted_twice(
    checkpointer: Checkpointer, paths: Paths
) -> None:
    paths.store.mkdir()
    checkpointer.note_unsaved()
    checkpointer.count([click(1)])
    with pytest.raises(StoreError):
        checkpointer.save(2)
    assert checkpointer.has_pending
    assert not checkpointer.has_store
    checkpointer.count([click(3)])
    paths.store.rmdir()
    assert checkpointer.save(4)
    assert sum(total for _, total in stored(paths)) == 2
    assert not checkpointer.has_pending


def test_a_disk_that_hangs_is_waited_for_only_so_long_and_is_taken_up_again(paths: Paths, clock: HandClock) -> None:
    released = threading.Event()
    checkpointer = Checkpointer(paths, Config(), clock.clocks, lambda: void(released.wait(60)))
    checkpointer.count([SHOWN, click()])
    with pytest.raises(StoreError, match="does not answer"):
        checkpointer.save(2, timeout_s=0.05)
    with pytest.raises(StoreError, match="does not answer"):
        checkpointer.save(2, timeout_s=10)
    assert checkpointer.find_damage() is None, "nobody looks at a store on a disk that hangs"
    released.set()
    for thread in threading.enumerate():
        if thread.name == "disk":
            thread.join()
    assert checkpointer.save(2)
    assert [total for _, total in stored(paths)] == [1], "it had been stored meanwhile"
    checkpointer.close()


def void(_: object) -> None:
    """Return nothing."""


def test_locks_are_retaken_with_each_save(paths: Paths, clock: HandClock) -> None:
    errors: list[Exception] = [RefusedError("the folder is gone"), AlreadyRunningError(1)]
    raised: list[Exception] = []

    def retake() -> None:
        if len(raised) < len(errors):
            raised.append(errors[len(raised)])
            raise raised[-1]

    checkpointer = Checkpointer(paths, Config(), clock.clocks, retake)
    checkpointer.count([SHOWN, click()])
    assert checkpointer.save(2)
    assert ("lock", "the folder is gone") in checkpointer.take_findings().problems
    assert checkpointer.take_findings().problems == []
    with pytest.raises(AlreadyRunningError):
        checkpointer.save(2)
    assert not checkpointer.save(2)
    assert checkpointer.take_findings().problems == [("lock", "")]
    checkpointer.close()


def test_counts_that_cannot_be_stored_are_kept_aside_and_taken_in_by_the_next(
    checkpointer: Checkpointer, clock: HandClock, paths: Paths
) -> None:
    paths.store.mkdir()
    checkpointer.count([click(1)])
    with pytest.raises(StoreError):
        checkpointer.save(2)
    checkpointer.count([click(3)])
    sentence = checkpointer.keep_aside(4, "the disk is full")
    files = unsaved.files(paths)
    assert len(files) == 2
    assert sentence.startswith("the last counts are not in the store: the disk is full\nKept in ")
    assert all(str(file) in sentence for file in files)
    paths.store.rmdir()
    after = Checkpointer(paths, Config(), clock.clocks, lambda: None)
    after.open()
    assert after.take_findings().has_taken_in
    assert not after.take_findings().has_taken_in
    assert sum(total for _, total in stored(paths)) == 2
    assert unsaved.files(paths) == []
    after.close()


def test_what_can_be_kept_nowhere_is_reported_as_lost(checkpointer: Checkpointer, paths: Paths, tmp_path: Path) -> None:
    checkpointer.count([click()])
    for folder in unsaved.folders(paths):
        if folder.exists():
            folder.rmdir()
        folder.touch()
    assert checkpointer.keep_aside(2, "") == (
        "the last counts are not in the store: not saving\nIt could not be kept anywhere else either, and is lost."
    )
    assert not [*tmp_path.rglob("*unsaved*")]


def test_where_all_is_saved_nothing_is_kept_aside(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.count([click()])
    checkpointer.save(2)
    assert checkpointer.keep_aside(2, "") == ""
    assert unsaved.files(paths) == []


def test_a_store_that_was_moved_away_is_made_again(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.count([click(1)])
    checkpointer.save(2)
    for file in paths.data_dir.glob("heat.sqlite3*"):
        file.rename(paths.data_dir / f"elsewhere-{file.name}")
    checkpointer.count([click(3)])
    assert checkpointer.save(4)
    assert [total for _, total in stored(paths)] == [1]
    assert any(kind == "moved" and sentence for kind, sentence in checkpointer.take_findings().problems)


def test_a_damaged_store_is_rescued_and_reported(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.count([click()])
    checkpointer.save(2)
    assert checkpointer.find_damage() is None
    assert checkpointer.asides() == []
    garbage = paths.data_dir / "garbage"
    garbage.write_bytes(b"This is a diary." * 300)
    garbage.replace(paths.store)
    for ending in ("-wal", "-shm"):
        paths.store.with_name(paths.store.name + ending).unlink(missing_ok=True)
    checkpointer.count([click(3)])
    with pytest.raises(DamagedError) as raised:
        checkpointer.save(4)
    checkpointer.rescue(raised.value)
    assert not checkpointer.has_store
    assert checkpointer.save(4)
    assert [total for _, total in stored(paths)] == [1]
    (aside,) = checkpointer.asides()
    assert aside.startswith("a damaged store was set aside as ")
    assert len([*paths.data_dir.glob("heat.damaged-*.sqlite3")]) == 1


def test_rules_of_privacy_hold_from_now_on(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.count([click(1)])
    checkpointer.protect(PrivacyConfig(exclude=["S 0,0 100x100"]))
    checkpointer.count([click(2), click(3)])
    checkpointer.save(4)
    assert [total for _, total in stored(paths)] == [1]


def test_no_time_is_counted_after_the_end_of_a_source(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.count([batch([(1000, Kind.MOVE, 1, 1)])])
    checkpointer.end_of_source(1700)
    checkpointer.save(0)
    with Store.open_read_only(paths.store, zone=UTC) as store:
        assert [total.total for total in store.totals() if total.what == "dwell"] == [700]


def test_the_private_store_is_the_users_alone(checkpointer: Checkpointer, paths: Paths) -> None:
    checkpointer.open()
    assert paths.store.stat().st_mode & 0o077 == 0
    assert paths.store.stat().st_uid == os.getuid()
