"""Whether the user wants tracking or pause: what is written is read again, and doubt means pause."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mousetrackd.core.errors import RefusedError
from mousetrackd.daemon.pause_state import (
    DesiredState,
    desired_state_lock,
    read_desired_state,
    write_desired_state,
)
from mousetrackd.system.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(*(tmp_path / name for name in ("config", "data", "runtime", "state")))
    made.data_dir.mkdir(mode=0o700)
    return made


def test_without_a_file_tracking_is_wanted(paths: Paths) -> None:
    assert read_desired_state(paths) == DesiredState(pause=False, mark=None)


def test_each_writing_has_a_mark_of_its_own(paths: Paths) -> None:
    marks = []
    for pause in (True, True, False):
        write_desired_state(paths, pause=pause)
        state = read_desired_state(paths)
        assert state.pause == pause
        marks.append(state.mark)
    assert None not in marks
    assert len(set(marks)) == 3


@pytest.mark.parametrize("content", [b"", b"paused\n", b"track", b"\xff"])
def test_anything_but_tracking_means_pause(paths: Paths, content: bytes) -> None:
    paths.wanted.write_bytes(content)
    assert read_desired_state(paths).pause


def test_what_cannot_be_written_is_refused_with_what_to_do(paths: Paths) -> None:
    paths.wanted.mkdir()
    assert read_desired_state(paths).pause
    with pytest.raises(RefusedError, match=r"cannot write .*\n.*mousetrackd stop"):
        write_desired_state(paths, pause=True)


def test_the_block_is_locked_and_the_lock_is_given_back(paths: Paths) -> None:
    with desired_state_lock(paths):
        other = os.open(paths.wanted.with_name("wanted.lock"), os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


@pytest.mark.parametrize(
    "put", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir], ids=["pipe", "link", "folder"]
)
def test_pausing_goes_on_without_what_keeps_two_commands_apart(paths: Paths, put: Callable[[Path], None]) -> None:
    put(paths.wanted.with_name("wanted.lock"))
    with desired_state_lock(paths):
        write_desired_state(paths, pause=True)
    assert paths.wanted.read_text() == "paused\n"
