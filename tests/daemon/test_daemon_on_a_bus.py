"""The real daemon beside a compositor that tells it over the session bus where the pointer is."""

import threading
from collections.abc import Iterator

import pytest
from support.bus import PrivateBus
from support.compositor import CAPTURE, Compositor
from support.program import Home, line_cells, wander
from support.shells import DISABLED, GnomeShell, KWin, staying
from support.waiting import wait_until

pytest_plugins = ("support.fixtures",)


@pytest.fixture
def bus(home: Home) -> Iterator[PrivateBus]:
    """A session of the user's with a bus and a Wayland compositor of one screen."""
    runtime = home.folder / "runtime"
    bus, screens = PrivateBus(runtime), Compositor(runtime, without=CAPTURE)
    bus.start()
    screens.start()
    screens.plug("DP-1")
    home.variables |= {"DBUS_SESSION_BUS_ADDRESS": bus.address, "WAYLAND_DISPLAY": screens.name}
    yield bus
    bus.stop()
    screens.kill()


@pytest.fixture
def kwin(bus: PrivateBus) -> Iterator[KWin]:
    yield from staying(bus, KWin(bus.address))


def counted(home: Home, events: int) -> None:
    def all_are_saved() -> bool:
        home.run_ok("snapshot")
        return int(home.status()["events"]) >= events

    wait_until(all_are_saved, f"{events} events are counted")
    home.run_ok("snapshot")  # the last of them may have come after that save, and before that status
    assert home.status()["events"] == events


def test_what_kwin_reports_is_counted_and_a_stop_takes_the_script_away(home: Home, kwin: KWin) -> None:
    points = wander(40, seed=3)
    with home.running() as daemon:
        assert home.status()["source"] == "KWin (Wayland)"
        kwin.move(*points)
        kwin.press(*points[-1], 1)
        counted(home, len(points) + 1)
        assert home.cells("travel") == line_cells(points)
        assert home.cells("clicks.left") == {points[-1]: 1}
        status = home.run_ok("status")
        assert "scroll is not seen" in status
        assert "clicks are not seen" not in status
        daemon.stop()
    assert not kwin.running
    assert not kwin.is_effect_loaded


def test_without_the_effect_motion_is_counted_and_status_says_what_to_do(home: Home, bus: PrivateBus) -> None:
    kwin = KWin(bus.address, has_effect=False)
    with home.running() as daemon:
        kwin.move((5, 5), (6, 5))
        counted(home, 2)
        assert "clicks are not seen: mousetrackd's effect for KWin is not installed" in home.run_ok("status")
        daemon.stop()
    bus.stop()
    kwin.quit()


def test_clicks_that_were_lost_are_in_status(home: Home, kwin: KWin) -> None:
    with home.running() as daemon:
        kwin.restart_compositing()
        wait_until(lambda: kwin.is_effect_loaded, "it was loaded again")
        wait_until(lambda: "clicks were not seen for" in home.run_ok("status"), "status says so")
        kwin.press(7, 8, 4)
        counted(home, 2)
        assert home.cells("clicks.middle") == {(7, 8): 1}
        daemon.stop()


def test_a_pause_takes_the_script_away_and_closes_every_connection(home: Home, kwin: KWin) -> None:
    with home.running() as daemon:
        kwin.move((5, 5))
        counted(home, 1)
        home.run_ok("pause")
        assert not kwin.running
        assert daemon.sockets() == []
        home.run_ok("resume")
        daemon.await_state("tracking")
        kwin.move((6, 5))
        counted(home, 2)


def test_when_kwin_crashes_and_returns_counting_goes_on_and_no_line_is_drawn_across(
    home: Home, bus: PrivateBus, kwin: KWin
) -> None:
    with home.running() as daemon:
        kwin.move((100, 100), (110, 100))
        counted(home, 2)
        kwin.quit()
        daemon.await_state("waiting")
        again = KWin(bus.address)
        daemon.await_state("tracking")
        again.move((500, 500), (510, 500))
        counted(home, 4)
        assert home.cells("travel") == line_cells([(100, 100), (110, 100)]) + line_cells([(500, 500), (510, 500)])
        daemon.stop()
        again.quit()


def test_a_daemon_after_a_killed_one_receives_each_move_once(home: Home, kwin: KWin) -> None:
    with home.running() as killed:
        killed.kill()
    with home.running():
        assert len(kwin.running) == 2
        kwin.move((1, 2), (3, 4))
        counted(home, 2)


def test_gnome_without_the_extension_is_blind_and_with_it_tracks(home: Home, bus: PrivateBus) -> None:
    shell = GnomeShell(bus.address, state=DISABLED)
    with home.running(state="blind") as daemon:
        assert "gnome-extensions enable" in home.run_ok("status")
        shell.enable()
        daemon.await_state("tracking")
        shell.move((7, 8))
        shell.press(1 << 8)
        counted(home, 2)
        assert home.cells("clicks.left") == {(7, 8): 1}
        daemon.stop()
    bus.stop()
    shell.quit()


def test_a_kwin_that_floods_is_counted_and_a_pause_and_the_end_are_obeyed_meanwhile(home: Home, kwin: KWin) -> None:
    ended = threading.Event()
    sent: list[int] = []

    def flood() -> None:
        while not ended.is_set():
            kwin.move(*((x, 5) for x in range(50)))
            sent.append(len(kwin.listeners))

    flooding = threading.Thread(target=flood)
    with home.running() as daemon:
        flooding.start()
        try:
            wait_until(lambda: sum(sent) > 40, "two thousand were sent")  # not all have been received
            home.run_ok("pause")
            assert daemon.sockets() == []
            assert int(home.status()["events"]) > 1000
            home.run_ok("resume")
            daemon.await_state("tracking")
            daemon.stop()
        finally:
            ended.set()
            flooding.join()
    assert not home.status()["problems"]
