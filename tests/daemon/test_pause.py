"""Pause is pause: nothing is listened to, nothing is counted, and it holds until the user says otherwise."""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.program import Home, Running, wander
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.pause_state import read_desired_state

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.usefixtures("desktop")


def click_at(pointer: Pointer, x: int, y: int) -> None:
    pointer.move((x, y))
    pointer.click(LEFT)


def see_nothing_counted(home: Home, daemon: Running, pointer: Pointer) -> None:
    """A thousand moves, clicks and steps while paused leave no trace."""
    before, events = home.store_bytes(), home.status()["events"]
    assert daemon.sockets() == []
    pointer.move(*wander(1000, seed=3))
    click_at(pointer, 33, 33)
    pointer.move((44, 44))
    assert daemon.sockets() == []
    assert home.store_bytes() == before
    assert home.status()["events"] == events


def saved_clicks(home: Home, daemon: Running, expected: Counter[tuple[int, int]]) -> None:
    """See that these clicks are counted, and no others."""

    def are_saved() -> bool:
        home.run_ok("snapshot")
        return home.cells("clicks.left").total() >= expected.total()

    wait_until(are_saved, f"{expected.total()} clicks are saved:\n{daemon.log}")
    assert home.cells("clicks.left") == expected


def test_pause_and_resume_by_command(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        assert daemon.sockets() != []
        click_at(pointer, 11, 11)
        pointer.position()
        assert home.run_ok("pause").startswith("paused since ")
        assert home.cells("clicks.left") == {(11, 11): 1}
        see_nothing_counted(home, daemon, pointer)
        assert home.run_ok("resume").startswith("tracking since ")
        click_at(pointer, 55, 55)
        saved_clicks(home, daemon, Counter({(11, 11): 1, (55, 55): 1}))
        assert home.cells("travel") == {}, "no line is drawn across a pause"


def test_pause_and_resume_by_bare_signals(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        click_at(pointer, 11, 11)
        pointer.position()
        daemon.send(signal.SIGUSR1)
        daemon.await_state("paused")
        see_nothing_counted(home, daemon, pointer)
        daemon.send(signal.SIGUSR2)
        daemon.await_state("tracking")
        click_at(pointer, 55, 55)
        saved_clicks(home, daemon, Counter({(11, 11): 1, (55, 55): 1}))


def test_time_in_a_pause_is_credited_to_nobody(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        began_ms = daemon.clock_ms()
        pointer.move((11, 11))
        pointer.position()
        home.run_ok("pause")
        listened_ms = daemon.clock_ms() - began_ms
        paused_ms = daemon.clock_ms()
        wait_until(lambda: daemon.clock_ms() > paused_ms + 2000, "two seconds of pause have passed")
        home.run_ok("resume")
        pointer.move((12, 12))
        pointer.position()
        home.run_ok("pause")
        assert home.cells("dwell")[11, 11] <= listened_ms


def test_pause_twice_is_one_pause(home: Home) -> None:
    with home.running() as daemon:
        home.run_ok("pause")
        since = home.status()["since"]
        home.run_ok("pause")
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGUSR1)
        # Together with the signal of resume it would win: their order is unknowable.
        daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked")
        home.run_ok("resume")
        assert home.status()["state"] == "tracking"
        assert since


def test_both_bare_signals_at_once_mean_pause(home: Home) -> None:
    with home.running() as daemon:
        daemon.send_at_once(signal.SIGUSR2, signal.SIGUSR1)
        daemon.await_state("paused")
        daemon.send_at_once(signal.SIGUSR1, signal.SIGUSR2)
        # It is paused already, so that nothing changes: what it has looked at last is what tells.
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGUSR1)
        daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked")
        assert home.status()["state"] == "paused"


def test_pause_survives_kill_9_and_restart(home: Home) -> None:
    with home.running() as daemon:
        home.run_ok("pause")
        daemon.kill()
    with home.running(state="paused") as daemon, Pointer() as pointer:
        see_nothing_counted(home, daemon, pointer)
        home.run_ok("resume")
        daemon.kill()
    with home.running(state="tracking"):
        pass


def test_pause_by_a_bare_signal_survives_kill_9_restart_and_reboot(home: Home) -> None:
    with home.running() as daemon:
        daemon.send(signal.SIGUSR1)
        daemon.await_state("paused")
        daemon.kill()
    with home.running(state="paused") as daemon:
        daemon.kill()
    shutil.rmtree(home.paths.runtime_dir)  # which is in memory, and new after each boot
    with home.running(state="paused"):
        pass


def test_pause_said_while_nothing_runs_holds_for_the_next_start(home: Home) -> None:
    result = home.run("pause")
    assert result.code == 3
    assert "will be paused" in result.err
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []


@pytest.mark.parametrize("content", [b"", b"trackin", b"\xff\xfe\0garbage", b"tracking or not"])
def test_a_garbled_desired_state_means_pause(home: Home, content: bytes) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    home.paths.desired_state.write_bytes(content)
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []


def test_a_desired_state_that_cannot_be_read_means_pause_and_is_no_crash(home: Home) -> None:
    home.paths.desired_state.mkdir(parents=True, mode=0o700)
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []
        # Nor can it be written: resume says so, and nothing is tracked.
        result = home.run("resume")
        assert result.code == 77
        assert len(result.err_lines) == 2
        assert home.status()["state"] == "paused"


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 100),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a file nobody may read": lambda path: path.touch(mode=0),
}


@pytest.fixture
def nobody_special() -> Iterator[None]:
    """No longer root, whom no permission stops, for as long as the test lasts."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield
    if was_root:
        os.seteuid(0)


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_desired_state_that_cannot_be_read_is_pause(home: Home, nobody_special: None, what: str) -> None:
    assert nobody_special is None
    # Neither tmp_path nor $TMPDIR, which are for root alone.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        paths = replace(home.paths, data_dir=Path(folder))
        assert not read_desired_state(paths).pause, "where there is none, nobody has asked for pause"
        UNREADABLE[what](paths.desired_state)
        assert read_desired_state(paths).pause


def test_a_data_folder_deleted_during_a_pause_ends_no_pause(home: Home) -> None:
    with home.running() as daemon:
        home.run_ok("pause")
        shutil.rmtree(home.paths.data_dir)
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked")
        assert home.status()["state"] == "paused"
        assert daemon.sockets() == []
        daemon.kill()
    with home.running(state="paused"):
        pass


# The order of words -------------------------------------------------------------------------------------


class Command:
    """A command that waits for its answer beside the test; made, it has written down what is wanted."""

    def __init__(self, home: Home, word: str) -> None:
        before = read_desired_state(home.paths)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mousetrackd", word], env=home.environment(), stdout=subprocess.PIPE, text=True
        )
        wait_until(lambda: read_desired_state(home.paths) != before, f"the desired state is written down: {word}")

    def said(self) -> str:
        """What it prints at its end, which is a good one."""
        out, _ = self._process.communicate(timeout=20)
        assert self._process.returncode == 0
        return out

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize("words", [("pause", "resume"), ("resume", "pause")])
def test_the_last_command_wins_though_the_daemon_receives_both_at_once(home: Home, words: tuple[str, str]) -> None:
    with home.running() as daemon:
        if words[0] == "resume":
            home.run_ok("pause")
        daemon.freeze()
        first = Command(home, words[0])
        last = Command(home, words[1])
        try:
            daemon.send(signal.SIGCONT)
            assert last.said().startswith({"pause": "paused", "resume": "tracking"}[words[1]])
        finally:
            first.kill()


@pytest.mark.parametrize("state", ["stopped", "tracking"])
def test_resume_of_a_daemon_that_ends_meanwhile_is_no_success(home: Home, state: str) -> None:
    lock = InstanceLock(home.paths)
    lock.acquire()

    def end(*_: object) -> None:
        lock.release()
        last = {"pid": os.getpid(), "state": state, "looked_ns": time.monotonic_ns(), "problems": []}
        home.paths.status.write_text(json.dumps(last))

    before = signal.signal(signal.SIGHUP, end)
    try:
        result = home.run("resume")
    finally:
        signal.signal(signal.SIGHUP, before)
        lock.release()
    assert result.code == 3
    assert "ended before it could resume" in result.err


def test_a_pause_command_beside_a_bare_resume_wins(home: Home) -> None:
    with home.running() as daemon:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            home.run_ok("pause")  # so that the file says "paused" already, before it is asked for again
            daemon.freeze()
            daemon.send(number)
            command = Command(home, "pause")
            daemon.send(signal.SIGCONT)
            assert command.said().startswith("paused")
            assert daemon.sockets() == []
            home.run_ok("resume")


def test_a_pause_command_while_a_bare_resume_is_being_written_down_wins(home: Home) -> None:
    # The daemon's own write is slowed down, so that the command comes right between its reading and its writing.
    slow = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_enter=500000"]
    with home.running(under=slow) as daemon:
        home.run_ok("pause")
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGUSR2)
        fresh = home.paths.desired_state.with_name(f".wanted.{daemon.pid}.new")
        wait_until(fresh.exists, "it writes down that tracking is wanted")
        assert home.run_ok("pause").startswith("paused")
        assert home.status()["looked_ns"] > looked_ns
        assert read_desired_state(home.paths).pause
        assert daemon.sockets() == []


def test_a_storm_of_signals_ends_as_the_last_one_says(home: Home) -> None:
    dice = random.Random(4)  # noqa: S311 - nothing is kept secret with it
    storm = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
    states = {signal.SIGUSR1: "paused", signal.SIGUSR2: "tracking"}
    with home.running() as daemon:
        for _ in range(20):
            daemon.freeze()
            daemon.send(*(dice.choice(storm) for _ in range(20)))
            daemon.send(signal.SIGCONT)
            daemon.send(*(dice.choice(storm) for _ in range(20)))
            await_look(home, daemon)
            last = dice.choice(list(states))
            daemon.send(last)
            daemon.await_state(states[last])
            assert read_desired_state(home.paths).pause == (last == signal.SIGUSR1)
        assert "Traceback" not in daemon.log
        state = home.status()["state"]
        daemon.kill()
    with home.running(state=state):
        pass


def await_look(home: Home, daemon: Running) -> None:
    """Return when it has done all that it was told so far. A signal sent meanwhile may be handled with this one."""
    looked_ns = home.status()["looked_ns"]
    daemon.send(signal.SIGHUP)
    daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked")
    looked_ns = time.monotonic_ns()
    daemon.send(signal.SIGHUP)
    daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked once more")


@pytest.mark.parametrize("words", [(signal.SIGUSR2, signal.SIGUSR1), (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)])
def test_signals_in_the_middle_of_a_checkpoint_are_handled_after_it(
    home: Home, words: tuple[signal.Signals, ...]
) -> None:
    with home.running() as daemon, Pointer() as pointer:
        idle = system_call(daemon)
        click_at(pointer, 11, 11)
        pointer.position()
        with sqlite3.connect(home.paths.store, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")  # the checkpoint waits for this to end
            daemon.send(signal.SIGALRM)
            wait_until(lambda: system_call(daemon) not in (idle, "running"), "it waits for the store")
            daemon.send(*words)
            click_at(pointer, 12, 12)
            pointer.position()
            assert home.status()["state"] == "tracking"
            other.execute("ROLLBACK")
        other.close()
        daemon.await_state("paused")
        assert home.cells("clicks.left") == {(11, 11): 1, (12, 12): 1}
        see_nothing_counted(home, daemon, pointer)


def system_call(daemon: Running) -> str:
    """The number of the system call that its main thread sleeps in."""
    return Path(f"/proc/{daemon.pid}/task/{daemon.pid}/syscall").read_text().split()[0]


def test_a_pause_in_the_first_milliseconds_of_the_start_is_kept(home: Home) -> None:
    # Started as the unit does it; unblocked, the signal would end a program that has no handlers yet.
    for delay_ms in (0, 10, 40, 90, 150, 230):
        daemon = home.start(under=["env", "--block-signal=USR1,USR2"])
        try:
            wait_until(lambda: blocks(daemon, signal.SIGUSR1), "env has begun")  # noqa: B023
            began_ms = daemon.clock_ms()
            wait_until(lambda: daemon.clock_ms() >= began_ms + delay_ms, "the moment has come")  # noqa: B023
            daemon.send(signal.SIGUSR1)
            daemon.await_state("paused")
            assert daemon.sockets() == []
        finally:
            daemon.kill()
        home.paths.desired_state.unlink()


def test_no_thread_but_the_main_one_takes_pause_and_resume(home: Home) -> None:
    # The kernel gives a signal to any thread that does not block it; one that runs late would post it too late.
    with home.running() as daemon:

        def taking() -> set[str]:
            return {
                thread
                for thread in threads(daemon)
                for number in (signal.SIGUSR1, signal.SIGUSR2)
                if not blocks(daemon, number, thread=thread)
            }

        wait_until(taking, "the main thread waits for messages")
        assert taking() <= {str(daemon.pid)}
        assert len(threads(daemon)) > 1


def threads(daemon: Running) -> list[str]:
    return [task.name for task in Path(f"/proc/{daemon.pid}/task").iterdir()]


def blocks(daemon: Running, number: signal.Signals, *, thread: str = "") -> bool:
    status = Path(f"/proc/{daemon.pid}/task/{thread or daemon.pid}/status").read_text()
    (mask,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


# Result after it is done ----------------------------------------------------------------------------------


def test_pause_is_on_the_disk_before_it_is_said(home: Home) -> None:
    trace = home.folder / "trace"
    calls = "fsync,rename,renameat,renameat2,write,close,shutdown"
    with home.running(under=["strace", "-D", "-f", "-qq", "-y", "-s", "4096", "-o", str(trace), "-e", calls]) as daemon:
        daemon.send(signal.SIGUSR1)
        daemon.await_state("paused")
    lines = trace.read_text().splitlines()
    hung_up = max(number for number, line in enumerate(lines) if "shutdown(" in line)
    told = said(lines, r'write\(.*state\\": \\"paused')
    assert on_the_disk(lines, home.paths.desired_state) < told
    assert hung_up < told, "the connections are closed before it is said"


def test_the_pause_command_has_the_desired_state_on_the_disk_before_it_signals_the_daemon(home: Home) -> None:
    trace = home.folder / "trace"
    calls = "fsync,rename,renameat,renameat2,pidfd_send_signal,write"
    with home.running():
        subprocess.run(
            ["strace", "-f", "-qq", "-y", "-o", trace, "-e", calls, sys.executable, "-m", "mousetrackd", "pause"],
            env=home.environment(),
            check=True,
            timeout=30,
        )
    lines = trace.read_text().splitlines()
    on_disk = on_the_disk(lines, home.paths.desired_state)
    assert on_disk < said(lines, r"pidfd_send_signal\(.*SIGHUP") < said(lines, r'write\(1.*"paused since')


def on_the_disk(lines: list[str], path: Path) -> int:
    """The line from which on a file is on the disk under its name, whatever becomes of the power."""
    written = said(lines, rf"fsync\(\d+<{re.escape(str(path.parent))}/\.{path.name}\.\d+\.new>\)")
    renamed = said(lines, rf'rename\w*\(.*\.{path.name}\.\d+\.new", .*{re.escape(str(path))}"')
    named = said(lines[renamed:], rf"fsync\(\d+<{re.escape(str(path.parent))}>\)") + renamed
    assert written < renamed < named
    return named


def said(lines: list[str], pattern: str) -> int:
    """The first line of a trace that matches."""
    return next(number for number, line in enumerate(lines) if re.search(pattern, line))
