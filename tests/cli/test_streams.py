"""Standard streams that are closed, full, unread or of few characters: work done, the right code, no traceback."""

import os
import pty
import signal
import subprocess
import sys
import termios
from functools import partial
from pathlib import Path

import pytest
from support.program import ANSWER_TIMEOUT_S, Home
from support.waiting import wait_until

pytest_plugins = ("support.fixtures",)


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("{} config --default >&-", 1, "Bad file descriptor"),
        ("{} config --default >/dev/full", 1, "No space left on device"),
        ("{} --version >/dev/full", 1, "No space left on device"),
        ("{} status >/dev/full", 3, "No space left on device"),
        ("{} config 2>&-", 0, ""),
        ("{} stop 2>/dev/full", 3, ""),
        ("{} nonsense 2>&-", 2, ""),
        ("{} status >&- 2>&- <&-", 3, ""),
    ],
)
def test_streams_that_are_closed_or_full_change_what_is_printed_and_nothing_else(
    home: Home, line: str, code: int, told: str
) -> None:
    result = home.shell(line)
    assert result.code == code
    assert "Traceback" not in result.err
    assert told in result.err
    assert len(result.err_lines) == (2 if told else 0)


def test_what_is_printed_into_nothing_never_ends_in_the_store(home: Home) -> None:
    (home.folder / "a.csv").write_text("monitor,x,y,count\nA@9x9,1,1,5\n")
    result = home.shell("{} import a.csv <&- >&- 2>&-")
    assert result.code == 1  # it could not report what it imported
    assert home.cells("dwell") == {(1, 1): 5}
    assert home.paths.store.read_bytes()[:15] == b"SQLite format 3"


def test_a_reader_that_has_had_enough_does_not_change_the_exit_code(home: Home) -> None:
    result = home.shell("{{ {} status; echo $? >code; }} | true")
    assert (result.err, (home.folder / "code").read_text()) == ("", "3\n")


def test_forgetting_is_not_asked_about_where_nobody_can_answer(home: Home) -> None:
    (home.folder / "a.csv").write_text("monitor,x,y,count\nA@9x9,1,1,5\n")
    home.run_ok("import", "a.csv")
    result = home.shell("{} forget --last 5m <&-")
    assert (result.code, "--yes" in result.err, "Traceback" in result.err) == (2, True, False)


def test_a_terminal_of_few_letters_gets_escapes_and_a_script_the_very_name(home: Home) -> None:
    name = os.fsdecode(b"h\xc3\xb6m\xff")
    home.variables |= {"XDG_DATA_HOME": str(home.folder / name), "PYTHONIOENCODING": "latin-1"}
    folder = home.folder / name / "mousetrackd/snapshots"
    folder.mkdir(parents=True)
    (folder / "latest.png").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "mousetrackd", "latest"], env=home.environment(), capture_output=True, check=True
    )
    assert done.stdout == os.fsencode(folder / "latest.png") + b"\n"
    home.variables["PYTHONIOENCODING"] = "ascii"
    result = home.run_process("render", "x.png", "--monitor", name)
    assert (result.code in (1, 2), "Traceback" in result.err) == (True, False)


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"])
def test_a_daemon_runs_whatever_its_streams_are(home: Home, streams: str) -> None:
    with home.running(under=("sh", "-c", f'exec "$@" {streams}', "sh")) as daemon:
        opened = [str(Path(f"/proc/{daemon.pid}/fd/{number}").readlink()) for number in (0, 2)]
        assert opened == ["/dev/null", "/dev/full" if "full" in streams else "/dev/null"]
        home.run_ok("stop")
    assert "stopped" in home.paths.log.read_text()


@pytest.mark.usefixtures("desktop")
def test_a_terminal_that_is_stopped_does_not_stop_the_daemon(home: Home) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mousetrackd", "run", "--allow-root"], env=home.environment(), stderr=theirs
    )
    try:
        wait_until(partial(_is, home, "tracking"), "it tracks")
        termios.tcflow(theirs, termios.TCOOFF)  # Ctrl-S
        for number, state in ((signal.SIGUSR1, "paused"), (signal.SIGUSR2, "tracking")):
            process.send_signal(number)
            wait_until(partial(_is, home, state), f"it is {state}")
        process.terminate()
        assert process.wait(ANSWER_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)


def _is(home: Home, state: str) -> bool:
    return home.status().get("state") == state
