"""Where the daemon's log lines go."""

import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import ANSWER_TIMEOUT_S, Home
from support.waiting import wait_until

pytest_plugins = ("support.fixtures",)

COMMAND = [sys.executable, "-m", "mousetrackd", "run", "--allow-root"]


@pytest.mark.usefixtures("desktop")
def test_where_nobody_may_read_stderr_the_log_is_kept_for_the_user_alone(home: Home) -> None:
    with home.running():
        pass
    kept = home.paths.log.read_text()
    assert " INFO tracking: pynput" in kept
    assert stat.S_IMODE(home.paths.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.paths.log.parent.stat().st_mode) == 0o700


@pytest.mark.usefixtures("desktop")
def test_a_full_log_is_begun_again_and_one_old_one_kept(home: Home) -> None:
    log = home.paths.log
    log.parent.mkdir(parents=True)
    log.write_text("old\n" * 100_000)
    log.with_name(f"{log.name}.1").write_text("older")
    with home.running():
        pass
    assert {file.name: file.read_text()[:3] for file in log.parent.iterdir()}[f"{log.name}.1"] == "old"
    assert len([*log.parent.iterdir()]) == 2
    assert "old" not in log.read_text()


def test_why_it_could_not_begin_is_in_the_log(home: Home) -> None:
    home.configure("checkpoint_interval_s = 0\n")
    assert home.start().ends() == 78
    assert "ERROR" in home.paths.log.read_text()
    assert "checkpoint_interval_s: expected" in home.paths.log.read_text()


@pytest.mark.usefixtures("desktop")
def test_a_planted_log_is_not_written_and_keeps_nobody_from_tracking(home: Home) -> None:
    home.paths.log.parent.mkdir(parents=True)
    precious = home.folder / "precious"
    precious.write_text("precious")
    home.paths.log.symlink_to(precious)
    with home.running() as daemon:
        assert "no log is kept in" in daemon.log
        assert f"problem          no log is kept in {home.paths.log}: it is a link" in home.run_ok("status")
        home.paths.log.unlink()
        home.run_ok("pause")
        assert "no log is kept" not in home.run_ok("status")
    assert "paused" in home.paths.log.read_text()
    assert precious.read_text() == "precious"


@pytest.mark.usefixtures("desktop")
def test_the_journal_gets_levels_and_no_file_is_kept(home: Home) -> None:
    journal = home.folder / "journal"
    with journal.open("wb") as stream:
        found = os.fstat(stream.fileno())
        home.variables["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
        process = subprocess.Popen(COMMAND, env=home.environment(), stderr=stream)
    said_so(journal, "<6>tracking: pynput")
    process.terminate()
    assert process.wait(ANSWER_TIMEOUT_S) == 0
    assert not home.paths.log.exists()


@pytest.mark.usefixtures("desktop")
def test_a_journal_that_is_somebody_elses_is_not_meant(home: Home) -> None:
    home.variables["JOURNAL_STREAM"] = "1:1"
    with home.running() as daemon:
        assert "<6>" not in daemon.log


@pytest.mark.usefixtures("desktop")
def test_a_terminal_is_enough(home: Home) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(COMMAND, env=home.environment(), stderr=theirs)
    os.close(theirs)
    received = b""
    while b"tracking: pynput" not in received:
        received += os.read(ours, 4096)
    process.terminate()
    assert process.wait(ANSWER_TIMEOUT_S) == 0
    os.close(ours)
    assert not home.paths.log.exists()


def said_so(log: Path, words: str) -> None:
    wait_until(lambda: words in log.read_text("utf-8", "replace"), f'"{words}" is in the log')
