"""Whether the user wants tracking or pause: what is written is read again, and doubt means pause."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mousetrackd.core.errors import RefusedError
from mousetrackd.daemon.pause_state import (
    DesiredState,
    PauseState,
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


def test_without_a_file_tracking_is_desired(paths: Paths) -> None:
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
    paths.desired_state.write_bytes(content)
    assert read_desired_state(paths).pause


def test_what_cannot_be_written_is_refused_with_what_to_do(paths: Paths) -> None:
    paths.desired_state.mkdir()
    assert read_desired_state(paths).pause
    with pytest.raises(RefusedError, match=r"cannot write .*\n.*mousetrackd stop"):
        write_desired_state(paths, pause=True)


def test_the_block_is_locked_and_the_lock_is_given_back(paths: Paths) -> None:
    with desired_state_lock(paths):
        other = os.open(paths.desired_state.with_name("wanted.lock"), os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


@pytest.mark.parametrize(
    "put", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir], ids=["pipe", "link", "folder"]
)
def test_pausing_goes_on_without_what_keeps_two_commands_apart(paths: Paths, put: Callable[[Path], None]) -> None:
    put(paths.desired_state.with_name("wanted.lock"))
    with desired_state_lock(paths):
        write_desired_state(paths, pause=True)
    assert paths.desired_state.read_text() == "paused\n"


# The daemon's side --------------------------------------------------------------------------------------


def started(paths: Paths, *, pause: bool) -> PauseState:
    write_desired_state(paths, pause=pause)
    state = PauseState(paths)
    state.load()
    assert state.is_paused == pause
    return state


@pytest.mark.parametrize("pause", [True, False])
def test_a_file_that_was_written_since_is_followed(paths: Paths, pause: bool) -> None:
    state = started(paths, pause=not pause)
    assert not state.settle(asked_pause=False, asked_resume=False)
    write_desired_state(paths, pause=pause)
    assert state.settle(asked_pause=False, asked_resume=False)
    assert state.is_paused == pause
    assert not state.settle(asked_pause=False, asked_resume=False)


@pytest.mark.parametrize("pause", [True, False])
def test_a_signal_is_followed_and_the_file_says_so_afterwards(paths: Paths, pause: bool) -> None:
    state = started(paths, pause=not pause)
    assert state.settle(asked_pause=pause, asked_resume=not pause)
    assert state.is_paused == pause
    assert read_desired_state(paths).pause == pause


def test_where_signals_and_file_disagree_pause_wins(paths: Paths) -> None:
    state = started(paths, pause=False)
    assert state.settle(asked_pause=True, asked_resume=True)
    assert state.is_paused
    write_desired_state(paths, pause=True)
    assert not state.settle(asked_pause=False, asked_resume=True)
    assert state.is_paused


def test_a_file_that_is_gone_changes_nothing_and_is_written_again_where_it_matters(paths: Paths) -> None:
    state = started(paths, pause=True)
    paths.desired_state.unlink()
    assert not state.settle(asked_pause=False, asked_resume=False)
    assert state.is_paused
    assert read_desired_state(paths).pause


def test_a_state_that_cannot_be_written_holds_all_the_same_and_is_a_problem(paths: Paths) -> None:
    state = started(paths, pause=True)
    assert not state.settle(asked_pause=False, asked_resume=False)
    paths.desired_state.unlink()
    paths.desired_state.mkdir()
    assert not state.settle(asked_pause=False, asked_resume=False)
    assert state.is_paused, "what cannot be read means pause"
    assert state.settle(asked_pause=False, asked_resume=True)
    assert not state.is_paused
    assert state.problem.startswith(f"cannot write {paths.desired_state}")
    paths.desired_state.rmdir()
    assert not state.settle(asked_pause=False, asked_resume=False)
    assert state.problem == ""
