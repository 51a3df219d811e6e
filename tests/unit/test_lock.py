"""The locks of a daemon: held by one, found by others, and opened only where they are files of the user's own."""

import os
from pathlib import Path

import pytest

from mousetrackd.core.errors import RefusedError
from mousetrackd.daemon.client import find_running
from mousetrackd.daemon.lock import AlreadyRunningError, Lock, has_open, holder, is_folder_locked, status_of_holder
from mousetrackd.system.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(*(tmp_path / name for name in ("config", "data", "runtime", "state")))
    made.data_dir.mkdir(mode=0o700)
    made.runtime_dir.mkdir(mode=0o700)
    return made


def put(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        try:
            os.mknod(path, 0o020600, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("no devices can be made here")


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device"])
def test_what_is_no_file_is_refused_as_a_lock_and_means_that_nothing_runs(paths: Paths, kind: str) -> None:
    for lock in (paths.runtime_lock, paths.data_lock):
        put(lock, kind)
        assert find_running(paths) is None
        with pytest.raises(RefusedError, match="cannot open the lock"):
            Lock(lock).acquire(status=paths.status)


def test_one_holds_it_and_everybody_sees_who(paths: Paths) -> None:
    lock, other = Lock(paths.data_lock), Lock(paths.data_lock)
    lock.acquire(status=paths.status)
    assert lock.is_held()
    assert holder(paths.data_lock) == os.getpid()
    assert status_of_holder(paths.data_lock) == paths.status
    assert is_folder_locked(paths.data_dir)
    assert has_open(os.getpid(), paths.data_lock)
    with pytest.raises(AlreadyRunningError, match=f"pid {os.getpid()}"):
        other.acquire(status=paths.status)
    lock.release()
    assert holder(paths.data_lock) is None
    assert not is_folder_locked(paths.data_dir)
    assert not has_open(os.getpid(), paths.data_lock)
    other.acquire(status=paths.status).release()


def test_what_was_deleted_of_it_is_taken_again_and_keeps_others_out_meanwhile(paths: Paths) -> None:
    lock = Lock(paths.data_lock).acquire(status=paths.status)
    paths.data_lock.unlink()
    assert not lock.is_held()
    with pytest.raises(AlreadyRunningError):
        Lock(paths.data_lock).acquire(status=paths.status)
    assert holder(paths.data_lock) is None
    lock.acquire(status=paths.status)
    assert holder(paths.data_lock) == os.getpid()
    lock.release()


@pytest.mark.parametrize("content", [b"", b"-1\n", b"0\n", b"99999999999\n", b"one\n", b"\xff\n", "\u0663\n".encode()])
def test_a_lock_file_without_a_pid_has_no_known_holder(paths: Paths, content: bytes) -> None:
    lock = Lock(paths.data_lock).acquire(status=paths.status)
    paths.data_lock.write_bytes(content)
    assert holder(paths.data_lock) is None
    assert status_of_holder(paths.data_lock) is None
    lock.release()
