"""The lock files are opened at once, and only where they are files of the user's own."""

import os
from pathlib import Path

import pytest

from mousetrackd.core.errors import RefusedError
from mousetrackd.daemon.client import Lock, find_running, set_wanted, wish_held_still
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


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device"])
def test_pausing_goes_on_without_what_keeps_two_commands_apart(paths: Paths, kind: str) -> None:
    put(paths.wanted.with_name("wanted.lock"), kind)
    with wish_held_still(paths):
        set_wanted(paths, pause=True)
    assert paths.wanted.read_text() == "paused\n"
