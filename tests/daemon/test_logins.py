"""A daemon that outlives its login does not keep the next login from being tracked; and one that is needed stays."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import Home, Running
from support.waiting import wait_until
from support.xserver import LEFT, Pointer, Xvfb, write_cookie

pytest_plugins = ("support.fixtures",)


MOVE = "To follow this one instead: mousetrackd stop, then mousetrackd run"


class Logins:
    """X11 logins of one user without systemd: each has a server, a cookie file of its own, and starts ``run``."""

    def __init__(self, home: Home, environment: pytest.MonkeyPatch) -> None:
        self._home = home
        self._environment = environment
        self._number = 0
        self._servers: list[Xvfb] = []

    def server(self) -> Xvfb:
        server = Xvfb(self._home.folder)
        self._servers.append(server)
        server.start()  # which finds a number
        server.kill()
        return server

    def log_in(self, server: Xvfb, *, cookies: Path | None = None) -> None:
        """Start the server with a new cookie; from here on commands and hands belong to this login."""
        self._number += 1
        server.cookies = cookies or self._home.folder / f"cookies-{self._number}"
        write_cookie(server.cookies, server.name)
        server.start()
        self.be_at(server)

    def be_at(self, server: Xvfb) -> None:
        self._environment.setenv("DISPLAY", server.name)
        self._environment.setenv("XAUTHORITY", str(server.cookies))

    def end(self) -> None:
        for server in self._servers:
            server.stop()


@pytest.fixture
def logins(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logins]:
    several = Logins(home, monkeypatch)
    yield several
    several.end()


def press(daemon: Running, *points: tuple[int, int]) -> None:
    with Pointer() as pointer:
        for point in points:
            pointer.move(point)
            pointer.click(LEFT)
        pointer.position()
        daemon.await_read()


# The old one waits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["the same display", "another display"])
def test_the_next_login_is_tracked_and_no_press_is_lost(home: Home, logins: Logins, where: str) -> None:
    first = logins.server()
    logins.log_in(first)
    with home.running() as old:
        press(old, (10, 10), (20, 20))
        first.kill()
        old.await_state("waiting")
        second = first if where == "the same display" else logins.server()
        logins.log_in(second)
        with home.running() as new:
            assert old.ends() == 0
            press(new, (30, 30))
            assert home.status()["display"] == second.name
            assert second.name not in home.run_ok("status").partition("\nmonitors")[2], (
                "where they agree nothing is told"
            )
            new.stop()
    assert home.cells("clicks.left") == {(10, 10): 1, (20, 20): 1, (30, 30): 1}


def test_where_the_cookie_file_is_the_same_too_either_may_go_on(home: Home, logins: Logins) -> None:
    server = logins.server()
    logins.log_in(server)
    with home.running() as old:
        press(old, (10, 10))
        server.kill()
        old.await_state("waiting")
        logins.log_in(server, cookies=server.cookies)
        new = home.start()
        try:
            wait_until(lambda: old.has_ended() or new.has_ended(), "one has ended")
            left = new if old.has_ended() else old
            left.await_state("tracking")
            press(left, (20, 20))
            left.stop()
        finally:
            new.kill()
    assert home.cells("clicks.left") == {(10, 10): 1, (20, 20): 1}


@pytest.mark.parametrize("folder", ["the same", "another"])
def test_one_whose_runtime_folder_went_with_its_login_gives_way(home: Home, logins: Logins, folder: str) -> None:
    first, second = logins.server(), logins.server()
    logins.log_in(first)
    with home.running() as old:
        press(old, (10, 10))
        shutil.rmtree(home.paths.runtime_dir.parent)
        first.kill()
        old.await_log("waiting")
        runtime = home.paths.runtime_dir.parent
        if folder == "another":
            runtime = home.folder / "other-runtime"
            home.variables["XDG_RUNTIME_DIR"] = str(runtime)
        runtime.mkdir(mode=0o700, exist_ok=True)
        logins.log_in(second)
        new = home.start()
        try:
            new.await_log("tracking")
            assert old.ends() == 0
            press(new, (20, 20))
            new.stop()
        finally:
            new.kill()
    assert home.cells("clicks.left") == {(10, 10): 1, (20, 20): 1}


def test_one_that_may_not_look_at_the_others_files_takes_over_too(home: Home, logins: Logins) -> None:
    # As in the unit, which has user ids of its own: the files of processes outside are not shown to it.
    own_ids = ("unshare", "--user", "--map-root-user")
    tried = subprocess.run([*own_ids, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"user ids of one's own are not permitted here: {tried.stderr.strip()}")
    server = logins.server()
    logins.log_in(server)
    with home.running() as old:
        server.kill()
        old.await_state("waiting")
        logins.log_in(server)
        with home.running(under=own_ids):
            assert old.ends() == 0


def test_of_two_that_take_over_at_once_one_is_left(home: Home, logins: Logins) -> None:
    server = logins.server()
    logins.log_in(server)
    with home.running() as old:
        server.kill()
        old.await_state("waiting")
        logins.log_in(server)
        both = [home.start() for _ in range(2)]
        try:
            wait_until(lambda: sum(one.has_ended() for one in both) == 1, "one of them has ended", timeout_s=30)
            (left,) = (one for one in both if not one.has_ended())
            (loser,) = (one for one in both if one is not left)
            left.await_state("tracking")
            assert old.ends() == loser.ends() == 0
            assert loser.log.splitlines()[-1] == f"mousetrackd: mousetrackd already runs (pid {left.pid})."
        finally:
            for one in both:
                one.kill()


def test_a_run_without_a_living_display_replaces_nobody(home: Home, logins: Logins) -> None:
    server = logins.server()
    logins.log_in(server)
    with home.running() as old:
        server.kill()
        old.await_state("waiting")
        home.variables["DISPLAY"] = ":64999"
        result = home.run_process("run", "--allow-root")
        assert result.code == 0
        assert (
            f"already runs (pid {old.pid}).\nIt waits for {server.name}. :64999 is no better: cannot open" in result.out
        )
        assert not old.has_ended()


# The old one is needed ----------------------------------------------------------------------------------


def test_a_daemon_that_tracks_stays_and_everyone_is_told_what_it_tracks(home: Home, logins: Logins) -> None:
    first, second = logins.server(), logins.server()
    logins.log_in(first)
    with home.running() as old:
        logins.log_in(second)
        result = home.run_process("run", "--allow-root")
        told = f"It tracks {first.name}, not {second.name}."
        assert (result.code, result.out) == (
            0,
            f"mousetrackd: mousetrackd already runs (pid {old.pid}).\n{told} {MOVE}\n",
        )
        assert f" {told}\n{' ' * 17}{MOVE}\n" in home.run_ok("status")
        doctor = home.run("doctor").out
        assert f"warning  daemon: {told}\n{' ' * 9}{MOVE}\n" in doctor
        assert f"{second.name} sees the whole screen" not in doctor
        home.variables |= {"DISPLAY": None, "XAUTHORITY": None}
        assert "not" not in home.run_ok("status").partition("\nmonitors")[0]
        assert not old.has_ended()


def test_when_the_first_of_two_displays_ends_a_run_in_the_second_takes_over(home: Home, logins: Logins) -> None:
    first, second = logins.server(), logins.server()
    logins.log_in(first)
    with home.running() as old:
        press(old, (10, 10))
        logins.log_in(second)
        assert home.run_process("run", "--allow-root").code == 0
        first.kill()
        old.await_state("waiting")
        assert f"It waits for {first.name}, not {second.name}." in home.run_ok("status")
        with home.running() as new:
            assert old.ends() == 0
            press(new, (20, 20))
            new.stop()
    assert home.cells("clicks.left") == {(10, 10): 1, (20, 20): 1}


def test_a_paused_daemon_stays(home: Home, logins: Logins) -> None:
    first, second = logins.server(), logins.server()
    logins.log_in(first)
    with home.running() as old:
        home.run_ok("pause")
        first.kill()
        logins.log_in(second)
        result = home.run_process("run", "--allow-root")
        assert result.code == 0
        assert f"It is paused on {first.name}, not {second.name}." in result.out
        assert home.status()["pid"] == old.pid
        # The old login is gone, which only shows when it is resumed.
        resumed = home.run("resume")
        assert resumed.out.startswith("waiting")
        assert f"It waits for {first.name}, not {second.name}." in resumed.out
