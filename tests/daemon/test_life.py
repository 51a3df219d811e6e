"""How a daemon begins, what it is told, and how it ends."""

import contextlib
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from support.program import Home, Pixel, Running, decodes, wander
from support.waiting import wait_until
from support.xserver import LEFT, Pointer, Xvfb

pytest_plugins = ("support.fixtures",)

END_LIMIT_S = 2.0
"""How long an end by SIGTERM may take where nothing else runs."""
END_LIMIT_STARTS = 10
"""How many times as long as the start just before: what else runs slows both. An end takes once or twice as long."""


def code_in_time(daemon: Running) -> int:
    """The exit code of a daemon that ends within the limits; fails where it does not."""
    return daemon.ends(within_s=max(END_LIMIT_S, END_LIMIT_STARTS * daemon.started_in_s))


def move_and_click(x: int, y: int) -> None:
    with Pointer() as pointer:
        pointer.move((x, y))
        pointer.click(LEFT)
        pointer.position()


# The end ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_desktop_where_nothing_was_done_ends_in_time(home: Home, how: signal.Signals) -> None:
    with home.running() as daemon:
        daemon.send(how)
        assert code_in_time(daemon) == 0
        assert home.status()["state"] == "stopped"


@pytest.mark.usefixtures("desktop")
@pytest.mark.without_coverage
def test_an_idle_desktop_with_unsaved_counts_ends_in_time_with_the_last_picture(home: Home) -> None:
    with home.running() as daemon:
        move_and_click(100, 100)
        daemon.send(signal.SIGTERM)
        assert code_in_time(daemon) == 0
        assert decodes(home.paths.latest)
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
def test_a_paused_daemon_ends_in_time(home: Home) -> None:
    with home.running() as daemon:
        home.run_ok("pause")
        daemon.send(signal.SIGTERM)
        assert code_in_time(daemon) == 0


@pytest.mark.usefixtures("desktop")
def test_the_stop_command_saves_and_draws(home: Home) -> None:
    with home.running() as daemon:
        move_and_click(100, 100)
        assert home.run_ok("stop") == f"mousetrackd (pid {daemon.pid}) has ended.\n"
        assert daemon.ends() == 0
        assert decodes(home.paths.latest)
        assert home.run("stop").code == 3
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
def test_asked_twice_to_end_it_skips_the_picture_but_never_the_checkpoint(home: Home) -> None:
    with home.running() as daemon:
        move_and_click(100, 100)
        daemon.send_at_once(signal.SIGTERM, signal.SIGINT)
        assert code_in_time(daemon) == 0
    assert not home.paths.latest.exists()
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
def test_a_second_sigterm_while_the_last_picture_is_drawn_ends_at_once(home: Home) -> None:
    with home.running() as daemon:
        move_and_click(100, 100)
        daemon.send(signal.SIGTERM)
        wait_until(lambda: daemon.has_ended() or daemon.children() != [], "the last picture is being drawn")
        daemon.send(signal.SIGTERM)
        assert code_in_time(daemon) == 0
        assert "no new picture" not in daemon.log
    assert home.cells("clicks.left") == {(100, 100): 1}
    assert not home.paths.latest.exists() or decodes(home.paths.latest)


# Signals ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop")
def test_sigalrm_saves_and_draws_all_that_was_done_before_it(home: Home) -> None:
    with home.running() as daemon:
        for number in range(1, 6):
            move_and_click(100, 100)
            asked_ns = time.monotonic_ns()
            daemon.send(signal.SIGALRM)
            daemon.await_status(lambda status: status["snapshot_began_ns"] > asked_ns, "a picture is drawn")  # noqa: B023
            assert decodes(home.paths.latest)
            assert home.cells("clicks.left") == {(100, 100): number}
        daemon.kill()
    assert home.cells("clicks.left") == {(100, 100): 5}


@pytest.mark.usefixtures("desktop")
def test_sighup_reads_the_configuration_and_a_bad_one_changes_nothing(home: Home) -> None:
    with home.running() as daemon:
        home.configure("snapshot_interval_s = 0\nrest_cap_ms = 7\npalete = 3\n")
        daemon.send(signal.SIGHUP)
        (problem,) = daemon.await_status(lambda status: status["problems"] != [], "the problem is reported")["problems"]
        assert "the old configuration stays" in problem
        assert "snapshot_interval_s" in problem
        assert "palete" in problem
        assert home.status()["state"] == "tracking"

        home.configure("rest_cap_ms = 7\n")
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: status["problems"] == [], "the problem is gone")
        with Pointer() as pointer:
            pointer.move((10, 10))
            rested_ms = daemon.clock_ms()
            wait_until(lambda: daemon.clock_ms() > rested_ms + 300, "the pointer has rested")
            pointer.move((20, 20))
            pointer.position()
        daemon.stop()
    assert home.cells("dwell")[10, 10] == 7


@pytest.mark.usefixtures("desktop")
def test_every_signal_at_once_is_answered(home: Home) -> None:
    with home.running() as daemon:
        daemon.send_at_once(signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2)
        daemon.await_state("paused")
        daemon.await_status(lambda status: status["last_snapshot"] is not None, "a picture is drawn")
        daemon.send_at_once(signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
        assert daemon.ends() == 0


@pytest.mark.usefixtures("desktop")
def test_no_signal_is_slept_over(home: Home) -> None:
    # Two in a row: the second comes while the main thread has the first before it, so that the system may give it
    # to another thread; with no deadline near, nothing but that signal wakes the daemon.
    with home.running() as daemon:
        for number in range(500):
            is_bad = number % 2 == 0
            home.configure("palete = 1" if is_bad else "checkpoint_interval_s = 86400\nsnapshot_interval_s = 86400\n")
            daemon.send(signal.SIGUSR2, signal.SIGHUP)
            daemon.await_status(lambda status, bad=is_bad: bool(status["problems"]) == bad, "it has read")  # type: ignore[misc]


# The service manager ------------------------------------------------------------------------------------


@pytest.fixture
def systemd(home: Home) -> Iterator[socket.socket]:
    """The other end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other_end:
        address = home.folder / "notify"
        other_end.bind(str(address))
        other_end.settimeout(10)
        home.variables["NOTIFY_SOCKET"] = str(address)
        yield other_end


def receive(systemd: socket.socket, word: str) -> str:
    while word not in (said := systemd.recv(4096).decode()):
        pass
    return said


@pytest.mark.usefixtures("desktop")
def test_systemd_gets_what_happens_in_the_sentences_of_status(home: Home, systemd: socket.socket) -> None:
    with home.running() as daemon:
        assert receive(systemd, "STATUS=") == f"STATUS={home.run_ok('status').splitlines()[0]}"
        receive(systemd, "READY=1")
        home.run_ok("pause")
        assert receive(systemd, "STATUS=") == f"STATUS={home.run_ok('status').splitlines()[0]}"
        daemon.send(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in receive(systemd, "RELOADING=1")
        receive(systemd, "READY=1")
        daemon.send(signal.SIGTERM)
        receive(systemd, "STOPPING=1")
        assert daemon.ends() == 0


def test_the_watchdog_is_not_fed_while_the_display_hangs(home: Home, desktop: Xvfb, systemd: socket.socket) -> None:
    home.variables["WATCHDOG_USEC"] = "200000"
    with home.running() as daemon:
        move_and_click(100, 100)
        daemon.await_read()
        receive(systemd, "WATCHDOG=1")
        desktop.freeze()
        daemon.await_status(lambda status: status["problems"] != [], "it says that the display does not answer")
        assert home.cells("clicks.left") == {(100, 100): 1}, "saved before systemd ends it"
        systemd.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                systemd.recv(4096)
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGUSR2)
        daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "the main loop goes on")
        with pytest.raises(BlockingIOError):
            systemd.recv(4096)
        systemd.settimeout(10)
        desktop.thaw()
        receive(systemd, "WATCHDOG=1")


# One of them --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop")
def test_a_second_run_says_who_runs_and_changes_nothing(home: Home) -> None:
    with home.running() as daemon:
        second = home.start()
        assert second.ends() == 0
        assert f"mousetrackd already runs (pid {daemon.pid})." in second.log
        assert home.status()["pid"] == daemon.pid
        assert home.status()["state"] == "tracking"


@pytest.mark.usefixtures("desktop")
def test_a_second_login_with_the_same_data_does_not_count_twice(home: Home) -> None:
    with home.running() as daemon:
        elsewhere = home.folder / "other-runtime"
        elsewhere.mkdir(mode=0o700)
        home.variables["XDG_RUNTIME_DIR"] = str(elsewhere)
        second = home.start()
        assert second.ends() == 0
        assert f"already runs (pid {daemon.pid})" in second.log
        assert home.run_ok("pause").startswith("paused"), "it can be paused from the other login"


@pytest.mark.usefixtures("desktop")
def test_after_kill_9_the_next_one_starts_and_nothing_saved_is_lost(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((100, 100))
        pointer.click(LEFT)
        pointer.position()
        home.run_ok("snapshot")
        acknowledged = home.cells("clicks.left")
        assert acknowledged == {(100, 100): 1}
        pointer.move((200, 200))
        daemon.kill()
        assert home.run("status").code == 3
    with home.running() as daemon:
        assert home.status()["problems"] == []
        move_and_click(300, 300)
        daemon.stop()
    assert home.cells("clicks.left") == Counter({(100, 100): 1, (300, 300): 1})


# The display is not there -------------------------------------------------------------------------------


@pytest.mark.without_coverage
def test_without_display_it_waits_and_says_what_to_do(home: Home) -> None:
    with home.running(state="waiting") as daemon:
        (problem,) = home.status()["problems"]
        assert "DISPLAY is not set" in problem
        assert "systemctl --user import-environment DISPLAY" in problem
        assert daemon.sockets() == []
        daemon.send(signal.SIGTERM)
        assert code_in_time(daemon) == 0


def test_a_display_that_appears_later_is_tracked(home: Home, desktop: Xvfb) -> None:
    desktop.stop()
    with home.running(state="waiting") as daemon:
        assert f'cannot open display "{desktop.name}"' in home.status()["problems"][0]
        desktop.start()
        daemon.await_state("tracking")
        assert home.status()["problems"] == []
        move_and_click(100, 100)
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1}


def test_a_display_that_dies_and_returns_costs_nothing_and_earns_nothing(home: Home, desktop: Xvfb) -> None:
    with home.running() as daemon:
        began_ms = daemon.clock_ms()
        move_and_click(100, 100)
        daemon.await_read()
        desktop.kill()
        daemon.await_state("waiting")
        assert daemon.sockets() == []
        gone_ms = daemon.clock_ms()
        assert home.cells("clicks.left") == {(100, 100): 1}, "what was counted is saved at once"
        desktop.start()
        daemon.await_state("tracking")
        move_and_click(130, 130)
        daemon.stop()
    assert home.cells("clicks.left") == Counter({(100, 100): 1, (130, 130): 1})
    assert home.cells("dwell")[100, 100] <= gone_ms - began_ms
    assert home.cells("travel") == {}, "no line is drawn from before the crash to after it"


LIVES = 10


def test_a_display_that_dies_ten_times_leaves_nothing_behind_and_loses_no_press(home: Home, desktop: Xvfb) -> None:
    presses: Counter[Pixel] = Counter()
    used: list[dict[str, int]] = []
    listened_ms = 0
    with home.running() as daemon:
        for life in range(LIVES):
            began_ms = daemon.clock_ms()
            with Pointer() as pointer:
                for point in wander(20, seed=life, left=life, top=life):
                    pointer.move(point)
                    pointer.click(LEFT)
                    presses[point] += 1
                pointer.position()
            daemon.await_read()
            used.append(daemon.uses())
            desktop.kill()
            daemon.await_state("waiting")
            assert daemon.sockets() == []
            listened_ms += daemon.clock_ms() - began_ms
            desktop.start()
            daemon.await_state("tracking")
        daemon.stop()
    assert home.cells("clicks.left") == presses
    assert home.cells("dwell").total() <= listened_ms, "no time is credited while it was gone"
    third, last = used[2], used[-1]
    assert (last["threads"], last["files"]) == (third["threads"], third["files"])
    assert last["resident_kb"] <= third["resident_kb"] + 1000, used


def test_pause_while_waiting_ends_the_trying(home: Home, desktop: Xvfb) -> None:
    desktop.stop()
    with home.running(state="waiting") as daemon:
        home.run_ok("pause")
        desktop.start()
        began_s = time.monotonic()
        # Tried again after 1, 2 and 4 seconds, were it not paused.
        wait_until(lambda: daemon.sockets() != [] or time.monotonic() > began_s + 2.5, "it would have tried again")
        assert daemon.sockets() == []
        assert home.status()["state"] == "paused"
        assert home.run_ok("resume").startswith("tracking")


# What it refuses ----------------------------------------------------------------------------------------


def test_a_bad_configuration_at_the_start_ends_with_78_and_touches_nothing(home: Home) -> None:
    home.configure("palete = 3\ncheckpoint_interval_s = 'x'\n")
    daemon = home.start()
    assert daemon.ends() == 78
    assert "2 problems" in daemon.log
    assert "Traceback" not in daemon.log
    assert not home.paths.data_dir.exists()


def test_a_misspelt_source_ends_with_2(home: Home) -> None:
    daemon = home.start("--source", "pinput")
    assert daemon.ends() == 2
    assert 'unknown source "pinput"' in daemon.log
    assert not home.paths.data_dir.exists()


@pytest.mark.parametrize("place", ["data", "runtime"])
def test_a_file_where_its_folder_should_be_is_refused(home: Home, place: str) -> None:
    folder = {"data": home.paths.data_dir, "runtime": home.paths.runtime_dir}[place]
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"mine")
    daemon = home.start()
    assert daemon.ends() == 77
    assert f"{folder} is not a folder" in daemon.log
    assert len(daemon.log.splitlines()) == 2, daemon.log
    assert folder.read_bytes() == b"mine"


def test_a_folder_of_someone_else_is_refused(home: Home) -> None:
    nobody = 65534
    home.paths.data_dir.mkdir(parents=True)
    try:
        home.paths.data_dir.chmod(0o777)
        os.chown(home.paths.data_dir, nobody, -1)
    except PermissionError:
        pytest.skip("only root can give a folder away")
    daemon = home.start()
    assert daemon.ends() == 77
    assert "belongs to another user (uid 65534)" in daemon.log
    assert "Traceback" not in daemon.log
    assert list(home.paths.data_dir.iterdir()) == []


def test_folders_and_files_are_for_the_owner_alone(home: Home, desktop: Xvfb) -> None:
    assert desktop.name
    with home.running() as daemon:
        move_and_click(5, 5)
        home.run_ok("snapshot")
        for folder in (home.paths.data_dir, home.paths.runtime_dir):
            for path in (folder, *folder.rglob("*")):
                assert path.stat().st_mode & 0o077 == 0, path
        daemon.stop()


def test_status_json_is_whole_and_says_what_was_asked(home: Home, desktop: Xvfb) -> None:
    assert desktop.name
    assert json.loads(home.run("status", "--json").out)["state"] == "stopped"
    with home.running() as daemon:
        said = json.loads(home.run_ok("status", "--json"))
        assert said["pid"] == daemon.pid
        assert said["state"] == "tracking"
        assert said["picture"] == str(home.paths.latest)
        plain = home.run_ok("status")
        assert plain.startswith(f"tracking since {said['since']} (pid {daemon.pid})\n")
        daemon.kill()
        assert home.run("status", "--json").code == 3


def test_a_source_changed_while_it_waits_is_started_once(home: Home, desktop: Xvfb) -> None:
    desktop.stop()
    with home.running(state="waiting") as daemon:
        desktop.start()
        home.configure('source = "pynput"\n')
        daemon.send(signal.SIGHUP)
        daemon.await_state("tracking")
        move_and_click(100, 100)
        assert home.run_ok("pause").startswith("paused")
        assert daemon.sockets() == [], "of a second source that nobody knew"
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("source", ["replay:", "replay:/missing.csv", "replay:~nobody-of-that-name/x.csv"])
def test_a_source_that_cannot_be_leaves_the_old_one(home: Home, source: str) -> None:
    with home.running() as daemon:
        home.configure(f'source = "{source}"\n')
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: status["problems"] != [], "the problem is reported")
        daemon.await_state("tracking")
        move_and_click(100, 100)
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1}
