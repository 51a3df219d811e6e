"""What was counted last is stored, or kept in a side file that the next start takes in exactly once."""

import contextlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.program import Home, Running
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

from mousetrackd.storage import reserve

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.usefixtures("desktop")


def click_at(x: int, y: int) -> None:
    with Pointer() as pointer:
        pointer.move((x, y))
        pointer.click(LEFT)
        pointer.position()


@contextlib.contextmanager
def with_two_presses(home: Home) -> Iterator[Running]:
    """A daemon that has stored a press at 100, 100 and has counted, not stored, one at 200, 200."""
    home.configure("checkpoint_interval_s = 3600\nsnapshot_interval_s = 86400\n")
    with home.running() as daemon:
        click_at(100, 100)
        home.run_ok("snapshot")
        click_at(200, 200)
        daemon.await_status(lambda status: status["events"] >= 2, "it is read")
        daemon.await_read()
        yield daemon


def limit_files(daemon: Running, size_bytes: int) -> None:
    """As on a full disk: no file of the daemon grows beyond this; -1 for no limit."""
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size_bytes if size_bytes >= 0 else hard, hard))


def side_files(home: Home) -> list[Path]:
    folders = (home.paths.data_dir, home.paths.state_dir, home.paths.runtime_dir)
    return sorted(path for folder in folders for path in folder.glob("*unsaved-*"))


@contextlib.contextmanager
def held_by_another(store: Path) -> Iterator[None]:
    """Another process writes, and does not end."""
    code = (
        "import sqlite3, sys; s = sqlite3.connect(sys.argv[1]); s.execute('BEGIN EXCLUSIVE'); print(flush=1); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.communicate("\n")


def test_the_last_save_is_tried_again_until_there_is_space(home: Home) -> None:
    with with_two_presses(home) as daemon:
        limit_files(daemon, 8192)
        daemon.send(signal.SIGTERM)
        daemon.await_log("not saving since")
        limit_files(daemon, -1)
        assert daemon.ends() == 0
    assert home.cells("clicks.left") == {(100, 100): 1, (200, 200): 1}
    assert side_files(home) == []


@pytest.mark.without_coverage
def test_what_cannot_be_stored_is_kept_aside_reported_by_stop_and_taken_in_once(home: Home) -> None:
    with with_two_presses(home) as daemon:
        assert home.paths.reserve.stat().st_size == reserve.SIZE_BYTES
        limit_files(daemon, 8192)
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(home.run_process, "stop")
            daemon.await_log("not saving since")
            daemon.send(signal.SIGTERM)  # in a hurry: not tried for as long as there is time
            stopped = stopping.result()
        (side_file,) = side_files(home)
        assert (stopped.code, stopped.out) == (1, "")
        assert str(side_file) in stopped.err
        assert "not saving since" in stopped.err
        assert daemon.ends() == 1
        assert str(side_file) in daemon.log
    assert side_file.parent == home.paths.data_dir
    assert not home.paths.reserve.exists()
    assert stat.S_IMODE(side_file.stat().st_mode) == 0o600
    assert str(side_file) in home.run("status").out
    assert home.cells("clicks.left") == {(100, 100): 1}
    kept = side_file.read_bytes()
    for _ in range(2):
        with home.running() as daemon:
            assert side_files(home) == []
            assert home.paths.reserve.exists()
            assert "unsaved" not in str(home.status()["problems"])
            daemon.stop()
        assert home.cells("clicks.left") == {(100, 100): 1, (200, 200): 1}
        # As after a kill between the two steps of taking it in.
        side_file.write_bytes(kept)
        side_file.chmod(0o600)


def test_a_store_that_another_holds_is_waited_for_and_the_rest_kept(home: Home) -> None:
    with with_two_presses(home) as daemon, held_by_another(home.paths.store):
        daemon.send(signal.SIGTERM, signal.SIGINT)
        assert daemon.ends() == 1
        assert len(side_files(home)) == 1
    with home.running() as daemon:
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1, (200, 200): 1}


@pytest.mark.without_coverage
def test_forgetting_reaches_what_was_kept_aside(home: Home) -> None:
    with with_two_presses(home) as daemon:
        limit_files(daemon, 8192)
        daemon.send(signal.SIGTERM, signal.SIGINT)
        assert daemon.ends() == 1
    (side_file,) = side_files(home)
    shutil.copy(side_file, home.paths.data_dir / f"{side_file.name[:-1]}x")  # and one that is taken in already
    home.run_ok("forget", "--last", "1h", "--yes")
    assert side_files(home) == []
    assert home.cells("clicks.left") == {}
    with home.running() as daemon:
        daemon.stop()
    assert home.cells("clicks.left") == {}


@pytest.mark.parametrize("taken", ["-wal", "-shm", "both"])
def test_a_journal_removed_under_it_costs_nothing_that_was_acknowledged(home: Home, taken: str) -> None:
    with with_two_presses(home) as daemon:
        for ending in ("-wal", "-shm") if taken == "both" else (taken,):
            home.paths.store.with_name(home.paths.store.name + ending).unlink()
        home.run_ok("snapshot")
        assert "was taken away" in str(home.status()["problems"])
        daemon.kill()
    assert home.cells("clicks.left") == {(100, 100): 1, (200, 200): 1}


def test_a_folder_that_was_swapped_for_another_users_is_not_written_to(home: Home) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make a folder of another user")
    with with_two_presses(home) as daemon:
        away = home.folder / "away"
        home.paths.data_dir.rename(away)
        home.paths.data_dir.mkdir(mode=0o777)
        home.paths.data_dir.chmod(0o777)
        os.chown(home.paths.data_dir, 12345, 12345)
        assert home.run("snapshot").code != 0
        assert "belongs to another user (uid 12345)" in str(home.status()["problems"])
        assert [path for path in home.paths.data_dir.iterdir() if path.name.startswith("heat")] == []
        daemon.send(signal.SIGTERM, signal.SIGINT)
        assert daemon.ends() == 1
        assert {path.parent for path in side_files(home)} == {home.paths.state_dir}
        shutil.rmtree(home.paths.data_dir)
        away.rename(home.paths.data_dir)
    with home.running() as daemon:
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1, (200, 200): 1}


def test_a_runtime_folder_that_is_removed_comes_back(home: Home) -> None:
    with with_two_presses(home) as daemon:
        shutil.rmtree(home.paths.runtime_dir)
        assert "tracking" in home.run_ok("status")
        assert stat.S_IMODE(home.paths.runtime_dir.stat().st_mode) == 0o700
        shutil.rmtree(home.paths.runtime_dir)
        assert "paused" in home.run_ok("pause")
        shutil.rmtree(home.paths.runtime_dir)
        home.run_ok("resume")
        wait_until(home.paths.runtime_lock.exists, "the lock is there again")
        shutil.rmtree(home.paths.runtime_dir)
        home.run_ok("forget", "--last", "1h", "--yes")
        daemon.stop()
    assert home.cells("clicks.left") == {}
