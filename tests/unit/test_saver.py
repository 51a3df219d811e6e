"""A checkpoint's outcome, and what is reported of one that failed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.parts import HandClock, paths_in

from mousetrackd.config import Config
from mousetrackd.core.events import Kind, LayoutChange, batch
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.daemon.checkpointer import Checkpointer
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.saver import Outcome, Saver, try_step
from mousetrackd.daemon.status import Status
from mousetrackd.storage.errors import NotOursError
from mousetrackd.system.paths import Paths


class Saving:
    """A saver and what it works with. rescues: how often the store was rescued."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.clock = HandClock(1_800_000_000)
        self.lock = InstanceLock(paths)
        self.lock.acquire()
        self.checkpointer = Checkpointer(paths, Config(), self.clock.clocks, self.lock.retake)
        self.status = Status(paths, self.clock.clocks, self.lock)
        self.saver = Saver(self.checkpointer, self.status, self.clock.clocks, self._rescue_time)
        self.rescues = 0

    @contextlib.contextmanager
    def _rescue_time(self) -> Iterator[None]:
        self.rescues += 1
        yield

    def click(self) -> None:
        self.checkpointer.count(
            [LayoutChange(0, Layout([Placement(Monitor("S", 9, 9), 0, 0)])), batch([(1, Kind.LEFT, 1, 1)])]
        )

    def damage(self) -> None:
        garbage = self.paths.data_dir / "garbage"
        garbage.write_bytes(b"This is a diary." * 300)
        garbage.replace(self.paths.store)
        for ending in ("-wal", "-shm"):
            self.paths.store.with_name(self.paths.store.name + ending).unlink(missing_ok=True)


@pytest.fixture
def saving(tmp_path: Path) -> Iterator[Saving]:
    saving = Saving(paths_in(tmp_path))
    yield saving
    saving.checkpointer.close()
    saving.lock.release()


def test_a_save_is_reported_with_its_time_and_whether_there_are_new_counts(saving: Saving) -> None:
    assert saving.saver.open() is Outcome.SAVED
    assert saving.saver.save(1) is Outcome.SAVED
    assert saving.status.last_checkpoint is None
    assert not saving.saver.take_has_new_counts()
    saving.click()
    assert saving.saver.save(2) is Outcome.SAVED
    assert saving.status.last_checkpoint == saving.clock.clocks.now_iso()
    assert saving.saver.take_has_new_counts()
    assert not saving.saver.take_has_new_counts()


def test_what_is_left_at_the_end_is_kept_aside_and_reported(saving: Saving) -> None:
    saving.saver.keep_aside(0)
    assert saving.status.unsaved == ""
    saving.paths.store.mkdir()
    saving.click()
    assert saving.saver.save(2) is Outcome.FAILED
    saving.saver.keep_aside(2)
    assert "Kept in " in saving.status.unsaved
    assert saving.status.problem("saving") == saving.status.unsaved


def test_a_lock_that_another_daemon_has_taken_ends_the_saving(saving: Saving) -> None:
    for file in (saving.paths.data_lock, saving.paths.runtime_lock):
        file.unlink()
    saving.paths.data_dir.rename(saving.paths.data_dir.with_name("moved"))
    saving.paths.runtime_dir.rename(saving.paths.runtime_dir.with_name("moved-runtime"))
    other = InstanceLock(saving.paths)
    other.acquire()
    saving.click()
    assert saving.saver.save(2) is Outcome.NOT_OURS
    assert not saving.paths.store.exists()
    other.release()


def test_a_store_that_is_damaged_when_it_is_opened_is_rescued(saving: Saving) -> None:
    saving.damage()
    assert saving.saver.open() is Outcome.SAVED
    assert saving.rescues == 1
    assert saving.checkpointer.has_store


def test_a_store_that_is_found_damaged_later_is_rescued_and_saving_goes_on(saving: Saving) -> None:
    saving.saver.open()
    saving.saver.check()
    assert saving.rescues == 0
    saving.damage()
    saving.click()
    assert saving.saver.save(2) is Outcome.FAILED
    assert saving.rescues == 1
    assert saving.saver.save(2) is Outcome.SAVED


def test_a_store_of_another_program_is_refused(saving: Saving) -> None:
    import sqlite3  # noqa: PLC0415 - for this alone

    with contextlib.closing(sqlite3.connect(saving.paths.store)) as other:
        other.execute("PRAGMA application_id = 17")
        other.execute("CREATE TABLE theirs (one)")
        other.commit()
    with pytest.raises(NotOursError):
        saving.saver.open()
    assert saving.rescues == 0


def test_a_step_that_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of a library")

    try_step("do the first", fail)
    assert "could not do the first" in caplog.text
    assert "of a library" in caplog.text
