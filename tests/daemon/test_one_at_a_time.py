"""One daemon counts, whatever is started, deleted or recycled; and no signal reaches a stranger."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from support.program import Home
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

pytest_plugins = ("support.fixtures",)

ROUNDS = 5
"""How often several are started at once: each round is a chance for a race to show."""


def click_at(x: int, y: int) -> None:
    with Pointer() as pointer:
        pointer.move((x, y))
        pointer.click(LEFT)
        pointer.position()


def another_login(home: Home) -> None:
    """From here on commands and daemons belong to another session of the same user."""
    elsewhere = home.folder / "other-runtime"
    elsewhere.mkdir(mode=0o700)
    home.variables["XDG_RUNTIME_DIR"] = str(elsewhere)


# Started at once ----------------------------------------------------------------------------------------


def test_of_three_started_at_once_one_is_left_every_time(home: Home) -> None:
    # As a unit, an autostart entry and a hand would. Without a display: what matters here is who holds the locks.
    for _ in range(ROUNDS):
        started = [home.start() for _ in range(3)]
        try:
            wait_until(lambda: sum(not one.has_ended() for one in started) == 1, "two have ended", timeout_s=30)  # noqa: B023
            (left,) = (one for one in started if not one.has_ended())
            left.await_state("waiting")
            for loser in (one for one in started if one is not left):
                assert loser.ends() == 0
                already_runs = f"mousetrackd: mousetrackd already runs (pid {left.pid})."
                assert loser.log.splitlines() == [already_runs, "It waits for a display."]
        finally:
            for one in started:
                one.kill()


@pytest.mark.usefixtures("desktop")
def test_who_wants_another_source_is_told_that_it_is_not_listened_to(home: Home) -> None:
    with home.running():
        result = home.run_process("run", "--allow-root", "--source", "replay:session.csv")
        assert result.code == 1
        assert "already runs" in result.err
        assert "replay:session.csv" in result.err
        assert "mousetrackd stop" in result.err


# Locks taken away ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("deleted", [("runtime",), ("data",), ("runtime", "data")])
@pytest.mark.parametrize("login", ["the same", "another"])
def test_a_deleted_lock_lets_no_second_one_count(home: Home, deleted: tuple[str, ...], login: str) -> None:
    locks = {"runtime": home.paths.runtime_lock, "data": home.paths.data_lock}
    with home.running() as daemon:
        for name in deleted:
            locks[name].unlink()
        here = home.variables.get("XDG_RUNTIME_DIR")
        if login == "another":
            another_login(home)
        second = home.start()
        assert second.ends() == 0
        assert "mousetrackd already runs" in second.log
        home.variables["XDG_RUNTIME_DIR"] = here
        # The next checkpoint writes the locks again, and all is as before.
        click_at(100, 100)
        daemon.await_read()
        daemon.send(signal.SIGALRM)
        daemon.await_status(lambda status: status["last_snapshot"] is not None, "a picture is drawn")
        assert {path.read_text().split()[0] for path in locks.values()} == {str(daemon.pid)}
        assert home.run_ok("pause").startswith("paused")
        assert home.run("stop").out == f"mousetrackd (pid {daemon.pid}) has ended.\n"
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
def test_where_all_its_locks_are_gone_a_command_does_not_say_that_nothing_runs(home: Home) -> None:
    with home.running() as daemon:
        home.paths.runtime_lock.unlink()
        home.paths.data_lock.unlink()
        result = home.run("pause")
        assert result.code == 1
        assert "mousetrackd runs, but" in result.err
        assert len(result.err_lines) == 2
        daemon.stop()


@pytest.mark.usefixtures("desktop")
def test_where_both_folders_were_replaced_one_of_two_goes_on(home: Home) -> None:
    with home.running() as first:
        click_at(1, 1)
        home.run_ok("snapshot")
        shutil.rmtree(home.paths.data_dir)
        shutil.rmtree(home.paths.runtime_dir)
        with home.running() as second:
            click_at(2, 2)
            second.await_read()
            first.send(signal.SIGALRM)
            assert first.ends() == 0
            assert f"our lock was deleted, and mousetrackd already runs (pid {second.pid})" in first.log
            assert home.status()["pid"] == second.pid
            click_at(3, 3)
            second.stop()
    assert home.cells("clicks.left") == {(2, 2): 1, (3, 3): 1}, "each once, by the one that is left"


# Pids ---------------------------------------------------------------------------------------------------

RECYCLED = """
import fcntl, pathlib, signal, subprocess, sys, time
from mousetrackd.daemon import client
from mousetrackd.core.errors import NotRunningError
from mousetrackd.system.paths import user_paths

paths = user_paths()
daemon = subprocess.Popen([sys.executable, "-m", "mousetrackd", "run", "--allow-root"], stderr=subprocess.DEVNULL)
while (found := client.find_running(paths)) is None:
    time.sleep(0.01)
assert found.pid == daemon.pid
daemon.kill()
daemon.wait()
pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(daemon.pid - 1))
stranger = subprocess.Popen(["sleep", "60"])
assert stranger.pid == daemon.pid, "the pid was not recycled"
assert paths.data_lock.read_text().split()[0] == str(stranger.pid), "the lock does not name the stranger"

def nobody_is_hit(by):
    try:
        by()
    except NotRunningError:
        pass
    else:
        raise AssertionError("someone was signalled")
    assert stranger.poll() is None

# A command that had found the daemon before it died, and one that looks now.
nobody_is_hit(lambda: found.send(signal.SIGTERM))
for command in ("pause", "resume", "snapshot", "stop", "status"):
    assert subprocess.run([sys.executable, "-m", "mousetrackd", command], capture_output=True).returncode == 3, command
    assert stranger.poll() is None, command
# And while the next daemon has the lock, but has not yet written its own pid into it.
with paths.data_lock.open("r+b") as next_one:
    fcntl.flock(next_one, fcntl.LOCK_EX)
    assert client.find_running(paths).pid == stranger.pid
    nobody_is_hit(lambda: client.find_running(paths).send(signal.SIGTERM))
    nobody_is_hit(lambda: found.send(signal.SIGTERM))
stranger.kill()
assert stranger.wait() == -signal.SIGKILL
print("nobody was hit")
"""


def test_a_recycled_pid_is_never_signalled(home: Home) -> None:
    own_pids = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if os.getuid() == 0:
        own_pids = ["unshare", "--pid", "--fork", "--mount-proc"]
    tried = subprocess.run([*own_pids, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"pids of one's own are not permitted here: {tried.stderr.strip()}")
    done = subprocess.run(
        [*own_pids, sys.executable, "-c", RECYCLED],
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout == "nobody was hit\n", done.stderr
