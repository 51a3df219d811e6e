"""Space that is kept for the last save: really allocated, private, and given up only where space is lacking."""

import errno
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from mousetrackd.config import Config
from mousetrackd.core.errors import StoreError
from mousetrackd.daemon.checkpointer import Checkpointer
from mousetrackd.daemon.clocks import CLOCKS
from mousetrackd.storage import reserve
from mousetrackd.system.paths import Paths

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reserve"


def test_it_is_allocated_and_private_and_made_once(path: Path) -> None:
    before = os.umask(0)
    try:
        reserve.make(path)
    finally:
        os.umask(before)
    made = path.stat()
    assert made.st_size == reserve.SIZE_BYTES
    assert made.st_blocks * 512 >= reserve.SIZE_BYTES
    assert stat.S_IMODE(made.st_mode) == 0o600
    reserve.make(path)
    assert path.stat() == made


def test_one_with_holes_is_filled(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, reserve.SIZE_BYTES)
    reserve.make(path)
    assert path.stat().st_blocks * 512 >= reserve.SIZE_BYTES


def test_where_little_is_free_there_is_none(path: Path) -> None:
    reserve.make(path, plenty_bytes=1 << 62)
    assert not path.exists()
    assert not reserve.give_up(path, FULL)


def test_a_link_in_its_place_is_not_followed(path: Path) -> None:
    other = path.with_name("other")
    path.symlink_to(other)
    reserve.make(path)
    assert not other.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_it_is_given_up_once_on_a_full_disk(path: Path, number: int) -> None:
    reserve.make(path)
    error = OSError(number, os.strerror(number))
    assert [reserve.give_up(path, error) for _ in range(2)] == [True, False]
    assert not path.exists()


def test_it_is_given_up_where_the_store_says_that_the_disk_is_full(path: Path) -> None:
    reserve.make(path)
    assert reserve.give_up(path, full_store())


@pytest.mark.parametrize("error", [OSError(errno.EROFS, "read-only"), StoreError("locked"), TimeoutError()])
def test_it_is_kept_where_space_is_not_what_is_lacking(path: Path, error: Exception) -> None:
    reserve.make(path)
    assert not reserve.give_up(path, error)
    assert path.exists()


def full_store() -> StoreError:
    """What SQLite raises when a file must not grow, as the store passes it on."""
    error = StoreError("cannot use the store")
    store = sqlite3.connect(":memory:")
    store.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as full:
        store.executescript("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(100000))")
    store.close()
    error.__cause__ = full.value
    return error


def test_only_the_last_save_takes_it(tmp_path: Path) -> None:
    paths = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    paths.data_dir.mkdir(mode=0o700)
    tries = []

    def fail_while_it_is_there() -> None:
        tries.append(paths.reserve.exists())
        if paths.reserve.exists():
            raise StoreError("the disk is full") from FULL

    checkpointer = Checkpointer(paths, Config(), CLOCKS, fail_while_it_is_there)
    checkpointer.open()
    with pytest.raises(StoreError):
        checkpointer.save(0, repair=True)
    checkpointer.begin_last_save()
    checkpointer.save(0, repair=True)
    assert tries == [True, True, False]
    checkpointer.close()
